#!/bin/bash
# A standard library for riscv64gc-unknown-linux-musl without `rustup target add`, which is not always available and
# would change the toolchain. Prints the variables with which cargo finds it, or nothing if the toolchain has its own:
#
#   eval "$(ci/toolchain/riscv64-std.sh)"
#   cargo build --release --target riscv64gc-unknown-linux-musl -p eyelet-maixcam
#
# It is built once for each compiler, from Debian's rust-src of exactly its version, with musl's start files and libc, and
# LLVM's libunwind, like rustup's own. It stays in the cache (EYELET_CACHE, by default ~/.cache/eyelet; 96 MB); the
# toolchain is only read.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib/usage.sh"
[ $# -eq 0 ] || refuse "it takes no arguments"
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../lib/install.sh
. ../lib/cargo.sh
. ../lib/debian.sh

target=riscv64gc-unknown-linux-musl
sysroot=$(rustc --print sysroot)
version=$(rustc -vV | sed -n 's/^release: //p')
host=$(rustc -vV | sed -n 's/^host: //p')
key=$(rustc -vV | sha256sum | cut -c1-16)
store=$EYELET_CACHE/std
made=$store/$key
built=$made/lib/rustlib/$target
own=$sysroot/lib/rustlib/$target

# Earlier versions of this script left a link in the toolchain.
if [ -L "$own" ] && [[ $(readlink "$own") == */std/*/"$target" ]]; then
  rm "$own"
  say "removed the link $own"
fi
if [ -e "$own" ]; then
  say "$target: the toolchain has its own"
  exit
fi
[[ $made != *[[:space:]]* ]] || die "cargo takes no flag with a space in it: name another cache than '$EYELET_CACHE' with EYELET_CACHE"

# The linker is the toolchain's, and looked for beside the library. The flags join those of .cargo/config.toml.
finish() {
  [ -e "$made/lib/rustlib/$host" ] || ln -sfn "$sysroot/lib/rustlib/$host" "$made/lib/rustlib/$host"
  for tool in RUSTFLAGS RUSTDOCFLAGS; do
    echo "export CARGO_TARGET_RISCV64GC_UNKNOWN_LINUX_MUSL_$tool='--sysroot $made'"
  done
  exit
}
if [ -f "$built/complete" ]; then
  say "$target: std of rustc $version is in the cache"
  finish
fi

start=$SECONDS
mkdir -p "$store"
# One at a time: whoever waited finds it made.
exec 9>"$store/lock"
flock 9
[ ! -f "$built/complete" ] || finish
work=$(mktemp -d "$store/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# 1. Sources and start files.
need ar:binutils >&2
apt_state=$EYELET_CACHE/apt
source=$(debian_apt "$apt_state" apt-cache madison rust-src |
  awk -v v="$version" '!found && index($3, v "+") == 1 { print $3; found = 1 }')
[ -n "$source" ] ||
  die "Debian has no rust-src $version: no matching std can be built; run: rustup target add $target"
(
  cd "$work"
  debian_apt "$apt_state" apt-get -qq download \
    "rust-src=$source" musl-dev:riscv64 libunwind-19-dev:riscv64 libgcc-14-dev:riscv64 >&2
  mkdir src
  dpkg-deb --fsys-tarfile rust-src_*.deb |
    tar -x -C src --strip-components=4 "./usr/src/rustc-$version/library"
  for package in musl-dev libunwind-19-dev libgcc-14-dev; do dpkg-deb -x "$package"_*.deb unpacked; done
)

# 2. std, as rlibs. The dylib would want a riscv64 linker, and a static binary has no use for it.
sed -i 's/^crate-type = \["dylib", "rlib"\]/crate-type = ["rlib"]/' "$work/src/library/std/Cargo.toml"
(
  cd "$work/src/library"
  # The flags are those of the distributed std. RUSTC_BOOTSTRAP, because only std may use unstable features
  # on a stable compiler. Nothing of the caller's own build settings may leak in.
  env -u CARGO_BUILD_TARGET -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_RUSTFLAGS \
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" CARGO_INCREMENTAL=0 \
    RUSTFLAGS="-Zforce-unstable-if-unmarked -Cembed-bitcode=yes -Cforce-unwind-tables=yes -Cdebuginfo=0" \
    cargo build -q --profile dist --locked --target "$target" -p sysroot \
    --features "panic-unwind backtrace compiler-builtins-mem" >&2
)

# 3. The layout of a rustup target.
new=$work/new
self=$new/lib/self-contained
mkdir -p "$self"
cp "$work/target/$target/dist/deps/"lib*.rlib "$new/lib/"
musl=$work/unpacked/usr/lib/riscv64-linux-musl
gcc=$work/unpacked/usr/lib/gcc/riscv64-linux-gnu/14
cp "$musl"/{crt1,rcrt1,Scrt1,crti,crtn}.o "$musl"/libc.a "$musl"/lib{dl,m,pthread,rt,util}.a "$self/"
cp "$gcc"/{crtbegin,crtbeginS,crtend,crtendS}.o "$self/"

# Debian's libunwind is compiled against glibc; beyond musl it wants only these two fortified names. They drop
# the extra arguments. rustc assembles them, so no riscv64 assembler is needed.
cat >"$work/fortified.rs" <<'RUST'
#![no_std]
core::arch::global_asm!(
    ".globl __vfprintf_chk", "__vfprintf_chk:", "mv a1, a2", "mv a2, a3", "tail vfprintf",
    ".globl __vsnprintf_chk", "__vsnprintf_chk:", "mv a2, a4", "mv a3, a5", "tail vsnprintf",
);
RUST
rustc --edition 2021 --crate-type lib --target "$target" -L "$new/lib" --emit obj -C codegen-units=1 \
  -o "$work/fortified.o" "$work/fortified.rs"
cp "$work/unpacked/usr/lib/llvm-19/lib/libunwind.a" "$self/libunwind.a"
chmod u+w "$self/libunwind.a"
ar rs "$self/libunwind.a" "$work/fortified.o"

touch "$new/complete"
rm -rf "$built"
mkdir -p "${built%/*}"
mv "$new" "$built"
say "$target: built std of rustc $version in $((SECONDS - start)) s, $(du -sh "$built" | cut -f1) in $built"
finish
