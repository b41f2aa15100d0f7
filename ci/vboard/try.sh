#!/bin/bash
# Runs a program of your own on the virtual board, and watches its stream from outside.
#
#   ci/vboard/try.sh PROGRAM
#
# PROGRAM is built for riscv64gc-unknown-linux-musl. It is started without arguments, beside a USB camera made of software,
# and must stream that camera's pictures on port 8000 of all addresses; then the camera is unplugged and plugged in again.
# ci/vcam/tests/board/application.rs is the test. Its parts are built in CARGO_TARGET_DIR, by default this folder's target.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../lib/usage.sh"
no_flags "$@"
[ $# -eq 1 ] || refuse "PROGRAM is missing, or there is more than one"
. "$here/../lib/install.sh"
. "$here/../lib/cargo.sh"
[ -f "$1" ] || die "there is no $1; build it first"
EYELET_APPLICATION=$(realpath "$1")
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export EYELET_APPLICATION CARGO_TARGET_DIR
cd "$here/../.."

target=riscv64gc-unknown-linux-musl
need_package qemu-system-misc opensbi cpio
ci/vboard/prepare.sh >/dev/null
# As ci/check.sh vboard builds them, so that they are built once.
cargo test --locked --no-run --workspace --test board
variables=$(ci/toolchain/riscv64-std.sh)
eval "$variables"
cargo build --locked --release --target "$target" -p eyelet-vcam
EYELET_BOARD_PROGRAMS=$CARGO_TARGET_DIR/$target/release \
  cargo test -q --locked --workspace --test board -- --ignored --nocapture application::
