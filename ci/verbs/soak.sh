# [SECONDS] viewers coming and going, a camera pulled out and uploads failing, for 120 s or as long as told
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/soak.sh
treat_badly soak "${1:-120}"
