#!/bin/bash
# Builds the board's binary and runs it on the virtual board, with its cameras' faults: ci/vcam/tests/board.
#
#   ci/vboard/test.sh [TEST-NAME]...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. ci/toolchain/debian.sh
export RUSTUP_DIST_SERVER=http://127.0.0.1:9 RUSTUP_UPDATE_ROOT=http://127.0.0.1:9

target=riscv64gc-unknown-linux-musl
ci/cross.sh
cargo build --release --target "$target" -p eyelet-vcam
cargo test --no-run -p eyelet-vcam --test board
# What the first boot would do, done here where its messages are seen.
debian_install qemu-system-misc opensbi cpio
ci/vboard/prepare.sh >/dev/null

start=$SECONDS
EYELET_BOARD_PROGRAMS=$PWD/target/$target/release \
  cargo test -q -p eyelet-vcam --test board -- --include-ignored --test-threads=1 --nocapture "$@"
say "virtual board: $((SECONDS - start)) s"
