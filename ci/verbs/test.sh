# every Rust test, the examples in the documentation too
set -euo pipefail
. ci/lib/install.sh
. ci/lib/cargo.sh
cargo test --workspace --locked
