#!/bin/bash
# Installs the board's binary on a board, or removes it.
#
#   ci/deploy.sh HOST [BINARY]        with an init script: starts it now and at each boot, prints the address of its stream
#   ci/deploy.sh --app HOST [BINARY]  as an app of the MaixCAM, which starts at boot in place of the launcher
#   ci/deploy.sh --undo HOST          removes either installation, and says what it removed; /etc/eyelet.toml stays
#
# HOST is as for ssh: root@192.168.0.7, or a name from its configuration. BINARY defaults to what ci/check.sh cross built.
# An app that started at boot until then does so again after --undo.
# EYELET_SSH_CONFIG names another ssh configuration; EYELET_ROOT installs below that folder instead of / (tests).
set -euo pipefail
# Before the folder changes, since it reads this file.
. "$(dirname "${BASH_SOURCE[0]}")/lib/usage.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/board.sh"

as=init
case ${1:-} in
  --app | --undo)
    as=${1#--}
    shift
    ;;
esac
[ -n "${1:-}" ] || refuse "which board? ci/deploy.sh root@ADDRESS"
[ $as = undo ] && most=1 || most=2
[ $# -le $most ] || refuse "expected a board$([ $as = undo ] || echo ' and at most one file')"
no_flags "$@"
binary=${2:-}
[ -z "$binary" ] || binary=$(realpath -m "$binary")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${binary:=${CARGO_TARGET_DIR:-target}/riscv64gc-unknown-linux-musl/release/eyelet}"
[ $as = undo ] || [ -f "$binary" ] || die "no $binary; build it with ci/check.sh cross"
use_board "$1"

if [ $as = undo ]; then
  board_script ci/deploy/undo.sh || die "cannot remove eyelet from $host"
  exit
fi

found=$(on_board "cd $at/ && for app in maixapp/apps maixapp/apps/eyelet; do [ ! -d \$app ] || echo \$app; done") ||
  die "cannot reach $host with ssh"

if [ $as = app ]; then
  [ -n "$found" ] || die "$host has no /maixapp/apps, so it is no MaixCAM with a launcher; without --app eyelet gets an init script"
  stage=maixapp/eyelet.new
  trap 'on_board "rm -rf $at/$stage" || true' EXIT
  on_board "mkdir -p $at/$stage" || die "cannot write to $host"
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
  copy "$binary" "/$stage/eyelet"
  copy ci/deploy/S99eyelet "/$stage/S99eyelet"
  copy ci/deploy/main.sh "/$stage/main.sh"
  board_script ci/deploy/app.sh "$version" || die "cannot install the app on $host"
  say "eyelet starts when the board does: ssh $host reboot"
  exit
fi

case $found in *apps/eyelet*) die "eyelet is an app on $host; update it with --app, or remove it with --undo first" ;; esac
on_board "mkdir -p $at/usr/bin $at/etc/init.d $at/var/log $at/var/run" || die "cannot write to $host"
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
