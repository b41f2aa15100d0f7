#!/bin/bash
# Boots the virtual board and becomes its QEMU, so that ending this process ends the board. Its console is stdout.
#
#   ci/vboard/boot.sh [--python] FOLDER WORK [HOSTPORT:GUESTPORT]...
#
# FOLDER appears as /test on the board. WORK receives the initramfs and the socket `shell`, a shell on the board,
# unless FOLDER/.command contains a command to run. With --python the board has a Python.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../lib/usage.sh"
python=
if [ "${1:-}" = --python ]; then
  python=yes
  shift
fi
no_flags "$@"
[ $# -ge 2 ] || refuse "FOLDER and WORK are missing"
. "$here/../lib/install.sh"
. "$here/../lib/debian.sh"
folder=$1 work=$2
shift 2

need_package qemu-system-misc opensbi cpio >&2
base=$("$here/prepare.sh")
archives=("$base/base.cpio.gz")
[ -z "$python" ] || archives+=("$("$here/python.sh")")
overlay=$(mktemp -d "$work/overlay.XXXXXX")
mkdir "$overlay/test"
cp -r "$folder/." "$overlay/test/"
cp "$here/init" "$overlay/init"
chmod +x "$overlay/init"
chmod 755 "$overlay" # it is the board's /, and mktemp made it for one user
# The kernel unpacks one archive after the other.
{
  cat "${archives[@]}"
  (cd "$overlay" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1)
} >"$work/initramfs"
rm -rf "$overlay"

forward=
for port in "$@"; do forward+=",hostfwd=tcp:127.0.0.1:${port%%:*}-:${port##*:}"; done
# As much memory for the kernel as the MaixCAM has, and above it 64 MiB that the kernel keeps out of, for ci/vsg2002:
# 48 MiB from 0x90000000 on; QEMU puts the device tree at the end of the rest. Two processors, because an emulated one
# is slower than a real one.
exec qemu-system-riscv64 -M virt -smp 2 -m 320 -accel tcg,thread=multi \
  -display none -monitor none -serial stdio -no-reboot \
  -kernel "$base/kernel" -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=-1 mem=256M" \
  -netdev "user,id=net,restrict=on$forward" -device virtio-net-pci,netdev=net,romfile= \
  -device virtio-serial-pci -chardev "socket,id=shell,path=$work/shell,server=on,wait=off" \
  -device virtserialport,chardev=shell,name=shell </dev/null
