# fmt, arrows, clippy, unit and HTTP tests: for use while editing, 4 minutes with a warm target folder (not in all)
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
for verb in fmt arrows clippy; do
  say "$verb"
  bash "ci/verbs/$verb.sh"
done
# All packages, as in `test`, so that nothing is built twice.
cargo test --workspace --locked --lib --bins
cargo test --workspace --locked --test http
