# Installs what a verb needs and the machine lacks. Sourced.

install_lock=$(realpath "${BASH_SOURCE[0]}") # the folder may change

say() { echo "${0##*/}: $*" >&2; }
die() {
  say "$*"
  exit 1
}

# need COMMAND:PACKAGE ...: installs the Debian package of each missing command.
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

# need_package PACKAGE ...: installs the missing ones of these Debian packages, for packages without a command.
need_package() {
  local package missing=()
  for package; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'; }

# need_c_linker: rustc links with cc, and cc needs the C library's start files.
need_c_linker() {
  links_c || apt_install gcc libc6-dev
  links_c || die "cc cannot link a C program; install a C compiler and the C library's headers"
}

links_c() {
  command -v cc >/dev/null && echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - 2>/dev/null
}

apt_install() {
  local install=(--no-install-recommends install "$@")
  command -v apt-get >/dev/null || die "missing: $*; there is no apt-get here, install them another way"
  say "installing $*"
  # A fresh machine has no package lists, and an old one's name files that are gone.
  as_root "$*" "${install[@]}" || { apt_update && as_root "$*" "${install[@]}"; } ||
    die "cannot install $*: see apt's message above"
}

apt_update() { as_root "newer package lists" update || die "cannot read the package lists: see apt's message above"; }

# as_root WHAT ARGUMENT ...: apt-get as root, for the sake of WHAT. Two verbs may want it at once, and of apt's own locks it
# waits for one only.
as_root() {
  local root=() what=$1
  shift
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing: $what; there is no sudo here, install them as root"
    root=(sudo)
  fi
  quietly flock "$install_lock" "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# quietly COMMAND ...: shows what the command printed only when it fails.
quietly() {
  local said
  said=$("$@" 2>&1 </dev/null) || {
    echo "$said" >&2
    return 1
  }
}
