# Prints, before a run starts, what it will install and keep. Sourced after install.sh.

EYELET_CACHE=${EYELET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eyelet}

# announce VERB ...: prints where things are kept, what will be installed, and how to remove both.
announce() {
  local verb files=() missing target=${CARGO_TARGET_DIR:-target}
  for verb; do files+=("ci/verbs/$verb.sh"); done
  missing=$(packages_of "${files[@]}" | missing_packages | sort -u | tr '\n' ' ')
  say "builds in $target, keeps what it fetches or makes in $EYELET_CACHE, and pictures of tests in artifacts"
  # Most of it is compiling. What is fetched and made once takes up to ten of the minutes.
  [ $# -lt 10 ] || say "all of it takes some 9 GB and, on two idle cores, some 55 minutes the first time"
  if [ -n "$missing" ]; then
    say "installs with apt-get, as root: $missing"
    say "to remove all that again: rm -rf $target artifacts $EYELET_CACHE; apt-get autoremove --purge $missing"
  else
    say "installs nothing; to remove what it keeps: rm -rf $target artifacts $EYELET_CACHE"
  fi
}

# packages_of FILE ...: one line, COMMAND:PACKAGE or PACKAGE, for each package that these scripts, or scripts they call, need.
packages_of() {
  local seen=' ' file name
  while [ $# -gt 0 ]; do
    file=$1
    shift
    [[ $seen != *" $file "* ]] || continue
    seen+="$file "
    sed -En 's/^ *(need|need_package) ([^#&|]*).*/\2/p' "$file" | tr ' ' '\n' | sed -n '/^[a-z0-9+]/{s/>.*//;p}'
    # Scripts are named from the top of the repository, or from their own folder.
    for name in $(grep -oE '(lib|toolchain|vboard|verbs)/[a-z0-9-]+\.sh' "$file"); do
      [ ! -f "ci/$name" ] || set -- "$@" "ci/$name"
    done
  done
}

# missing_packages: reads the lines of packages_of, and prints the packages that are not installed.
missing_packages() {
  local line
  while read -r line; do
    if [[ $line == *:* ]]; then
      command -v "${line%%:*}" >/dev/null || echo "${line#*:}"
    else
      is_installed "$line" || echo "$line"
    fi
  done
}
