# shellcheck shell=bash
# Debian packages of another suite or architecture, fetched without touching the machine's own apt. Sourced after
# install.sh.
#
# The mirror is the one configured on this machine, so no host is named here.

EYELET_CACHE=${EYELET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eyelet}
# rust-src of recent compilers, and a riscv64 port with its kernel: both are in this suite.
EYELET_DEBIAN_SUITE=trixie

# debian_mirror: the first Debian archive among the configured sources (not the security one).
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n '\,/debian/*$,{p;q}'
}

# debian_apt STATE COMMAND...: runs an apt command against the suite and its backports, riscv64 included.
# STATE keeps the package lists; they are refreshed when they are a day old.
debian_apt() {
  local state=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg host mirror
  shift
  command -v apt-get >/dev/null || die "no apt-get here: this step needs a Debian machine"
  host=$(dpkg --print-architecture)
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "no Debian archive among this machine's apt sources; add one"
  [ -r "$keyring" ] || die "no $keyring; install debian-archive-keyring"

  mkdir -p "$state/state/lists/partial" "$state/cache/archives/partial"
  : >"$state/status"
  cat >"$state/sources.list" <<SOURCES
deb [arch=$host,riscv64 signed-by=$keyring] $mirror $EYELET_DEBIAN_SUITE main
deb [arch=$host signed-by=$keyring] $mirror $EYELET_DEBIAN_SUITE-backports main
SOURCES
  cat >"$state/apt.conf" <<CONF
Dir::State "$state/state"; Dir::State::status "$state/status"; Dir::Cache "$state/cache";
Dir::Etc::sourcelist "$state/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "$host"; APT::Architectures { "$host"; "riscv64"; }; APT::Sandbox::User "root";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false"; Acquire::Languages "none"; Acquire::Retries "3";
CONF
  if [ -z "$(find "$state/updated" -mtime -1 2>/dev/null)" ]; then
    APT_CONFIG=$state/apt.conf apt-get -qq update >&2 ||
      die "cannot read the package lists of $EYELET_DEBIAN_SUITE: see apt's message above"
    touch "$state/updated"
  fi
  APT_CONFIG=$state/apt.conf "$@"
}
