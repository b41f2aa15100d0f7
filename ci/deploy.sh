#!/bin/bash
# Copies the board's binary to a board, starts it now and at each boot, and prints the address of its stream.
#
#   ci/deploy.sh HOST [BINARY]
#
# HOST is as for ssh: root@192.168.0.7, or a name from its configuration. BINARY defaults to what ci/check.sh cross built.
# EYELET_SSH_CONFIG names another ssh configuration; EYELET_ROOT installs below that folder instead of / (tests).
set -euo pipefail
# Before the folder changes, since it reads this file.
. "$(dirname "${BASH_SOURCE[0]}")/lib/usage.sh"

say() { echo "deploy.sh: $*" >&2; }
die() {
  say "$*"
  exit 1
}

[ $# -gt 0 ] || refuse "which board? ci/deploy.sh root@ADDRESS"
[ $# -le 2 ] || refuse "expected a board and at most one file"
no_flags "$@"
host=$1
binary=${2:-}
[ -z "$binary" ] || binary=$(realpath -m "$binary")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${binary:=${CARGO_TARGET_DIR:-target}/riscv64gc-unknown-linux-musl/release/eyelet}"
root=${EYELET_ROOT:-}
[ -f "$binary" ] || die "no $binary; build it with ci/check.sh cross"

options=(-o ConnectTimeout=10)
[ -z "${EYELET_SSH_CONFIG:-}" ] || options+=(-F "$EYELET_SSH_CONFIG")
# Boards with dropbear have no SFTP, which scp uses from OpenSSH 9 on; before 8.7 the flag did not exist.
legacy=()
scp -O 2>&1 | grep -qE '(unknown|illegal) option' || legacy=(-O)

# Quoted for the board's shell.
printf -v at %q "$root"
on_board() { ssh "${options[@]}" "$host" "$1"; }
copy() { scp -q "${options[@]}" "${legacy[@]}" "$1" "$host:$root$2" || die "cannot copy $1 to $host"; }

on_board "mkdir -p $at/usr/bin $at/etc/init.d $at/var/log $at/var/run" || die "cannot reach $host with ssh"
# A running program's file cannot be written to, but it can be replaced.
copy "$binary" /usr/bin/eyelet.new
copy ci/deploy/S99eyelet /etc/init.d/S99eyelet.new
service="EYELET_ROOT=$at sh $at/etc/init.d/S99eyelet"
on_board "set -e
  cd $at/
  chmod 755 usr/bin/eyelet.new etc/init.d/S99eyelet.new
  mv usr/bin/eyelet.new usr/bin/eyelet
  mv etc/init.d/S99eyelet.new etc/init.d/S99eyelet
  sync
  $service restart" >&2

# eyelet logs an address that a browser can open once it listens.
url=$(on_board "tries=30
  while [ \$tries -gt 0 ]; do
    # Lines before the last start do not count.
    url=\$(sed -n '/^S99eyelet: start/h;/streaming on /H;\${x;s/.*streaming on //p}' $at/var/log/eyelet.log)
    [ -z \"\$url\" ] || { echo \"\$url\"; exit; }
    $service status >/dev/null || break
    sleep 1; tries=\$((tries - 1))
  done
  tail -n 5 $at/var/log/eyelet.log >&2; exit 1") || die "eyelet does not stream; the end of its log is above"
# Only the build for riscv64 listens on the network by default.
case $url in *//127.* | *//\[::1\]*) say "only the board itself can watch; put bind = \"0.0.0.0:8000\" into /etc/eyelet.toml" ;; esac
echo "$url"
