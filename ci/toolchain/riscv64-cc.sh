#!/bin/bash
# A C compiler for riscv64gc-unknown-linux-musl, for the one dependency that contains C (ring, of the feature tls):
# Debian's cross gcc with musl's headers. Prints the variables that cargo's build scripts look for:
#
#   eval "$(ci/toolchain/riscv64-cc.sh)"
#   cargo build --release --target riscv64gc-unknown-linux-musl -p eyelet-maixcam --features tls
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib/usage.sh"
[ $# -eq 0 ] || refuse "it takes no arguments"
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../lib/install.sh
. ../lib/debian.sh

need riscv64-linux-gnu-gcc:gcc-riscv64-linux-gnu >&2
musl=$EYELET_CACHE/musl-riscv64
if [ ! -f "$musl/complete" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && debian_apt "$EYELET_CACHE/apt" apt-get -qq download musl-dev:riscv64 >&2)
  rm -rf "$musl"
  mkdir -p "$musl"
  dpkg-deb -x "$work"/musl-dev_*.deb "$musl"
  touch "$musl/complete"
fi
# Nothing of glibc may be in it: not its headers, and not the functions that fortifying calls.
flags="-nostdinc -U_FORTIFY_SOURCE -isystem $musl/usr/include/riscv64-linux-musl"
flags+=" -isystem $(riscv64-linux-gnu-gcc -print-file-name=include)"
echo "export CC_riscv64gc_unknown_linux_musl=riscv64-linux-gnu-gcc"
echo "export CFLAGS_riscv64gc_unknown_linux_musl='$flags'"
