# What a check must leave unchanged. Sourced.

# traces: prints a line for each service that starts at boot, and for each file of the Rust toolchain.
traces() {
  local sysroot
  find /etc/systemd /etc/init.d /etc/rc?.d "$HOME/.config/systemd" ! -type d -printf '%p %l\n' 2>/dev/null | sort || true
  sysroot=$(rustc --print sysroot 2>/dev/null) || sysroot=
  [ -z "$sysroot" ] || find "$sysroot" -printf '%p %l\n' | sort
}

# unannounced: filters the differences between two lists of traces for those that do not come from a Debian package. The
# packages were announced before; some include a local service, as dbus does with chromium. `scripts` checks that none is
# a server.
unannounced() {
  local mark path link service
  while read -r mark path link; do
    service=${link:-$path}
    case $service in
      ../init.d/*) service=/etc/init.d/${service##*/} ;;
    esac
    [[ $path == /etc/* && $mark == '>' ]] &&
      grep -qsxF -e "$service" -e "/usr${service#/usr}" -e "${service#/usr}" /var/lib/dpkg/info/*.list ||
      echo "$mark $path $link"
  done < <(grep '^[<>]')
}

# none_left VERB RUN: waits until no process that this run of a verb started is running.
none_left() {
  local tries=100 left
  while left=$(started "$2") && [ -n "$left" ]; do
    if [ $((tries -= 1)) -le 0 ]; then
      echo "check.sh: $1 has left processes:"$'\n'"$left" | tee -a "${said:-/dev/null}" >&2
      return 1
    fi
    sleep 0.1
  done
}

# started RUN: the processes that inherited EYELET_RUN=RUN, one a line.
started() {
  local file
  # Without the variable, or it would find itself.
  for file in $(env -u EYELET_RUN grep -lzx "EYELET_RUN=$1" /proc/[0-9]*/environ 2>/dev/null); do
    echo "${file//[^0-9]/} $(tr '\0' ' ' <"${file%environ}cmdline" 2>/dev/null)"
  done
}
