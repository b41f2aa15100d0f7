#!/usr/bin/env bash
# The benches of criterion, libjpeg-turbo among the encoders, and their tables in Markdown.
#
#   benches/criterion.sh [--into FILE]
#
# With `--into benches/README.md` the tables in there are replaced. QUICK=1 measures for a tenth of the time.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../ci/lib/usage.sh"
[ $# -eq 0 ] || { [ $# -eq 2 ] && [ "$1" = --into ]; } || refuse "it takes nothing but --into FILE"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. ci/lib/install.sh
. ci/lib/cargo.sh

need cmake:cmake nasm:nasm make:make c++:g++
target=${CARGO_TARGET_DIR:-target}
# Measurements of benches that are gone must not come back.
rm -rf "$target/criterion"
options=()
[ -z "${QUICK:-}" ] || options=(--warm-up-time 0.3 --measurement-time 0.5 --sample-size 10)
# The programs' own profile: eyelet's crates are optimised as in a release, and the build takes minutes less.
cargo bench --locked --profile tools -p eyelet-bench --features peers -- --noplot "${options[@]}"
cargo run --locked --quiet --profile tools -p eyelet-bench --features peers --bin criterion-tables -- \
  "$target/criterion" "$@"
