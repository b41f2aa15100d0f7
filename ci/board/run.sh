# On the board: the acceptance run that ci/board.sh starts, and its report on stdout.
#
#   sh run.sh FOLDER MINUTES SIZE <HEARTBEAT
#
# FOLDER has this script and eyelet, and is removed at the end. HEARTBEAT is a line every few seconds; without one for half a
# minute the connection is lost, and the run ends.
#
# It opens the camera only through eyelet and only while no other program has it, kills nothing but what it started, and never
# reads /proc/cvitek/vb, which has hung in the kernel on boards of this kind.
set -u
dir=$1
minutes=$2
size=$3
root=${EYELET_ROOT:-}
eyelet=$dir/eyelet
summary=$root/sys/kernel/debug/ion/cvi_carveout_heap_dump/summary
vendor="cvi_|soph_|\\[v[ib]\\]|vpss|ion:|jpu|sns|mipi"
# How often it looks whether the heartbeat goes on, in seconds (tests).
every=${EYELET_BEAT_EVERY:-5}
task=
server=
watching=
exec 3<&0 </dev/null

# Not every BusyBox sleeps for less than a second.
moment() { sleep 0.1 2>/dev/null || sleep 1; }
# The longest that eyelet itself may take to end, with a MaixPy and a driver that hang, in seconds.
patience=35
# end PID: polite, then not. A program that hangs in a driver cannot be ended at all.
end() {
  [ -n "$1" ] || return 0
  kill "$1" 2>/dev/null || return 0
  late=$(($(now) + patience * 100))
  while [ "$(now)" -lt $late ] && kill -0 "$1" 2>/dev/null; do
    moment
  done
  ! kill -KILL "$1" 2>/dev/null || echo "process $1 had to be killed"
  wait "$1" 2>/dev/null
}
cleanup() {
  trap '' INT TERM HUP PIPE
  end "$task"
  end "$server"
  for one in $watching; do kill "$one" 2>/dev/null; done
  cd /
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP PIPE

# pause SECONDS: a sleep that a signal interrupts at once.
pause() {
  sleep "$1" &
  wait $!
}

# Ends the run with the connection.
(
  while read -r line; do : >"$dir/beat"; done <&3
  kill $$
) &
watching=$!
(
  trap 'kill $!; exit' TERM
  quiet=0
  while pause "$every"; do
    if [ -f "$dir/beat" ]; then
      rm -f "$dir/beat"
      quiet=0
    fi
    quiet=$((quiet + 1))
    [ $quiet -le 6 ] || kill $$
  done
) &
watching="$watching $!"
exec 3<&-

title() { printf '\n== %s\n' "$1"; }
# run SECONDS COMMAND...: prints what it prints, ends it after so long; its status is the command's.
run() {
  limit=$1
  shift
  EYELET_RUN=$dir "$@" >"$dir/out" 2>&1 &
  task=$!
  # It looks by itself whether the command has ended: a signal to a process that has just begun can be lost.
  (
    for signal in TERM KILL KILL; do
      while [ "$limit" -gt 0 ]; do
        sleep 1
        kill -0 "$task" || exit
        limit=$((limit - 1))
      done
      kill -$signal "$task"
      limit=$patience
    done
  ) 2>/dev/null &
  wait "$task"
  status=$?
  task=
  cat "$dir/out"
  return $status
}
# now: hundredths of a second since the board started.
now() { tr -d . </proc/uptime | cut -d' ' -f1; }
# ticks PID: its time in user and kernel mode.
ticks() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '{ sum = $12 + $13 } END { print sum + 0 }'; }
# memory NAME: kB of a line in /proc/meminfo; of PID NAME: kB of a line in its status.
memory() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo; }
of() { sed -n "s/^$2:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$1/status" 2>/dev/null; }
children() {
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent="$1" '{ pid = $1; sub(/.*\) /, "") } $2 == parent { print pid }'
}
carveout() { sed -n 's/.*used:\([0-9]*\).*/\1/p' "$summary" 2>/dev/null; }
# field NAME: a number of the last JSON that was printed.
field() { sed -n "s/^ *\"$1\": \([0-9.]*\),*$/\1/p" "$dir/out" | head -n 1; }

state() {
  echo "memory available: $(memory MemAvailable) kB of $(memory MemTotal) kB"
  echo "carve-out used: $(carveout) bytes"
  sed -n '/^Details/,/^$/p' "$summary" 2>/dev/null
  echo "vendor's modules (name, size, users): $(sed -n 's/^\(soph_[a-z_]*\) \([0-9]* [0-9]*\).*/\1 \2;/p' "$root/proc/modules" 2>/dev/null | tr '\n' ' ')"
}

# stream SECONDS FLAG...: serves the camera to a viewer on the board, and measures both.
stream() {
  seconds=$1
  shift
  : >"$dir/serve"
  before=$(now)
  EYELET_RUN=$dir "$eyelet" serve --bind 127.0.0.1:0 "$@" >"$dir/serve" 2>&1 &
  server=$!
  url=
  while [ -z "$url" ] && kill -0 "$server" 2>/dev/null && [ $(($(now) - before)) -lt 6000 ]; do
    moment
    url=$(sed -n 's/.*streaming on \(http:[^ ]*\).*/\1/p' "$dir/serve" | head -n 1)
  done
  if [ -z "$url" ]; then
    echo "it does not stream; the end of its log:"
    tail -n 5 "$dir/serve"
    end "$server"
    server=
    return 1
  fi
  echo "streams after $(($(now) - before))0 ms"
  child=$(children "$server" | head -n 1)
  worked=$(ticks "$server") held=0
  [ -z "$child" ] || held=$(ticks "$child")
  since=$(now) busiest=0 least=$(memory MemAvailable)
  "$eyelet" watch "${url}stream" --seconds "$seconds" --json >"$dir/out" 2>&1 &
  task=$!
  while kill -0 "$task" 2>/dev/null; do
    used=$(carveout) free=$(memory MemAvailable)
    [ "${used:-0}" -le "$busiest" ] || busiest=$used
    [ "$free" -ge "$least" ] || least=$free
    pause 1
  done
  wait "$task"
  watched=$?
  task=
  took=$(($(now) - since))
  echo "fps $(field fps), latency ms: median $(field p50_ms), 99 % $(field p99_ms), longest $(field max_ms)"
  echo "frames $(field frames), missing $(field gaps), damaged $(field damaged), longest pause $(field longest_pause_ms) ms"
  # A tick is a hundredth of a second on this kernel.
  echo "CPU: eyelet $((100 * ($(ticks "$server") - worked) / took)) %, memory: $(of "$server" VmHWM) kB at most"
  for thread in "/proc/$server"/task/*; do
    echo "  thread $(cat "$thread/comm"): $(sed 's/.*) //' "$thread/stat" | cut -d' ' -f12,13) ticks in user and kernel mode, $(sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "$thread/status") wake-ups"
  done 2>/dev/null
  if [ -n "$child" ]; then
    echo "CPU: MaixPy $((100 * ($(ticks "$child") - held) / took)) %, memory: $(of "$child" VmHWM) kB at most, threads: $(of "$child" Threads)"
    for thread in "/proc/$child"/task/*; do
      echo "  thread $(cat "$thread/comm"): $(sed 's/.*) //' "$thread/stat" | cut -d' ' -f12,13) ticks"
    done 2>/dev/null | sort | uniq -c | sort -rn | head -n 20
    echo "MaixPy has open: $(for file in "/proc/$child"/fd/*; do readlink "$file"; done 2>/dev/null | grep ^/dev/ | sort -u | tr '\n' ' ')"
  fi
  echo "memory available: $least kB at least; carve-out used: $busiest bytes at most"
  sed -n '/^Details/,/^$/p' "$summary" 2>/dev/null
  if command -v wget >/dev/null; then
    wget -q -O - "${url}state" 2>/dev/null | sed -n '/"source"/,/}/p;/"encoder"/,/}/p' | tr -d ' \n'
    echo
  fi
  end "$server"
  server=
  echo "its log:"
  head -n 12 "$dir/serve"
  [ $watched -eq 0 ]
}

echo "eyelet's acceptance run"
echo "eyelet: $("$eyelet" --version), $(cksum <"$eyelet" | cut -d' ' -f1)"
echo "date on the board: $(date -u '+%Y-%m-%d %H:%M:%S') UTC, up $(cut -d. -f1 /proc/uptime) s"

title "Board"
echo "kernel: $(uname -srvm)"
echo "board: $(sed -n 's/^id=//p' "$root/boot/board" 2>/dev/null)"
echo "image: $(head -n 1 "$root/boot/ver" 2>/dev/null)"
for package in "$root"/usr/lib/python3*/site-packages/maix; do
  [ ! -d "$package" ] || echo "MaixPy's base system: $(cat "$package"/version_base_system*.txt 2>/dev/null)"
done
loaders=$(cd "$root/lib" 2>/dev/null && find . -name 'ld-musl-*' | sort | tr '\n' ' ')
echo "loaders: ${loaders:=none}"
musl=$(for loader in "$root"/lib/ld-musl-*; do [ ! -x "$loader" ] || "$loader" 2>&1; done | sed -n 's/^Version //p' | sort -u | tr '\n' ' ')
echo "musl: $musl"
strict=$(zcat "$root/proc/config.gz" 2>/dev/null | grep STRICT_DEVMEM | tr '\n' ' ')
launcher=$(for one in "$root"/proc/[0-9]*; do
  program=$(readlink "$one/exe" 2>/dev/null) || continue
  case $program in /maixapp/*) echo "$(cat "$one/comm") ($program)" ;; esac
done | sort -u | tr '\n' ' ')
echo "programs of /maixapp that run: $launcher"

title "Before"
state | tee "$dir/before"
used_before=$(carveout)
began=$(cut -d' ' -f1 /proc/uptime)

title "Doctor"
run 60 "$eyelet" doctor
cp "$dir/out" "$dir/doctor"
why=
if ! grep -q '^camera   csi' "$dir/doctor"; then
  why="there is no built-in camera, or no MaixPy"
elif ! grep -q 'held by: nobody' "$dir/doctor"; then
  why="the camera was in use:$(sed -n 's/.*held by://p' "$dir/doctor"). Stop that program (doctor tells how), and run this again"
elif grep -q ' JPEG unit: held by' "$dir/doctor"; then
  why="the JPEG unit was in use:$(sed -n 's/.* JPEG unit: held by//p' "$dir/doctor"). Stop that program, and run this again"
elif grep -q 'pools of pictures' "$dir/doctor"; then
  why="a killed program has left pools behind, and the next start of the camera would reload the drivers. Restart the board, and run this again"
fi
cameras=$(sed -n 's/^camera   \(\/dev\/video[0-9]*\) .*/\1/p' "$dir/doctor")

# contract NAME FLAG...: prints the report, and passed or failed last.
contract() {
  title "Contract: $1"
  shift
  if run 300 "$eyelet" doctor --conformance "$@"; then result=passed; else result="failed ($status)"; fi
  echo "-> $result"
}
raw="not run, because $why" jpeg=$raw raw_unit=$raw usb="not run, because no USB camera is plugged in" unit="not run, because there was no camera to run it with"
streamed=$raw sizes= clean=
if [ -z "$why" ]; then
  contract "csi, raw, with the JPEG unit" --camera csi --csi raw --size "$size" --encoder sg2002
  raw=$result unit=$result
  contract "csi, jpeg" --camera csi --csi jpeg --size "$size"
  jpeg=$result
fi
for camera in $cameras; do
  contract "USB, $camera, with the JPEG unit" --camera "$camera" --encoder sg2002
  usb=$result
  case $unit in passed) ;; *) unit=$result ;; esac
done
if [ -z "$why" ]; then
  for mode in raw jpeg; do
    for one in 640x480 1280x720 1920x1080 2560x1440; do
      title "30 frames: csi, $mode, $one"
      run 90 "$eyelet" doctor --camera csi --csi $mode --size $one || echo "-> it found something missing, see above"
      frames=$(sed -n 's/^ *frames: //p' "$dir/out")
      sizes="$sizes$mode $one: ${frames:-none}; "
    done
  done
  title "Streaming for 20 s: csi, 1920x1080"
  if stream 20 --camera csi --csi auto --size 1920x1080; then clean="$(field frames) frames, $(field damaged) damaged"; fi
  title "Streaming for $minutes min: csi, $size"
  if stream $((minutes * 60)) --camera csi --csi auto --size "$size"; then
    streamed="$(field fps) fps, $(field p50_ms) ms median latency"
  else
    streamed=failed
  fi
elif [ -n "$cameras" ]; then
  title "Streaming for $minutes min: USB, $size"
  if stream $((minutes * 60)) --camera "${cameras%%
*}" --size "$size"; then streamed="USB: $(field fps) fps, $(field p50_ms) ms median latency"; else streamed=failed; fi
fi

title "After"
state | tee "$dir/after"
title "The kernel's messages of the drivers"
# A line begins with seconds in brackets.
dmesg 2>/dev/null | awk -v began="$began" '{ at = $0; sub(/^\[ */, "", at) } at + 0 >= began + 0' | grep -iE "$vendor|oops|unable to handle|hung" | tail -n 60
title "Left behind"
left=
used=$(carveout)
[ "${used:-0}" -le "${used_before:-0}" ] || left="$((used - used_before)) bytes of the carve-out; "
# By what they inherit: MaixPy's process is Python's.
for one in /proc/[0-9]*; do
  ! tr '\0' '\n' 2>/dev/null <"$one/environ" | grep -qxF "EYELET_RUN=$dir" || left="${left}process ${one#/proc/}; "
done 2>/dev/null
echo "${left:-nothing}"

title "Summary"
[ -z "$why" ] || echo "nothing of the built-in camera was tested: $why"
echo "csi raw: $raw"
echo "csi jpeg: $jpeg"
echo "USB: $usb"
echo "JPEG unit: $unit"
echo "streaming: $streamed"
echo "left behind: ${left:-nothing}"

title "Open questions"
# answer NUMBER QUESTION ANSWER: without an answer, because of WHY.
answer() { printf '%s. %s\n   %s\n' "$1" "$2" "$3"; }
unanswered="not answered, because ${why:-it cannot be seen from here}"
told() { [ -n "$why" ] && echo "$unanswered" || echo "$1"; }
answer 1 "Can two processes share a channel of the scaler?" "$(told "$([ "$raw" = passed ] && echo "yes: raw frames arrive" || echo "raw frames: $raw")")"
answer 2 "How large are the pools with 4 buffers, and with 5?" "$(told "with 4: the carve-out's list while streaming, above. With 5: not answered, because eyelet asks for 4")"
answer 3 "What do Python and MaixPy cost?" "$(told "memory, CPU by thread and time to start: under \"Streaming\", above")"
answer 4 "How old are the frames, and on which clock?" "$(told "$sizes")"
answer 5 "Are JPEGs of 1920x1080 clean, where the unit reads 8 lines past the frame?" "$(told "${clean:-not answered, because it did not stream}; look at one as well: eyelet snapshot --camera csi --size 1920x1080 x.jpg")"
answer 6 "What does a killed MaixPy leave, and does its reload of the drivers always help?" "not answered, because to find out, drivers must be reloaded, which this run does not do"
answer 7 "What are the launcher's processes called?" "${launcher:-not answered, because nothing of /maixapp runs}"
answer 8 "Which musl, and which loaders?" "musl ${musl:-unknown}; $loaders"
answer 9 "May /dev/mem be mapped?" "JPEG unit: $unit. ${strict:-The kernel does not show its configuration}"
answer 10 "Does the sensor give the rate that was asked for, at each size? Do mono sensors give neutral colours?" "$(told "rates: question 4. Colours: not answered, because that needs eyes and such a sensor")"
answer 11 "Do MaixPy's listeners for keys and the serial port disturb anything?" "$(told "what it has open is listed under \"Streaming\", above")"
answer 12 "Are the scaler's calls those of this image?" "$(told "$([ "$raw" = passed ] && echo "yes: numbers and sizes fit" || echo "raw frames: $raw")")"
printf '\nend of the report\n'
case "$raw $jpeg $usb $unit $streamed" in *failed*) exit 1 ;; esac
[ -z "$left" ]
