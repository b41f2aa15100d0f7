# every bench runs once, and the load generator verifies the floor and the simulator; nothing is measured
#
# Uses the tests' profile and features, which have been built already.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh

start=$SECONDS
# All but those that want another encoder.
benches=$(awk '/^\[\[/ { bench = $0 == "[[bench]]"; needs = 0 } bench && /^name/ { name = $3 } /^required-features/ { needs = 1 }
  bench && /^$/ && !needs { print "--bench", name }' benches/Cargo.toml | tr -d '"')
# shellcheck disable=SC2086 # one word each
cargo bench --locked --profile dev --workspace $benches -- --test
# The load generator came with the benches, and the simulator comes with its tests.
cargo test --locked --workspace --test program --no-run
bin=${CARGO_TARGET_DIR:-target}/debug

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2>/dev/null
  server=
}
trap 'stop; rm -rf "$work"' EXIT

# The camera that ustreamer is given.
cc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$work/camera.so" benches/peers/camera.c
"$bin/pictures" --count 4 "$work/pictures"

# watched NAME PATH COMMAND...: starts a server and has it watched. The load generator fails by itself where a picture is
# damaged or out of order, or a viewer is lost or gets none; that they keep coming is seen here.
watched() {
  local name=$1 path=$2 url tries=200 fps
  shift 2
  "$@" >"$work/address" 2>"$work/log" &
  server=$!
  until url=$(grep -o -m 1 'http://[^ ]*' "$work/address"); do
    sleep 0.05
    [ $((tries -= 1)) -gt 0 ] || die "$name does not stream: $(cat "$work/log")"
  done
  "$bin/viewers" "$url$path" --viewers 8 --slow 1 --warmup 0.5 --seconds 1 --pid "$server" --json >"$work/report" ||
    die "$name: $(cat "$work/report")"
  # The first one is that of the fast viewers.
  fps=$(grep -o '"median":[0-9]*' "$work/report" | sed -n '1s/.*://p')
  [ "${fps:-0}" -gt 0 ] || die "$name: no pictures: $(cat "$work/report")"
  say "$name: $fps pictures a second to each of 8 viewers, all in order"
  stop
}
watched "floor, writev" "" "$bin/floor" "$work/pictures"
watched "floor, sendfile" "" "$bin/floor" "$work/pictures" --sendfile
watched eyelet-sim stream "$bin/eyelet-sim" --camera "replay:$work/pictures" --bind 127.0.0.1:0
say "$((SECONDS - start)) s"
