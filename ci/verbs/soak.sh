# [SECONDS] viewers come and go, the camera is unplugged and uploads fail, for 120 s by default
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/programs.sh
programs
treat_badly soak "${1:-120}"
