#!/bin/sh
# eyelet as an app of the MaixCAM, which the launcher starts and stops: /maixapp/apps/eyelet/main.sh.
#
#   main.sh
#
# It is the supervisor of S99eyelet in the foreground, with the same log, the same /etc/eyelet.toml and the same signals:
# told to end by TERM or INT, it stops eyelet, which closes the camera. If it is killed itself, eyelet is stopped within
# seconds: the next app needs the camera.

case ${1:-} in
  -h | --help) sed -n '/^#!/d;/^#/!q;s/^# \{0,1\}//p' "$0"; exit ;;
  ?*) echo "${0##*/}: expected no arguments" >&2; exit 2 ;;
esac

app=$(cd "$(dirname "$0")" && pwd)
export EYELET_BINARY="$app/eyelet" EYELET_LOG_EVERY="${EYELET_LOG_EVERY:-5}" EYELET_ROOT="${app%/maixapp/apps/eyelet}"
exec sh "$app/S99eyelet" foreground
