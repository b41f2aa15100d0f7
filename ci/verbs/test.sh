# every Rust test, including the examples in the documentation
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
# The built-in camera's tests run it, with a stand-in for MaixPy.
need python3:python3-minimal
# eyelet-sim brings TLS in, so that its tests are among them; without TLS the riscv64 verb runs them.
cargo test --workspace --locked
