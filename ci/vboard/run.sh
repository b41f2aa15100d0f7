#!/bin/bash
# The virtual board: a riscv64 machine in QEMU with a V4L2 test camera and a USB camera.
#
#   ci/vboard/run.sh [-y] [-t SECONDS] [-p HOST:GUEST]... [-f FILE]... COMMAND...
#
# Runs COMMAND in the board's shell, in a folder with the FILEs. With -y the board has a Python.
# Its exit status is the command's; 124 if the board did not finish within the time (120 s).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../lib/usage.sh"

limit=120 ports=() files=() python=()
while getopts :yt:p:f: option; do
  case $option in
    y) python=(--python) ;;
    t) limit=$OPTARG ;;
    p) ports+=("$OPTARG") ;;
    f) files+=("$OPTARG") ;;
    :) refuse "-$OPTARG needs a value" ;;
    *) refuse "the flags are -y, -t, -p and -f" ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || refuse "COMMAND is missing"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/test"
for file in "${files[@]}"; do cp -r "$file" "$work/test/"; done
echo "$*" >"$work/test/.command"

start=$SECONDS
set +e
timeout -k 5 "$limit" "$here/boot.sh" "${python[@]}" "$work/test" "$work" "${ports[@]}" |
  sed -u 's/\r$//' | tee "$work/console"
set -e
status=$(sed -n 's/^vboard-status=\([0-9]*\)$/\1/p' "$work/console" | tail -n 1)
echo "run.sh: $((SECONDS - start)) s" >&2
if [ -z "$status" ]; then
  echo "run.sh: the board did not finish within $limit s" >&2
  status=124
fi
exit "$status"
