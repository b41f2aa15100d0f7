# our JPEGs compared with libjpeg-turbo's, and decoded by it
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_component clippy clippy
need cmake:cmake nasm:nasm make:make
cargo test -p eyelet-bench --features peers --test libjpeg_turbo --locked
cargo clippy -p eyelet-bench --features peers --all-targets --locked -- -D warnings
