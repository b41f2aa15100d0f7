# how many instructions a frame costs on the board's processor, against ci/instructions/budget
#
# Counted under QEMU's user-mode emulation: the same on every machine, however busy it is. By itself it takes --all, which
# counts what has no budget too: every edit in every format, as benches/README.md has them, and jpeg-encoder.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh

need qemu-riscv64:qemu-user
variables=$(ci/toolchain/riscv64-std.sh)
eval "$variables"
target=riscv64gc-unknown-linux-musl
out=${CARGO_TARGET_DIR:-target}/instructions
plugin=$out/count.so
program=$out/$target/release/eyelet-instructions
mkdir -p "$out"
cc -O2 -Wall -Wextra -shared -fPIC -o "$plugin" ci/instructions/count.c
cargo build --release --target "$target" --manifest-path ci/instructions/Cargo.toml --target-dir "$out"

# ran ARGUMENT...: instructions of the whole program.
ran() {
  qemu-riscv64 -plugin "$plugin" "$program" "$@" 2>&1 | sed -n 's/^instructions: //p'
}
# frame ENCODER FORMAT: instructions of one frame, without what starting up and making the picture cost.
frame() {
  local few=1 many=5 first all
  # Where nothing else is done, what the allocator does for the first frames would be a tenth of the count.
  [ "$1" != unedited ] || few=20 many=120
  first=$(ran "$1" "$2" 320 240 $few)
  all=$(ran "$1" "$2" 320 240 $many)
  [ -n "$first" ] && [ -n "$all" ] || die "qemu-riscv64 counted nothing; does it know -plugin?"
  echo $(((all - first) / (many - few)))
}

failed=0
while read -r encoder format budget; do
  [ -n "$encoder" ] && [ "$encoder" != '#' ] || continue
  count=$(frame "$encoder" "$format")
  say "$encoder $format: $count instructions a frame, budget $budget"
  [ $((count * 100)) -le $((budget * 103)) ] || failed=1
done <ci/instructions/budget
if [ "${1:-}" = --all ]; then
  for name in eyelet jpeg-encoder unedited rotate-90 flip-h flip-v mask overlay overlay-each; do
    for format in nv12 nv21 i420 yuv422p yuyv rgb24 bgr24 grey; do
      count=$(frame "$name" "$format")
      say "$name $format: $count instructions a frame"
    done
  done
fi
[ $failed -eq 0 ] || die "over the budget of ci/instructions/budget; lower the count, or say why it must rise"
