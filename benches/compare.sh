#!/usr/bin/env bash
# eyelet beside the floor, ustreamer and basicvideostreamer: builds them, measures, prints tables in Markdown.
#
#   benches/compare.sh [NAME=EYELET_SIM ...] [-- OPTIONS OF compare]
#
# Each NAME=PATH is an eyelet-sim to measure; without any, this checkout's release build. With `-- --into
# benches/README.md` the tables in there are replaced. Needs what the feature `peers` needs (a C compiler, cmake, nasm)
# and apt-get for ustreamer; installs what is missing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../ci/lib/usage.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. ci/lib/install.sh
. ci/lib/cargo.sh

eyelets=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  no_flags "$1"
  [[ $1 == *=* ]] || refuse "'$1' is no NAME=EYELET_SIM"
  eyelets+=("$1")
  shift
done
[ $# -eq 0 ] || shift

need cmake:cmake nasm:nasm make:make c++:g++ ustreamer:ustreamer
target=${CARGO_TARGET_DIR:-target}
cargo build --locked --profile tools -p eyelet-bench --features peers --bins
mkdir -p "$target/peers"
camera=$target/peers/camera.so
cc -O2 -Wall -Wextra -shared -fPIC -o "$camera" benches/peers/camera.c
if [ ${#eyelets[@]} -eq 0 ]; then
  cargo build --locked --release -p eyelet-sim
  eyelets=("eyelet=$target/release/eyelet-sim")
fi

"$target/tools/compare" --programs "$target/tools" "${eyelets[@]/#/--eyelet=}" --camera "$(realpath "$camera")" "$@"
