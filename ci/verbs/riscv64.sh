# the tests of the board's packages, built for riscv64 and run under QEMU's user-mode emulation
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh

need qemu-riscv64-static:qemu-user-static
variables=$(ci/toolchain/riscv64-std.sh)
eval "$variables"
start=$SECONDS
# An emulated core is some ten times slower: proptest tries fewer cases than on the host, where all of them run.
export PROPTEST_CASES=${PROPTEST_CASES:-32}
export CARGO_TARGET_RISCV64GC_UNKNOWN_LINUX_MUSL_RUNNER=qemu-riscv64-static
cargo test --target riscv64gc-unknown-linux-musl -p eyelet-hal -p eyelet-core -p eyelet-v4l2 -p eyelet-maixcam "$@"
say "$((SECONDS - start)) s"
