# shellcheck shell=bash
# A private SSH server: dropbear, as on many boards, on a high port and run from the cache, so that nothing is installed. Sourced
# after install.sh and unpacked.sh, by a script with a folder of its own in $work, which calls stop_sshd at its end.
#
# A script's own `fail WHY` is called for what does not come in time.

sshd=

# await WHAT COMMAND...: waits until it succeeds, for 100 tenths of a second at most, or $AWAIT.
await() {
  local what=$1 tries=${AWAIT:-100}
  shift
  until "$@"; do
    sleep 0.1
    [ $((tries -= 1)) -gt 0 ] || fail "no $what"
  done
}

# start_sshd: `board` is the server's host in $EYELET_SSH_CONFIG from then on, for this user. Its shell and its commands are
# BusyBox', as on the board: those in $work/bin.
start_sshd() {
  local server wrapper port
  mkdir "$work/bin"
  "$(find "$(unpacked busybox)" -name busybox -type f -perm -100 | head -n 1)" --install -s "$work/bin"
  printf '#!/bin/sh\nPATH=%s:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"\n' "$work/bin" >"$work/login"
  chmod 755 "$work/login"
  # dropbear takes the user's home from the system's list of users; nss-wrapper puts another list in its place.
  server=$(unpacked dropbear-bin libnss-wrapper)
  wrapper=$(find "$server" -name libnss_wrapper.so)
  ssh-keygen -q -t ed25519 -N '' -f "$work/user"
  mkdir -m 700 "$work/.ssh"
  echo "command=\"$work/login\" $(cat "$work/user.pub")" >"$work/.ssh/authorized_keys"
  echo "$(id -un):x:$(id -u):$(id -g)::$work:/bin/sh" >"$work/passwd"
  echo "$(id -gn):x:$(id -g):" >"$work/group"
  quietly "$server/run" dropbearkey -t ed25519 -f "$work/host"
  export EYELET_SSH_CONFIG=$work/ssh_config
  for _ in 1 2 3 4 5; do
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
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
    LD_PRELOAD=$wrapper NSS_WRAPPER_PASSWD=$work/passwd NSS_WRAPPER_GROUP=$work/group \
      "$server/run" dropbear -F -E -s -j -k -p "127.0.0.1:$port" -r "$work/host" -P "$work/sshd.pid" 2>"$work/sshd.log" &
    sshd=$!
    await "SSH server" answers_or_ended
    # It ends where another program has taken the port in the meantime.
    ! kill -0 "$sshd" 2>/dev/null || return 0
  done
  fail "no SSH server: $(cat "$work/sshd.log")"
}

# What has taken the port may accept a connection and say nothing.
answers_or_ended() { ssh -F "$work/ssh_config" -o ConnectTimeout=5 board true || ! kill -0 "$sshd" 2>/dev/null; }

stop_sshd() {
  [ -z "$sshd" ] || { kill "$sshd" && wait "$sshd" 2>/dev/null; } || true
  sshd=
}
