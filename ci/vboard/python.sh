#!/bin/bash
# Prints the name of an archive to append to the virtual board's initramfs: Debian's minimal Python for riscv64, and the
# C library that it needs. Built once, kept in the cache.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../lib/usage.sh"
[ $# -eq 0 ] || refuse "it takes no arguments"
. "$here/../lib/install.sh"
. "$here/../lib/debian.sh"

key=$(echo "$EYELET_DEBIAN_SUITE" | cat - "${BASH_SOURCE[0]}" | sha256sum | cut -c1-12)
folder=$EYELET_CACHE/vboard/python-$key
if [ -f "$folder/python.cpio.gz" ]; then
  echo "$folder/python.cpio.gz"
  exit
fi

start=$SECONDS
need cpio:cpio >&2
mkdir -p "$EYELET_CACHE/vboard"
work=$(mktemp -d "$EYELET_CACHE/vboard/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# python3-minimal depends on the version's own packages.
version=$(debian_apt "$EYELET_CACHE/apt" \
  apt-cache depends --no-recommends --no-suggests python3-minimal:riscv64 |
  sed -n 's/.*Depends: \(python3[0-9.]*\)-minimal.*/\1/p' | head -n 1)
[ -n "$version" ] || die "$EYELET_DEBIAN_SUITE has no riscv64 Python"
say "fetching $version"
packages=("$version-minimal" "lib$version-minimal" libc6 libexpat1 zlib1g)
debian_apt "$EYELET_CACHE/apt" apt-get -qq download "${packages[@]/%/:riscv64}" >&2
mkdir unpacked root new
for package in *.deb; do dpkg-deb -x "$package" unpacked; done

# The board's root is memory: of the packages only what a program with sockets needs. The C library's loader is /lib's.
encodings=({__init__,aliases,ascii,latin_1,utf_8}.py)
mkdir -p root/usr/bin root/usr/lib/riscv64-linux-gnu
ln -s usr/lib root/lib
cp -a unpacked/usr/bin/"$version" root/usr/bin/
ln -s "$version" root/usr/bin/python3
cp -a unpacked/usr/lib/ld-linux-* root/usr/lib/
cp -a unpacked/usr/lib/riscv64-linux-gnu/{ld-linux-*,libc.so.*,libm.so.*,libz.so.*,libexpat.so.*} \
  root/usr/lib/riscv64-linux-gnu/
cp -a unpacked/usr/lib/"$version" root/usr/lib/
cd root/usr/lib/"$version"
rm -rf lib-dynload email urllib ssl.py pydoc_data
mkdir kept
mv "${encodings[@]/#/encodings/}" kept/
rm -r encodings
mv kept encodings
mkdir lib-dynload # Python warns without it
cd "$work"
find root -type l ! -exec test -e {} \; -delete # sitecustomize.py leads to /etc

(cd root && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >new/python.cpio.gz
rm -rf "$folder"
mv new "$folder"
say "$version for the virtual board made in $((SECONDS - start)) s"
echo "$folder/python.cpio.gz"
