# Figures in the documentation that checks measure. Sourced after install.sh.
#
# A figure follows a comment with its name: <!--tls-adds-->893,480. A check's measurement must be within 2 % of it;
# with --write as the check's argument the figure is updated instead.

# figure FILE NAME BYTES
figure() {
  local file=$1 name=$2 value=$3 documented
  documented=$(sed -n "s/.*<!--$name-->\([0-9,]*\).*/\1/p" "$file")
  [[ $documented =~ ^[0-9,]+$ ]] || die "$file has no figure $name, or more than one"
  documented=${documented//,/}
  if [ -n "${write:-}" ]; then
    sed -i "s/\(<!--$name-->\)[0-9,]*/\1$(sed ':a;s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/;ta' <<<"$value")/" "$file"
  elif [ $((50 * (value > documented ? value - documented : documented - value))) -gt "$value" ]; then
    die "$file says $documented for $name, and it is $value; write it with: bash ci/verbs/${0##*/} --write"
  fi
}

write=
[ "${1:-}" != --write ] || write=yes
