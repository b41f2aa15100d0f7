# A script explains itself by the comment at its top. Sourced before it does anything: `--help` or `-h` as its first
# argument prints that and ends.

script=$(realpath "$0") # the folder may change
usage() { sed -n '/^#!/d;/^#/!q;s/^# \{0,1\}//p' "$script"; }

# refuse WHY: wrong usage.
refuse() {
  echo "${0##*/}: $*" >&2
  usage >&2
  exit 2
}

# no_flags ARGUMENT ...: for a script that knows none.
no_flags() {
  local word
  for word; do [[ $word != -* ]] || refuse "there is no flag $word"; done
}

case ${1:-} in -h | --help)
  usage
  exit
  ;;
esac
