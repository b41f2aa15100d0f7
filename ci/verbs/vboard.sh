# the board's binary on a virtual board, with camera faults: ci/vcam/tests/board
#
# EYELET_QUIET=1 means that nothing else runs on this machine: then no picture may be skipped.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh

target=riscv64gc-unknown-linux-musl
bash ci/verbs/cross.sh
variables=$(ci/toolchain/riscv64-std.sh)
eval "$variables"
cargo build --release --target "$target" -p eyelet-vcam
# By itself, so that the features of its model stay out of the others.
cargo build --release --target "$target" -p eyelet-vsg2002
# With the packages that `test` and `riscv64` choose, whose builds are there.
cargo test --no-run --workspace --test board
board=(-p eyelet-hal -p eyelet-core -p eyelet-v4l2 -p eyelet-maixcam)
vivid=$(cargo test --no-run --target "$target" "${board[@]}" --test vivid --message-format json |
  sed -n 's/.*"executable":"\([^"]*\/vivid-[^"]*\)".*/\1/p')
# What the first boot would do, done here where its messages are seen.
need_package qemu-system-misc opensbi cpio
ci/vboard/prepare.sh >/dev/null
ci/vboard/python.sh >/dev/null

start=$SECONDS
# The capture library by itself, down to the driver's injected errors.
ci/vboard/run.sh -f "$vivid" "./${vivid##*/} --ignored --test-threads=1"
EYELET_BOARD_PROGRAMS=$PWD/target/$target/release \
  cargo test -q --workspace --test board -- --include-ignored --skip application:: --test-threads=1 --nocapture "$@"
say "virtual board: $((SECONDS - start)) s"
