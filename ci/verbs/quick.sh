# fmt, arrows, clippy, and the unit and HTTP tests: for whoever works on it, 4 minutes once all was built (not in all)
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
for verb in fmt arrows clippy; do
  say "$verb"
  bash "ci/verbs/$verb.sh"
done
# The same features as in `test`, so that nothing is built twice.
cargo test --workspace --locked --lib --bins
cargo test --workspace --locked --test http
