# [SECONDS] thousands of peers that mean no good while honest ones watch, for 60 s or so; then 10,000 mutated requests
set -euo pipefail
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/soak.sh
treat_badly hostile "${1:-60}"
treat_badly requests
