# On the board: turns what ci/deploy.sh has copied to /maixapp/eyelet.new into an app that starts at boot.
#
#   sh -s VERSION <app.sh
#
# Each file is replaced at once, so that a board that loses power has the old one or the new one.
set -eu
version=$1
cd "${EYELET_ROOT:-}/"
new=maixapp/eyelet.new
app=maixapp/apps/eyelet
start=maixapp/auto_start.txt
list=maixapp/apps/app.info

chmod 755 $new/eyelet $new/S99eyelet $new/main.sh
# The launcher's own list is made from these files, which every app has.
cat >$new/app.yaml <<YAML
id: eyelet
name: eyelet
version: $version
author: eyelet
desc: Streams the camera to browsers
YAML
# An update keeps the note of the first installation.
before=$(head -n 1 $start 2>/dev/null || true)
[ "$before" = eyelet ] || printf '%s' "$before" >$new/started_before
mkdir -p $app
for file in $new/*; do mv -f "$file" $app/; done
rmdir $new

# The launcher shows what this list has.
if [ -f $list ]; then
  awk '/^\[/ { ours = $0 == "[eyelet]" } !ours' $list >$list.new
  cat >>$list.new <<INFO
[eyelet]
name=eyelet
version=$version
icon=/maixapp/share/icon/icon.json
author=eyelet
desc=Streams the camera to browsers
exec=main.sh

INFO
  mv $list.new $list
fi
printf eyelet >$start.new
mv $start.new $start
sync

case $before in
  eyelet) echo "eyelet is updated; one that runs goes on as it is until then" ;;
  ?*) echo "eyelet is installed in place of the app $before, which started at boot until now; --undo brings it back" ;;
  *) echo "eyelet is installed; --undo brings the launcher back" ;;
esac
# One supervisor for one camera.
init=etc/init.d/S99eyelet
if [ -f $init ]; then
  ! sh $init status >/dev/null || sh $init stop </dev/null
  rm -f $init usr/bin/eyelet
  echo "removed /$init and /usr/bin/eyelet, which the app replaces"
fi
