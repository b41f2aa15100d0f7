# [SECONDS] what is read from strangers, and the encoder, under libFuzzer: 20 s (FUZZ_SECONDS) each; FUZZ_TARGET for one
#
# Inputs that reach something new are kept in the cache and tried first the next time; those of ci/fuzz/corpus come
# with the repository. `cargo fuzz run --fuzz-dir ci/fuzz TARGET` works as well.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh

EYELET_CACHE=${EYELET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eyelet}
seconds=${1:-${FUZZ_SECONDS:-20}}
out=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# libFuzzer itself is C++.
need c++:g++

# The sanitizer is a matter of the nightly compiler; the stable one has it too, if told that it may.
toolchain=()
if rustup toolchain list 2>/dev/null | grep -q '^nightly-'; then
  toolchain=(+nightly)
else
  export RUSTC_BOOTSTRAP=1
fi
# What cargo-fuzz passes: counters for every edge, comparisons told to libFuzzer, and the address sanitizer.
flags=(--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cforce-frame-pointers)
for option in coverage-level=4 coverage-inline-8bit-counters coverage-pc-table coverage-trace-compares; do
  flags+=("-Cllvm-args=-sanitizer-$option")
done
# A target is named, so that build scripts and macros are built without all that.
RUSTFLAGS="${flags[*]}" cargo "${toolchain[@]}" build --release --target "$host" \
  --manifest-path ci/fuzz/Cargo.toml --target-dir "$out"

failed=()
for file in ci/fuzz/fuzz_targets/${FUZZ_TARGET:-*}.rs; do
  target=$(basename "$file" .rs)
  grown=$EYELET_CACHE/fuzz/$target
  broken=artifacts/fuzz/$target
  mkdir -p "$grown" "$broken"
  say "$target, $seconds s"
  # The runtime that a target keeps is no leak.
  if ! TMPDIR=$out "$out/$host/release/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -detect_leaks=0 \
    -artifact_prefix="$broken/" -print_final_stats=1 -verbosity=0 "$grown" "ci/fuzz/corpus/$target" 2>"$broken/log"; then
    tail -n 40 "$broken/log" >&2
    failed+=("$target")
  fi
  grep -E '^stat::(number_of_executed_units|new_units_added|peak_rss_mb)' "$broken/log" | tr -s ' \n' ' ' >&2
  echo >&2
done
[ ${#failed[@]} -eq 0 ] || die "failed: ${failed[*]}; the inputs are in artifacts/fuzz: run the target on one to see why"
