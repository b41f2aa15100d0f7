#!/bin/bash
# Gives the installed Rust toolchain a standard library for riscv64gc-unknown-linux-musl where
# `rustup target add` is not to be had (and must not be: it could change the toolchain).
#
#   ci/toolchain/riscv64-std.sh           make it, once for each compiler
#   ci/toolchain/riscv64-std.sh --remove  take it out of the toolchain again
#
# It is built from Debian's rust-src of exactly this compiler's version, with musl's start files and libc, and
# LLVM's libunwind, as rustup's own has. It stays in the cache; the sysroot gets one symbolic link to it, which
# is what makes plain `cargo build --target` work without a flag. Where rustup's own is there, nothing happens.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../lib/install.sh
. ../lib/cargo.sh
. ../lib/debian.sh

target=riscv64gc-unknown-linux-musl
sysroot=$(rustc --print sysroot)
version=$(rustc -vV | sed -n 's/^release: //p')
key=$(rustc -vV | sha256sum | cut -c1-16)
link=$sysroot/lib/rustlib/$target
store=$EYELET_CACHE/std
built=$store/$key/$target

if [ "${1:-}" = --remove ]; then
  [ ! -L "$link" ] || rm "$link"
  exit 0
fi
if [ -e "$link" ] && [ ! -L "$link" ]; then
  say "$target: the toolchain has its own"
  exit 0
fi

install_link() {
  [ "$(readlink "$link" || true)" = "$built" ] && return
  rm -f "$link"
  ln -s "$built" "$link" 2>/dev/null ||
    die "cannot write to $sysroot; run this as its owner, or install the target with: rustup target add $target"
}
# Another cache may have made it for this very compiler.
if [ -f "$link/complete" ] && [[ $(readlink "$link") == */"$key/$target" ]]; then
  say "$target: std of rustc $version is there"
  exit 0
fi
if [ -f "$built/complete" ]; then
  install_link
  say "$target: std of rustc $version is in the cache"
  exit 0
fi

start=$SECONDS
mkdir -p "$store"
# One at a time: whoever waited finds it made.
exec 9>"$store/lock"
flock 9
[ ! -f "$built/complete" ] || exec ./riscv64-std.sh
# One of another compiler would be found beside the one that is being made.
rm -f "$link"
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
install_link
say "$target: built std of rustc $version in $((SECONDS - start)) s, $(du -sh "$built" | cut -f1) in $built"
