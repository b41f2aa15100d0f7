# the board's binary, built for riscv64 musl, and checks of the result
#
# If cross, a container engine and the image of Cross.toml are available, it is built as a user would build it, with
# `cross build`. Otherwise plain cargo builds it, with a std built from source and the toolchain's own linker. The output
# shows which was used. --write updates the size in the documentation.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/figures.sh

target=riscv64gc-unknown-linux-musl
binary=eyelet
# Some 135 kB of it for the built-in camera (starting MaixPy, the scaler, what doctor looks for), 25 kB for several cameras, and
# 60 kB for /events with what the page draws of it, pictures of BGR24, and signals that are obeyed while a camera is opened.
# Then live control, pictures that are rotated, masked and written on, the bit budget, the page with all that, and `top`.
budget=3200000 # bytes
toolchain=$(rustc -vV)

# why_not_cross: what is missing for cross, or nothing.
why_not_cross() {
  local image engine
  image=$(sed -n 's/^image = "\(.*\)"/\1/p' Cross.toml)
  command -v cross >/dev/null || {
    echo "cross is not installed"
    return
  }
  for engine in docker podman; do
    "$engine" info >/dev/null 2>&1 || continue
    "$engine" image inspect "$image" >/dev/null 2>&1 || echo "$engine has no image $image"
    return
  done
  echo "no container engine runs"
}

start=$SECONDS
lacks=$(why_not_cross)
if [ -z "$lacks" ]; then
  say "cross build"
  cross build --release --target "$target"
else
  say "no cross ($lacks): cargo build with a std from source"
  variables=$(ci/toolchain/riscv64-std.sh)
  eval "$variables"
  cargo build --release --target "$target"
fi
[ "$(rustc -vV)" = "$toolchain" ] || die "the build has changed the toolchain; it must never"

need readelf:binutils
elf=${CARGO_TARGET_DIR:-target}/$target/release/$binary
[ -f "$elf" ] || die "the build made no $elf"
header=$(readelf --file-header "$elf")
# is PATTERN WHAT: the header must have it.
is() { grep -q "$1" <<<"$header" || die "$elf is not $2"; }
is 'Class: *ELF64' '64-bit'
is 'Machine: *RISC-V' 'for RISC-V'
is 'Flags:.*double-float ABI' 'of the lp64d ABI'
# Neither a loader nor libraries: the board has glibc's or none.
! readelf --program-headers "$elf" | grep -q INTERP || die "$elf wants an interpreter"
! readelf --dynamic "$elf" | grep -q NEEDED || die "$elf wants shared libraries"
! readelf --section-headers --wide "$elf" | grep -q ' \.symtab ' || die "$elf is not stripped"
size=$(stat -c %s "$elf")
[ "$size" -le "$budget" ] || die "$elf has $size bytes, over the budget of $budget"
figure docs/board.md board-size "$size"
say "$elf: riscv64, static, lp64d, stripped, $size bytes of $budget, in $((SECONDS - start)) s"
