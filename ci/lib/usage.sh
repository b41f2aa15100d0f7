# Usage comes from the comment at the top of a script. Sourced before the script does anything: with `--help` or `-h` as
# its first argument it prints the comment and exits.

script=$(realpath "$0") # the folder may change
usage() { sed -n '/^#!/d;/^#/!q;s/^# \{0,1\}//p' "$script"; }

# refuse WHY: wrong usage.
refuse() {
  echo "${0##*/}: $*" >&2
  usage >&2
  exit 2
}

# no_flags ARGUMENT ...: for scripts without flags.
no_flags() {
  local word
  for word; do [[ $word != -* ]] || refuse "there is no flag $word"; done
}

case ${1:-} in -h | --help)
  usage
  exit
  ;;
esac
