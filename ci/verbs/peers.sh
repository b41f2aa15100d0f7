# our JPEGs compared with libjpeg-turbo's, and decoded by it
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_component clippy clippy
need cmake:cmake nasm:nasm make:make
# With all packages chosen, what `test` and `clippy` have built is there.
cargo test --workspace --features eyelet-bench/peers --test libjpeg_turbo --locked
cargo clippy --workspace --features eyelet-bench/peers --all-targets --locked -- -D warnings
