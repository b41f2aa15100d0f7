# ci/deploy.sh, against a private SSH server
#
# A folder stands in for /, and a script for the binary, so that its exit can be controlled.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/unpacked.sh
. ci/lib/sshd.sh

need ssh:openssh-client scp:openssh-client python3:python3
work=$(mktemp -d)
cleanup() {
  for installed in root app; do EYELET_ROOT=$work/$installed sh ci/deploy/S99eyelet stop >/dev/null || true; done
  stop_sshd
  rm -rf "$work"
}
trap cleanup EXIT

fail() { die "$1: $(tail -n 5 "${EYELET_ROOT:-$work/root}/var/log/eyelet.log" 2>&1)"; }
start_sshd

# The stand-in streams until it is told to stop, or ends with the status in the file `end`.
cat >"$work/eyelet" <<'STANDIN'
#!/bin/sh
here=$EYELET_ROOT
echo "arguments: $*"
# Before it streams: from then on it may be stopped.
trap 'echo closed; exit 0' TERM
echo $$ >"$here/pid.new"
mv "$here/pid.new" "$here/pid"
echo "streaming on http://127.0.0.1:8000/"
until [ -f "$here/end" ]; do
  # A log that fills up while all is well.
  [ ! -f "$here/talk" ] || { rm "$here/talk"; head -c 300000 /dev/zero | tr '\0' '.'; }
  sleep 0.1
done
status=$(cat "$here/end")
rm "$here/end"
exit "$status"
STANDIN

export EYELET_ROOT=$work/root
log=$EYELET_ROOT/var/log/eyelet.log
mkdir "$EYELET_ROOT"
for round in first second; do
  url=$(ci/deploy.sh board "$work/eyelet")
  [ "$url" = http://127.0.0.1:8000/ ] || fail "the URL is '$url'"
  cmp "$work/eyelet" "$EYELET_ROOT/usr/bin/eyelet"
  say "$round deployment: $url"
done
[ "$(grep -c closed "$log")" = 1 ] || fail "the second deployment stops the first one's eyelet once"

# ends STATUS: has the stand-in end with it, now or once it is started. The file is there as a whole.
ends() {
  echo "$1" >"$EYELET_ROOT/end.new"
  mv "$EYELET_ROOT/end.new" "$EYELET_ROOT/end"
}

# The board's shell is BusyBox'.
init() { PATH=$work/bin:$PATH sh "$EYELET_ROOT/etc/init.d/S99eyelet" "$1"; }
# changed PID: whether another one than PID streams. Only then is it there to be killed: a supervisor that runs may not
# have started it yet.
changed() { [ "$(cat "$EYELET_ROOT/pid")" != "$1" ] && kill -0 "$(cat "$EYELET_ROOT/pid")"; }
deployed=$(cat "$EYELET_ROOT/pid")
init restart
init status
await "start after the restart" changed "$deployed"
first=$(cat "$EYELET_ROOT/pid")

kill -KILL "$first"
await "restart after a crash" changed "$first"
second=$(cat "$EYELET_ROOT/pid")
ends 1
await "restart after a failure" changed "$second"

echo 'quality = 70' >"$EYELET_ROOT/etc/eyelet.toml"
init restart
await "configuration" grep -q "^arguments: serve --config $EYELET_ROOT/etc/eyelet.toml$" "$log"
init stop
! init status || fail "it runs although it was stopped"
! kill -0 "$(cat "$EYELET_ROOT/pid")" 2>/dev/null || fail "eyelet outlived its supervisor"

# What bounds the log ends with its supervisor, within this time.
export EYELET_LOG_EVERY=1
# A supervisor that was killed leaves an eyelet that is found, by a stop and by a start.
supervised() { [ "$(cat "$EYELET_ROOT/pid")" != "$1" ] && init status | grep -q '^eyelet runs ('; }
orphaned() { init status | grep -q 'without its supervisor'; }
for next in stop start; do
  last=$(cat "$EYELET_ROOT/pid")
  init start
  await "start" supervised "$last"
  orphan=$(cat "$EYELET_ROOT/pid")
  kill -KILL "$(cat "$EYELET_ROOT/var/run/eyelet.pid")"
  await "orphan" orphaned # the supervisor may take a moment to die
  init "$next"
  ! kill -0 "$orphan" 2>/dev/null || fail "an orphan outlives the $next"
done
await "start beside an orphan" supervised "$orphan"

# The log of one that runs stays within its bounds.
last=$(cat "$EYELET_ROOT/pid")
init restart
await "start" supervised "$last"
touch "$EYELET_ROOT/talk"
await "second log" test -s "$log.1"
small() { [ "$(wc -c <"$log")" -lt 300000 ]; }
await "room in the log" small
init stop

# Wrong usage is not tried again.
ends 2
init start
await "end" grep -q 'status 2; not started again' "$log"
! init status || fail "it runs although it cannot"
# A deployment that does not stream fails, with the reason.
cp "$work/eyelet" "$work/streams"
ends 2
sed -i '/streaming on/d' "$work/eyelet"
! ci/deploy.sh board "$work/eyelet" 2>"$work/told" || fail "a failed deployment passes"
grep -q 'eyelet does not stream' "$work/told" || fail "$(cat "$work/told")"
mv "$work/streams" "$work/eyelet"

# Removed by one command, all but the configuration; twice is as good as once.
ci/deploy.sh board "$work/eyelet" >/dev/null
running=$(cat "$EYELET_ROOT/pid")
ci/deploy.sh --undo board >"$work/told"
for line in "removed /etc/init.d/S99eyelet" "removed /usr/bin/eyelet" "kept /etc/eyelet.toml"; do
  grep -qxF "$line" "$work/told" || fail "the undo does not say '$line': $(cat "$work/told")"
done
! kill -0 "$running" 2>/dev/null || fail "the eyelet that was removed still runs"
left=$(cd "$EYELET_ROOT" && find . -type f ! -name pid)
[ "$left" = ./etc/eyelet.toml ] || die "the undo leaves: $left"
ci/deploy.sh --undo board | grep -qxF "eyelet is not installed" || die "a second undo finds something"
! ci/deploy.sh --app board "$work/eyelet" 2>"$work/told" || die "an app is installed where there are none"
grep -q 'no MaixCAM with a launcher' "$work/told" || die "$(cat "$work/told")"
say "undone"

# As an app of the MaixCAM, on a board where another app starts at boot and an init script of ours is.
export EYELET_ROOT=$work/app
log=$EYELET_ROOT/var/log/eyelet.log
app=$EYELET_ROOT/maixapp/apps/eyelet
start=$EYELET_ROOT/maixapp/auto_start.txt
mkdir -p "$EYELET_ROOT/maixapp/apps/gallery"
printf '[basic]\nversion=1\n\n[gallery]\nname=Gallery\nexec=main.py\n\n' >"$EYELET_ROOT/maixapp/apps/app.info"
cp "$EYELET_ROOT/maixapp/apps/app.info" "$work/app.info"
printf gallery >"$start"
refused() {
  ! ci/deploy.sh "$@" >"$work/told" 2>&1 || die "ci/deploy.sh $* passes"
  [ -z "$(find "$EYELET_ROOT" -name '*.new')" ] || die "ci/deploy.sh $* leaves files: $(find "$EYELET_ROOT" -name '*.new')"
}
# A copy that fails leaves what was there: nothing, and later the app that works.
mkdir "$EYELET_ROOT/maixapp/eyelet.new" && : >"$EYELET_ROOT/maixapp/eyelet.new/old"
broken_scp=$work/broken
mkdir "$broken_scp"
printf '#!/bin/sh\nfor last; do :; done\ncase $last in *main.sh) exit 1 ;; esac\nexec %s "$@"\n' "$(command -v scp)" >"$broken_scp/scp"
chmod 755 "$broken_scp/scp"
PATH=$broken_scp:$PATH refused --app board "$work/eyelet"
[ ! -e "$app" ] && [ "$(cat "$start")" = gallery ] || die "a failed copy changes the board"
ci/deploy.sh board "$work/eyelet" >/dev/null
old=$(cat "$EYELET_ROOT/pid")
for round in first second; do
  ci/deploy.sh --app board "$work/eyelet" >"$work/told" 2>&1 || die "$round: $(cat "$work/told")"
  [ $round = second ] || grep -q 'in place of the app gallery' "$work/told" || die "$(cat "$work/told")"
  cmp "$work/eyelet" "$app/eyelet"
  [ "$(cat "$start")" = eyelet ] || die "eyelet does not start at boot"
  [ "$(grep -c '^\[eyelet\]$' "$EYELET_ROOT/maixapp/apps/app.info")" = 1 ] || die "the launcher's list has eyelet twice or not"
done
! kill -0 "$old" 2>/dev/null || die "the init script's eyelet still runs beside the app"
[ ! -e "$EYELET_ROOT/etc/init.d/S99eyelet" ] || die "two of them would start at boot"
cp "$work/eyelet" "$work/newer" && echo '# newer' >>"$work/newer"
PATH=$broken_scp:$PATH refused --app board "$work/newer"
cmp "$work/eyelet" "$app/eyelet" || die "a failed copy replaces the binary"
refused board "$work/eyelet"
grep -q 'is an app on' "$work/told" || die "$(cat "$work/told")"

# What the launcher does with it: starts it, and stops it by TERM, by INT or by force.
launch() {
  rm -f "$EYELET_ROOT/pid"
  # Not by the shell, whose background commands ignore INT.
  PATH=$work/bin:$PATH python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$work/bin/sh" "$app/main.sh" &
  launched=$!
  await "eyelet of the app" test -s "$EYELET_ROOT/pid"
}
closed() { [ "$(grep -c '^closed$' "$log")" -gt "$1" ]; }
for signal in TERM INT KILL; do
  before=$(grep -c '^closed$' "$log" || true)
  launch
  running=$(cat "$EYELET_ROOT/pid")
  kill -"$signal" "$launched"
  wait "$launched" 2>/dev/null || true
  await "end of the camera after $signal" closed "$before"
  await "end of eyelet after $signal" test ! -d "/proc/$running"
done
# It is restarted after a crash, as by the init script.
launch
running=$(cat "$EYELET_ROOT/pid")
kill -KILL "$running"
await "restart of the app's eyelet" changed "$running"

ci/deploy.sh --undo board >"$work/told"
grep -qxF "the app gallery starts at boot again" "$work/told" || die "$(cat "$work/told")"
[ "$(cat "$start")" = gallery ] && [ ! -e "$app" ] || die "the undo leaves the app"
cmp "$work/app.info" "$EYELET_ROOT/maixapp/apps/app.info" || die "the launcher's list is not as it was"
wait "$launched" 2>/dev/null || true
ci/deploy.sh --undo board | grep -qxF "eyelet is not installed" || die "a second undo finds something"
# Where the launcher started, it does so again.
rm "$start"
ci/deploy.sh --app board "$work/eyelet" 2>/dev/null | grep -q 'brings the launcher back' || die "the launcher is not named"
ci/deploy.sh --undo board >/dev/null
[ ! -e "$start" ] || die "something starts in the launcher's place: $(cat "$start")"
say "installed as an app and removed"

# What was started over SSH inherits nothing of this, but it names this folder.
stop_sshd
# The names of processes are listed before grep is one of them.
all_ended() { ! grep -qs -- "$work/root" /proc/[0-9]*/cmdline; }
await "end of all that was started" all_ended
say "passed"
