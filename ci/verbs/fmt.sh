# every Rust file is formatted
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_component rustfmt fmt
cargo fmt --all -- --check
