# [SECONDS] the parsers of untrusted input, and the encoder, under libFuzzer: the same runs each time, or new ones for SECONDS per target
#
# Without SECONDS each target makes a fixed number of runs, about 20 s, from the inputs of ci/fuzz/corpus and from a
# fixed seed, so that one commit has one verdict. With SECONDS (or FUZZ_SECONDS) it explores for that long: from a new
# seed each time, and from what earlier explorations found, which stays in the cache. FUZZ_TARGET selects one target. A
# failure prints the seed and the input's file. `cargo fuzz run --fuzz-dir ci/fuzz TARGET` works as well.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh

EYELET_CACHE=${EYELET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eyelet}
seconds=${1:-${FUZZ_SECONDS:-}}
out=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# About 20 s each, measured with two targets at a time on two cores.
declare -A runs=([config]=8000 [encoder]=12000 [inspect]=700000 [multipart]=500000 [repair]=400000 [request]=9000)
# libFuzzer itself is C++.
need c++:g++

# The sanitizer is a feature of nightly compilers; the stable one has it too, behind RUSTC_BOOTSTRAP.
toolchain=()
if rustup toolchain list 2>/dev/null | grep -q '^nightly-'; then
  toolchain=(+nightly)
else
  export RUSTC_BOOTSTRAP=1
fi
# What cargo-fuzz passes: counters for every edge, comparisons reported to libFuzzer, and the address sanitizer.
flags=(--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cforce-frame-pointers)
for option in coverage-level=4 coverage-inline-8bit-counters coverage-pc-table coverage-trace-compares; do
  flags+=("-Cllvm-args=-sanitizer-$option")
done
# A target is named, so that build scripts and macros are built without all that.
RUSTFLAGS="${flags[*]}" cargo "${toolchain[@]}" build --release --target "$host" \
  --manifest-path ci/fuzz/Cargo.toml --target-dir "$out"

# fuzzed TARGET: one line of what came of it, and more of a failure.
fuzzed() {
  local target=$1 seed begun=$SECONDS verdict=passed inputs limit kept=artifacts/fuzz/$1
  mkdir -p "$kept"
  rm -f "$kept/log"
  if [ -n "$seconds" ]; then
    mkdir -p "$EYELET_CACHE/fuzz/$target"
    seed=$((1 + RANDOM * 32768 + RANDOM))
    limit=-max_total_time=$seconds
    inputs=("$EYELET_CACHE/fuzz/$target" "ci/fuzz/corpus/$target")
  else
    [ -n "${runs[$target]:-}" ] || die "how many runs has $target? Say it in ci/verbs/fuzz.sh"
    seed=1
    limit=-runs=${runs[$target]}
    # By name: a folder's order is another on each machine, and nothing is to be kept.
    inputs=("-seed_inputs=$(printf '%s\n' "ci/fuzz/corpus/$target"/* | LC_ALL=C sort | paste -sd,)" -reload=0)
  fi
  # The runtime that a target keeps is no leak.
  TMPDIR=$out "$out/$host/release/$target" "-seed=$seed" "$limit" -timeout=20 -rss_limit_mb=2048 -detect_leaks=0 \
    "-artifact_prefix=$kept/" -print_final_stats=1 "${inputs[@]}" 2>"$kept/log" || verdict=FAILED
  say "$target: $verdict, $(sed -n 's/^stat::number_of_executed_units: *//p' "$kept/log") runs from seed $seed," \
    "coverage $(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$kept/log" | tail -n 1), $((SECONDS - begun)) s"
  if [ $verdict = FAILED ]; then
    say "the end of $kept/log:"$'\n'"$(tail -n 40 "$kept/log")"
    say "its input: $(sed -n 's/.*Test unit written to //p' "$kept/log"); to see it again:" \
      "$out/$host/release/$target INPUT"
    return 1
  fi
}

# A target has one thread: as many at once as there are processors, up to four.
processors=$(nproc)
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT
for file in ci/fuzz/fuzz_targets/${FUZZ_TARGET:-*}.rs; do
  while [ "$(jobs -rp | wc -l)" -ge $((processors < 4 ? processors : 4)) ]; do wait -n || true; done
  target=$(basename "$file" .rs)
  (fuzzed "$target" || echo "$target" >>"$failed") &
done
wait
[ ! -s "$failed" ] || die "failed: $(paste -sd' ' "$failed")"
