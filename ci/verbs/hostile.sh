# [SECONDS] thousands of peers that mean no good while honest ones watch, twice for 45 s; some that ask or guess without end; then 10,000 mutated requests
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/soak.sh
treat_badly hostile "${1:-45}"
treat_badly greedy
treat_badly guessing
treat_badly requests
