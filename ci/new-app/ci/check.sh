#!/usr/bin/env bash
# Tests this application on the simulator, builds it for the board, and runs it on eyelet's virtual MaixCAM.
#
#   ci/check.sh [test|build|board]...
#
# With `cross` and Docker the build is `cross build`, as in the README. Without them it is cargo's, with a standard library
# for the board that eyelet builds from source. `board`, and a build without `cross`, need Debian or Ubuntu.
set -euo pipefail

steps=("$@")
[ $# -gt 0 ] || steps=(test build board)
for step in "${steps[@]}"; do
  case $step in
    test | build | board) ;;
    -h | --help) exec sed -n '/^#!/d;/^#/!q;s/^# \{0,1\}//p' "$0" ;;
    *)
      echo "check.sh: no step '$step'; there are test, build and board" >&2
      exit 2
      ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=riscv64gc-unknown-linux-musl
program=${CARGO_TARGET_DIR:-$PWD/target}/$target/release/my-camera
# The folder of one of eyelet's packages, wherever cargo has it, and the one above it.
hal=$(cargo metadata --format-version 1 | grep -o '"manifest_path":"[^"]*/hal/Cargo.toml"' | head -n 1 | cut -d '"' -f 4)
eyelet=${hal%/hal/Cargo.toml}

build() {
  if command -v cross >/dev/null && docker info >/dev/null 2>&1; then
    cross build --release --target "$target"
  else
    local variables
    variables=$("$eyelet/ci/toolchain/riscv64-std.sh")
    eval "$variables"
    cargo build --release --target "$target"
  fi
}

for step in "${steps[@]}"; do
  echo "== $step"
  case $step in
    test) cargo test ;;
    build) build ;;
    board) "$eyelet/ci/vboard/try.sh" "$program" ;;
  esac
done
