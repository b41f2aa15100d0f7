# Uses Debian packages without installing them, so without their services, users and configuration. Sourced after
# install.sh.

EYELET_CACHE=${EYELET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eyelet}

# unpacked PACKAGE ...: prints a folder of the cache with these packages and their dependencies that this machine lacks.
# `FOLDER/run COMMAND ...` runs one of their commands, which finds its libraries and keeps the process ID.
unpacked() {
  local folder key work needed
  command -v apt-get >/dev/null || die "no apt-get here: $* cannot be fetched; this step needs a Debian machine"
  # Libraries of one release do not fit the next.
  key=$({ dpkg --print-architecture && cat /etc/os-release && echo "$*"; } | sha256sum | cut -c 1-12)
  folder=$EYELET_CACHE/unpacked/$1-$key
  mkdir -p "$EYELET_CACHE/unpacked"
  # One process builds it at a time; the folder appears when it is complete.
  {
    flock 9
    if ! [ -e "$folder" ]; then
      rm -rf "$EYELET_CACHE"/unpacked/work.* # of one that was ended half-way
      work=$(mktemp -d "$EYELET_CACHE/unpacked/work.XXXXXX")
      mkdir "$work/files" "$work/deb"
      chmod 755 "$work/files" # a server that gives up root must still read it
      needed=$(missing_for "$@") || apt_update
      needed=$(missing_for "$@") || die "no packages for $*: see apt's message above"
      # shellcheck disable=SC2086 # names, one a word
      if ! (cd "$work/deb" && quietly apt-get -q download $needed); then
        apt_update
        (cd "$work/deb" && quietly apt-get -q download $(missing_for "$@")) || die "cannot fetch $*: see above"
      fi
      for package in "$work"/deb/*.deb; do dpkg-deb -x "$package" "$work/files"; done
      # A link to /usr/bin/x is meant to lead to the package's own x.
      while read -r link; do
        [ ! -e "$work/files$(readlink "$link")" ] || ln -sfnr "$work/files$(readlink "$link")" "$link"
      done < <(find "$work/files" -type l -lname '/*')
      cat >"$work/files/run" <<'RUN'
#!/bin/sh
# run COMMAND ...: a command of this folder's packages.
here=$(dirname "$(realpath "$0")")
PATH=$here/usr/sbin:$here/usr/bin:$here/sbin:$here/bin:$PATH
for lib in "$here"/usr/lib/*-linux-* "$here"/lib/*-linux-*; do
  [ ! -d "$lib" ] || LD_LIBRARY_PATH=$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export PATH LD_LIBRARY_PATH
exec "$@"
RUN
      chmod +x "$work/files/run"
      mv "$work/files" "$folder"
      rm -rf "$work"
      say "unpacked $needed into $folder; nothing was installed"
    fi
  } 9>"$EYELET_CACHE/unpacked/lock" >&2
  echo "$folder"
}

# missing_for PACKAGE ...: prints these packages, and what would have to be installed for them.
missing_for() {
  local new
  new=$(apt-get -s --no-install-recommends install "$@") || return 1
  { printf '%s\n' "$@" && sed -n 's/^Inst \([^ ]*\) .*/\1/p' <<<"$new"; } | sort -u | tr '\n' ' '
}
