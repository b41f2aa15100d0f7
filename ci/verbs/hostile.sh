# [SECONDS] thousands of hostile peers beside honest viewers, twice for 45 s; some that request or guess without pause; then 10,000 mutated requests
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/programs.sh
programs
treat_badly hostile "${1:-45}"
treat_badly greedy
treat_badly guessing
treat_badly requests
