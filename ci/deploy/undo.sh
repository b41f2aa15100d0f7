# On the board: removes what ci/deploy.sh has installed, in either way, and prints what it removed.
#
#   sh -s <undo.sh
#
# /etc/eyelet.toml stays, and so does /run/eyelet-sg2002, where the next start looks for memory to give back.
set -eu
cd "${EYELET_ROOT:-}/"
init=etc/init.d/S99eyelet
app=maixapp/apps/eyelet
start=maixapp/auto_start.txt
list=maixapp/apps/app.info
removed=

# remove FILE...: those that exist.
remove() {
  for file; do
    [ -e "$file" ] || continue
    rm -rf "$file"
    echo "removed /$file"
    removed=1
  done
}

export EYELET_ROOT="${EYELET_ROOT:-}"
for service in $init $app/S99eyelet; do
  [ -f $service ] || continue
  [ $service = $init ] || export EYELET_BINARY="$EYELET_ROOT/$app/eyelet"
  # It says why, if it cannot; then nothing is removed.
  ! sh $service status >/dev/null || sh $service stop </dev/null
done
if [ "$(head -n 1 $start 2>/dev/null || true)" = eyelet ]; then
  if [ -s $app/started_before ]; then
    cp $app/started_before $start.new
    mv $start.new $start
    echo "the app $(cat $start) starts at boot again"
  else
    remove $start
  fi
fi
if [ -f $list ] && grep -qxF '[eyelet]' $list; then
  awk '/^\[/ { ours = $0 == "[eyelet]" } !ours' $list >$list.new
  mv $list.new $list
  echo "removed eyelet from /$list"
fi
remove $app maixapp/eyelet.new $init $init.new usr/bin/eyelet usr/bin/eyelet.new
remove var/log/eyelet.log var/log/eyelet.log.1 var/run/eyelet.pid var/run/eyelet.child
sync
[ -n "$removed" ] || echo "eyelet is not installed"
[ ! -f etc/eyelet.toml ] || echo "kept /etc/eyelet.toml"
