# shellcheck shell=bash
# A board that is reached with ssh. Sourced after usage.sh.
#
# EYELET_SSH_CONFIG names another ssh configuration; EYELET_ROOT is the folder that stands in for / on the board (tests).

say() { echo "${0##*/}: $*" >&2; }
die() {
  say "$*"
  exit 1
}

# use_board HOST: the board that the others reach. $at is its /, quoted for its shell.
use_board() {
  host=$1
  root=${EYELET_ROOT:-}
  printf -v at %q "$root"
  options=(-o ConnectTimeout=10)
  [ -z "${EYELET_SSH_CONFIG:-}" ] || options+=(-F "$EYELET_SSH_CONFIG")
  # Boards with dropbear have no SFTP, which scp uses from OpenSSH 9 on; before 8.7 the flag did not exist.
  legacy=()
  scp -O 2>&1 | grep -qE '(unknown|illegal) option' || legacy=(-O)
}

# on_board COMMAND
on_board() { ssh "${options[@]}" "$host" "$1"; }

# board_script FILE [ARGUMENT]...: runs a script of ours in the board's shell.
board_script() {
  local words=
  [ $# -eq 1 ] || printf -v words ' %q' "${@:2}"
  # shellcheck disable=SC2029 # quoted for the board
  ssh "${options[@]}" "$host" "EYELET_ROOT=$at sh -s --$words" <"$1"
}

# copy FILE PATH: to that path below the board's /.
copy() { scp -q "${options[@]}" "${legacy[@]}" "$1" "$host:$root$2" || die "cannot copy $1 to $host"; }
