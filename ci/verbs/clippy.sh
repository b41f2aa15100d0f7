# no warning from the compiler or clippy
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_component clippy clippy
cargo clippy --workspace --all-targets --locked -- -D warnings
