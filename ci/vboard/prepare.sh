#!/bin/bash
# Prints a folder that holds `kernel` and `base.cpio.gz` for the virtual board: a Debian riscv64 kernel, its camera,
# USB and virtio modules, and a static busybox. Built once, kept in the cache.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../lib/usage.sh"
[ $# -eq 0 ] || refuse "it takes no arguments"
. "$here/../lib/install.sh"
. "$here/../lib/debian.sh"
. "$here/../lib/unpacked.sh"

# vivid: a camera with raw formats and error injection. vhci-hcd + uvcvideo: the USB camera of ci/vcam.
# cuse: the JPEG unit of ci/vsg2002. virtio_net: the host reads the stream. virtio_console: the host's shell on the board.
modules="virtio_net virtio_console vivid vhci-hcd uvcvideo cuse"

key=$(echo "$EYELET_DEBIAN_SUITE $modules" | cat - "${BASH_SOURCE[0]}" | sha256sum | cut -c1-12)
folder=$EYELET_CACHE/vboard/$key
if [ -f "$folder/kernel" ]; then
  echo "$folder"
  exit
fi

start=$SECONDS
need cpio:cpio xz:xz-utils >&2
# Not installed: it brings a service.
kmod=$(unpacked kmod)/run
mkdir -p "$EYELET_CACHE/vboard"
work=$(mktemp -d "$EYELET_CACHE/vboard/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# linux-image-riscv64 depends on the kernel's own package.
kernel=$(debian_apt "$EYELET_CACHE/apt" \
  apt-cache depends --no-recommends --no-suggests linux-image-riscv64:riscv64 |
  sed -n 's/.*Depends: \(linux-image-[0-9][^: ]*\).*/\1/p' | head -n 1)
[ -n "$kernel" ] || die "$EYELET_DEBIAN_SUITE has no riscv64 kernel"
say "fetching $kernel"
debian_apt "$EYELET_CACHE/apt" apt-get -qq download "$kernel:riscv64" busybox-static:riscv64 >&2
dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x ./boot ./usr/lib/modules
dpkg-deb --fsys-tarfile busybox-static_*.deb | tar -x ./usr/bin/busybox
rm ./*.deb

# modprobe looks in lib, the package has usr/lib. The order it names is the order the board loads them in.
release=$(ls usr/lib/modules)
mkdir -p root/bin root/mod
ln -s usr/lib lib
"$kmod" depmod -b . "$release"
for module in $modules; do
  "$kmod" modprobe -d . -S "$release" --show-depends "$module" | while read -r verb path _; do
    [ "$verb" = insmod ] || continue # built in
    name=$(basename "$path" .ko.xz)
    [ ! -e "root/mod/$name.ko" ] || continue
    xz -dc "$path" >"root/mod/$name.ko"
    echo "$name" >>root/mod/order
  done
done
cp usr/bin/busybox root/bin/

mkdir new
(cd root && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >new/base.cpio.gz
cp boot/vmlinu[xz]-* new/kernel
rm -rf "$folder"
mv new "$folder"
say "virtual board of $kernel made in $((SECONDS - start)) s"
echo "$folder"
