# ci/board.sh, against a private SSH server: its report, and what it leaves behind when it is interrupted
#
# A folder stands in for /, with the files of a MaixCAM, and a script for the binary. The shell is BusyBox', as on the board.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/unpacked.sh
. ci/lib/sshd.sh

need ssh:openssh-client scp:openssh-client python3:python3
work=$(mktemp -d)
run=
cleanup() {
  [ -z "$run" ] || kill -KILL "$run" 2>/dev/null || true
  [ ! -f "$work/left" ] || xargs kill <"$work/left" 2>/dev/null || true
  stop_sshd
  rm -rf "$work"
}
trap cleanup EXIT
fail() { die "$1: $(cat "$work/told" "$work/report" 2>&1 | tail -n 20)"; }
start_sshd

export EYELET_ROOT=$work/board EYELET_REPORT=$work/report MINUTES=1
board=$EYELET_ROOT
mkdir -p "$board/boot" "$board/proc" "$board/lib" "$board/sys/kernel/debug/ion/cvi_carveout_heap_dump"
printf 'id=maixcam_pro\n' >"$board/boot/board"
printf 'soph_vi 100 1 - Live 0x0\nwifi 1 0 - Live 0x0\n' >"$board/proc/modules"
carveout=$board/sys/kernel/debug/ion/cvi_carveout_heap_dump/summary
printf '[0] carveout heap size:1000 bytes, used:100 bytes\nDetails:\n 0 100 8b30 1 VbPool0\n\n' >"$carveout"
printf '#!/bin/sh\necho "musl libc (riscv64)" >&2\necho "Version 1.2.2" >&2\n' >"$board/lib/ld-musl-riscv64.so.1"
chmod 755 "$board/lib/ld-musl-riscv64.so.1"

# Says who has the camera in $held, leaks memory and a process if there is a file `leak`, and hangs at the point that `hang` names.
echo nobody >"$work/held"
cat >"$work/eyelet" <<STANDIN
#!/bin/sh
work=$work carveout=$carveout
STANDIN
cat >>"$work/eyelet" <<'STANDIN'
echo "$*" >>"$work/calls"
hang() {
  [ "$(cat "$work/hang" 2>/dev/null)" != "$1" ] || { echo $$ >"$work/hangs"; exec sleep 600; }
}
case "$*" in
  --version) echo "eyelet 0.1.0" ;;
  *--conformance*)
    hang conformance
    echo "csi: conforms, ssid=HomeNet, seen by 203.0.113.7 and fe80:1:2:3:4:5:6:7 at aa:bb:cc:dd:ee:ff"
    echo "http://me:pw1@192.168.0.7/"
    ;;
  doctor*)
    echo "camera   csi  the built-in camera"
    echo "           held by: $(cat "$work/held")"
    case "$*" in *--camera*) echo "           frames: 30 of 640x480 nv21, 29.9 a second, 21 ms old on arrival" ;; esac
    ;;
  serve*)
    [ ! -f "$work/leak" ] || {
      echo "used:300 bytes" >"$carveout"
      # As a process of MaixPy's that has lost its parent.
      sleep 600 </dev/null >/dev/null 2>&1 &
      echo $! >>"$work/left"
    }
    # Before it streams: from then on it may be stopped.
    sleep 600 &
    trap 'echo closed >>"$work/calls"; kill $!; exit 0' TERM
    echo $$ >"$work/serves"
    echo "streaming on http://127.0.0.1:9/"
    wait
    ;;
  watch*)
    hang watch
    printf '{\n  "frames": 60,\n  "fps": 29.9,\n  "latency": {\n    "p50_ms": 21.5,\n    "p99_ms": 30\n  },\n  "gaps": 0,\n  "damaged": 0\n}\n'
    ;;
esac
STANDIN
chmod 755 "$work/eyelet"

clean() {
  [ -z "$(find "$board/tmp" -mindepth 1 2>/dev/null)" ] && ! grep -qs "$board/tmp/eyelet-board" /proc/[0-9]*/cmdline
}
said() { grep -qF -- "$1" "$work/report" || fail "the report does not say '$1'"; }

# What is wrong on this side is found before anything is done on the board.
for wrong in MINUTES=0 MINUTES=08 MINUTES=ten SIZE=0x0 SIZE=641x480 SIZE=640x0480 SIZE=62x64 SIZE=2560x1442; do
  status=0
  env "$wrong" ci/board.sh board "$work/eyelet" >"$work/told" 2>&1 || status=$?
  [ $status = 2 ] || fail "$wrong ends with $status"
done
status=0
ci/board.sh "" "$work/eyelet" >"$work/told" 2>&1 || status=$?
[ $status = 2 ] || fail "a board without a name ends with $status"
! EYELET_REPORT=$work ci/board.sh board "$work/eyelet" >"$work/told" 2>&1 || fail "the report is a folder"
grep -q "cannot write $work; name another file with EYELET_REPORT" "$work/told" || fail "it does not say that it cannot write"
[ ! -e "$work/calls" ] || fail "the board is touched although the report cannot be written"

ci/board.sh board "$work/eyelet" >"$work/told" 2>&1 || fail "the run ends with $?"
! grep -q "nothing of the built-in camera" "$work/told" || fail "it says that nothing was tested"
clean || fail "the run leaves $(find "$board/tmp" -mindepth 1)"
said "board: maixcam_pro"
said "musl: 1.2.2"
said "soph_vi 100 1;"
said "csi raw: passed"
said "csi jpeg: passed"
said "JPEG unit: passed"
said "USB: not run, because no USB camera is plugged in"
said "streaming: 29.9 fps, 21.5 ms median latency"
said "left behind: nothing"
said "raw 1920x1080: 30 of 640x480 nv21"
for number in $(seq 12); do grep -q "^$number\. " "$work/report" || fail "question $number is not in the report"; done
for secret in HomeNet 203.0.113.7 fe80 aa:bb pw1 192.168 "$(id -un)@"; do
  ! grep -qF "$secret" "$work/report" || fail "the report has $secret"
done
[ "$(grep -c closed "$work/calls")" = 2 ] || fail "eyelet is not stopped politely"
say "the report is complete"

# A camera in use is left alone.
echo "launcher (process 1)" >"$work/held"
: >"$work/calls"
ci/board.sh board "$work/eyelet" >"$work/told" 2>&1 || fail "the run ends with $?"
! grep -q "csi" "$work/calls" || fail "the camera is opened although the launcher has it"
said "csi raw: not run, because the camera was in use: launcher (process 1)"
tail -n 1 "$work/told" | grep -q "nothing of the built-in camera was tested: the camera was in use: launcher (process 1)" ||
  fail "its last line is not that the camera was left out"
grep -A 1 "^1\. " "$work/report" | grep -q "not answered, because the camera was in use" || fail "question 1 is answered"
echo nobody >"$work/held"

# What is left is reported, and is a failure.
touch "$work/leak"
! ci/board.sh board "$work/eyelet" >"$work/told" 2>&1 || fail "a leak passes"
said "left behind: 200 bytes of the carve-out; process "
while read -r left; do
  grep -q "^left behind:.* process $left;" "$work/report" || fail "process $left is not reported"
  kill "$left"
done <"$work/left"
rm "$work/leak" "$work/left"
printf 'used:100 bytes\n' >"$carveout"

# begin POINT: a run that hangs there.
begin() {
  echo "$1" >"$work/hang"
  rm -f "$work/hangs"
  # In a group of its own, as a terminal's foreground command, and not as the shell's, which ignores INT.
  python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setpgid(0, 0)
os.execvp(sys.argv[1], sys.argv[1:])' bash ci/board.sh board "$work/eyelet" >"$work/told" 2>&1 &
  run=$!
  AWAIT=600 await "run until $1" test -s "$work/hangs"
  stuck=$(cat "$work/hangs")
}
ended() {
  wait "$run" 2>/dev/null || true
  AWAIT=600 await "clean board after $1" clean
  ! kill -0 "$stuck" 2>/dev/null || fail "a process goes on after $1"
}
# Ctrl-C reaches the whole group.
for point in conformance watch; do
  begin $point
  kill -INT -- "-$run"
  ended "Ctrl-C in $point"
done
# A connection that is gone, and with it the side that would clean up.
begin watch
{ kill -KILL -- "-$run" && wait "$run"; } 2>/dev/null || true
ended "a lost connection"
# One that is still there, but silent: the run is started here, with a heart that does not beat.
folder=$board/tmp/eyelet-board.silent
mkdir -p "$folder"
cp "$work/eyelet" ci/board/run.sh "$folder/"
rm "$work/hangs"
mkfifo "$work/heart"
exec 9<>"$work/heart"
EYELET_BEAT_EVERY=0.1 PATH=$work/bin:$PATH sh "$folder/run.sh" "$folder" 0 640x480 <"$work/heart" >"$work/told" 2>&1 &
run=$!
stuck=$run
ended "a silent connection"
exec 9>&-
run=
say "interrupted runs leave nothing"
