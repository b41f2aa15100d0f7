#!/bin/bash
# The tests of the packages that run on the board, built for it and run under QEMU's user-mode emulation.
#
#   ci/riscv64.sh [CARGO-TEST-ARGUMENT]...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. ci/toolchain/debian.sh
export RUSTUP_DIST_SERVER=http://127.0.0.1:9 RUSTUP_UPDATE_ROOT=http://127.0.0.1:9

debian_install qemu-user-static
ci/toolchain/riscv64-std.sh
start=$SECONDS
# An emulated core is some ten times slower: proptest tries fewer cases than on the host, where all of them run.
export PROPTEST_CASES=${PROPTEST_CASES:-32}
export CARGO_TARGET_RISCV64GC_UNKNOWN_LINUX_MUSL_RUNNER=qemu-riscv64-static
cargo test --target riscv64gc-unknown-linux-musl -p eyelet-hal -p eyelet-core -p eyelet-maixcam "$@"
say "$((SECONDS - start)) s"
