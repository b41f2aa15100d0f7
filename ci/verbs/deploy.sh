# ci/deploy.sh, against a private SSH server
#
# The server is dropbear, as on many boards, on a high port and run from the cache: nothing is installed, and it ends with
# this script. A folder stands in for /, and a script for the binary, so that its exit can be controlled.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/unpacked.sh

need ssh:openssh-client scp:openssh-client python3:python3
# dropbear takes the user's home from the system's list of users; nss-wrapper puts another list in its place.
server=$(unpacked dropbear-bin libnss-wrapper)
busybox=$(unpacked busybox)/run
work=$(mktemp -d)
sshd=
cleanup() {
  EYELET_ROOT=$work/root sh ci/deploy/S99eyelet stop >/dev/null || true
  [ -z "$sshd" ] || kill "$sshd"
  rm -rf "$work"
}
trap cleanup EXIT

fail() { die "$1: $(tail -n 5 "$work/root/var/log/eyelet.log" 2>&1)"; }
# await WHAT COMMAND...: waits until it succeeds.
await() {
  local what=$1 tries=100
  shift
  until "$@"; do
    sleep 0.1
    [ $((tries -= 1)) -gt 0 ] || fail "no $what"
  done
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
ssh-keygen -q -t ed25519 -N '' -f "$work/user"
mkdir -m 700 "$work/.ssh"
cp "$work/user.pub" "$work/.ssh/authorized_keys"
echo "$(id -un):x:$(id -u):$(id -g)::$work:/bin/sh" >"$work/passwd"
echo "$(id -gn):x:$(id -g):" >"$work/group"
quietly "$server/run" dropbearkey -t ed25519 -f "$work/host"
cat >"$work/ssh_config" <<CONF
Host board
  HostName 127.0.0.1
  Port $port
  User $(id -un)
  IdentityFile $work/user
  IdentitiesOnly yes
  UserKnownHostsFile $work/known
  StrictHostKeyChecking accept-new
  LogLevel ERROR
CONF
wrapper=$(find "$server" -name libnss_wrapper.so)
LD_PRELOAD=$wrapper NSS_WRAPPER_PASSWD=$work/passwd NSS_WRAPPER_GROUP=$work/group \
  "$server/run" dropbear -F -E -s -j -k -p "127.0.0.1:$port" -r "$work/host" -P "$work/sshd.pid" 2>"$work/sshd.log" &
sshd=$!
await "SSH server" ssh -F "$work/ssh_config" board true

# The stand-in streams until it is told to stop, or ends with the status in the file `end`.
cat >"$work/eyelet" <<'STANDIN'
#!/bin/sh
here=${0%/usr/bin/eyelet}
echo "arguments: $*"
echo "streaming on http://127.0.0.1:8000/"
trap 'echo closed; exit 0' TERM
echo $$ >"$here/pid.new"
mv "$here/pid.new" "$here/pid"
until [ -f "$here/end" ]; do
  # A log that fills up while all is well.
  [ ! -f "$here/talk" ] || { rm "$here/talk"; head -c 300000 /dev/zero | tr '\0' '.'; }
  sleep 0.1
done
status=$(cat "$here/end")
rm "$here/end"
exit "$status"
STANDIN

export EYELET_SSH_CONFIG=$work/ssh_config EYELET_ROOT=$work/root
log=$EYELET_ROOT/var/log/eyelet.log
mkdir "$EYELET_ROOT"
for round in first second; do
  url=$(ci/deploy.sh board "$work/eyelet")
  [ "$url" = http://127.0.0.1:8000/ ] || fail "the URL is '$url'"
  cmp "$work/eyelet" "$EYELET_ROOT/usr/bin/eyelet"
  say "$round deployment: $url"
done
[ "$(grep -c closed "$log")" = 1 ] || fail "the second deployment stops the first one's eyelet once"

# The board's shell is BusyBox'.
init() { "$busybox" busybox sh "$EYELET_ROOT/etc/init.d/S99eyelet" "$1"; }
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
echo 1 >"$EYELET_ROOT/end"
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
init restart
await "start" supervised "$(cat "$EYELET_ROOT/pid")"
touch "$EYELET_ROOT/talk"
await "second log" test -s "$log.1"
await "room in the log" test "$(wc -c <"$log")" -lt 300000
init stop

# Wrong usage is not tried again.
echo 2 >"$EYELET_ROOT/end"
init start
await "end" grep -q 'status 2; not started again' "$log"
! init status || fail "it runs although it cannot"
# A deployment that does not stream fails, with the reason.
echo 2 >"$EYELET_ROOT/end"
sed -i '/streaming on/d' "$work/eyelet"
! ci/deploy.sh board "$work/eyelet" 2>"$work/told" || fail "a failed deployment passes"
grep -q 'eyelet does not stream' "$work/told" || fail "$(cat "$work/told")"
# What was started over SSH inherits nothing of this, but it names this folder.
kill "$sshd" && wait "$sshd" 2>/dev/null || true
sshd=
# The names of processes are listed before grep is one of them.
all_ended() { ! grep -qs -- "$work/root" /proc/[0-9]*/cmdline; }
await "end of all that was started" all_ended
say "passed"
