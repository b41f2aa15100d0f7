#!/bin/bash
# The acceptance run on a real board: what works, how fast it is and what is left afterwards, in one report for a bug.
#
#   ci/board.sh HOST [BINARY]
#
# HOST is as for ssh. BINARY defaults to what ci/check.sh cross built; it is copied to a folder in /tmp of the board, and
# installed nowhere. The report is eyelet-board.txt (EYELET_REPORT names another file). Names of networks, passwords and
# addresses are not in it.
#
# MINUTES=10 is how long it streams, SIZE=1280x720 at which size. All of it takes about a quarter of an hour.
#
# It is safe to run: it opens the camera only while no other program has it, nor where MaixPy would reload drivers, as far as
# the kernel's list of picture memory shows, and leaves no process and no file on the board, also when it is interrupted or the
# connection is lost. Exit code 1 if something failed or was left.
# EYELET_SSH_CONFIG and EYELET_ROOT are as for ci/deploy.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/usage.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/board.sh"

[ -n "${1:-}" ] || refuse "which board? ci/board.sh root@ADDRESS"
[ $# -le 2 ] || refuse "expected a board and at most one file"
no_flags "$@"
minutes=${MINUTES:-10} size=${SIZE:-1280x720}
[[ $minutes =~ ^[1-9][0-9]{0,3}$ ]] || refuse "MINUTES is a number from 1 to 9999"
[[ $size =~ ^([1-9][0-9]{1,3})x([1-9][0-9]{1,3})$ ]] || refuse "SIZE is like 1280x720"
width=${BASH_REMATCH[1]} height=${BASH_REMATCH[2]}
((width >= 64 && width <= 2560 && width % 2 == 0 && height >= 64 && height <= 1440 && height % 2 == 0)) ||
  refuse "SIZE has even sides from 64x64 to 2560x1440, as the built-in camera has"
report=$(realpath -m "${EYELET_REPORT:-eyelet-board.txt}")
binary=${2:-}
[ -z "$binary" ] || binary=$(realpath -m "$binary")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${binary:=${CARGO_TARGET_DIR:-target}/riscv64gc-unknown-linux-musl/release/eyelet}"
[ -f "$binary" ] || die "no $binary; build it with ci/check.sh cross"
{ : >>"$report"; } 2>/dev/null || die "cannot write $report; name another file with EYELET_REPORT"
use_board "$1"

work=$(mktemp -d)
folder=
heart=
cleanup() {
  [ -z "$heart" ] || kill "$heart" 2>/dev/null || true
  rm -rf "$work"
  # Before the run has it, which removes it itself.
  [ -z "$folder" ] || on_board "rm -rf '$folder'" || say "$folder is left on $host"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# Lines that may name a network or a secret are left out, and addresses of all kinds replaced.
without_secrets() {
  sed -uE -e '/ssid|psk|passw|passphrase|secret|credential|bearer/Id' \
    -e 's#//[^/@ ]*@#//#g' \
    -e 's/\b([0-9]{1,3}\.){3}[0-9]{1,3}\b/ADDRESS/g' \
    -e 's/\b([0-9a-fA-F]{1,4}:){4,}[0-9a-fA-F:]*/ADDRESS/g' \
    -e 's/\b([0-9a-fA-F]{1,4}:)+:[0-9a-fA-F:]*/ADDRESS/g'
}

folder=$(on_board "mkdir -p $at/tmp && mktemp -d $at/tmp/eyelet-board.XXXXXX") || die "cannot reach $host with ssh"
[[ $folder == "$root"/tmp/eyelet-board.* ]] || die "$host answers with something else than the name of a folder"
copy "$binary" "${folder#"$root"}/eyelet"
copy ci/board/run.sh "${folder#"$root"}/run.sh"
on_board "chmod 755 '$folder/eyelet'"
# The run on the board ends with this line, or with the connection.
mkfifo "$work/heartbeat"
(
  trap 'exit' TERM
  while echo; do sleep 2; done
) >"$work/heartbeat" 2>/dev/null &
heart=$!
say "the report goes to $report; this takes about $((minutes + 5)) minutes"
theirs=$folder
status=0
# From here on the run removes the folder, whatever happens to this side.
folder=
# shellcheck disable=SC2029 # quoted for the board
ssh "${options[@]}" "$host" "EYELET_ROOT=$at exec sh '$theirs/run.sh' '$theirs' $minutes $size" <"$work/heartbeat" 2>&1 |
  without_secrets | tee "$report" || status=$?
tail -n 1 "$report" | grep -qx "end of the report" || die "the run did not end; $report has what there was"
say "the report is $report"
untested=$(grep "^nothing of the built-in camera was tested: " "$report") || untested=
[ -z "$untested" ] || say "$untested"
exit $status
