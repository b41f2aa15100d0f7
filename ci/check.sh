#!/usr/bin/env bash
# The checks of this repository: ci/check.sh [VERB ...], no verb means all. A verb is one file in ci/verbs,
# and installs by itself what it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What `all` means, the quick ones first.
all=(fmt clippy test doc bindings e2e spool cross riscv64 instructions deploy vboard)

usage() {
  echo "usage: ci/check.sh [VERB ...]"
  echo "  all: ${all[*]} (the default)"
  local file
  for file in ci/verbs/*.sh; do
    # The first line of a verb says what it does.
    echo "  $(basename "$file" .sh): $(sed -n '1s/^# *//p' "$file")"
  done
}

verbs=()
for word in "${@:-all}"; do
  case $word in
    all) verbs+=("${all[@]}") ;;
    -h | --help | help)
      usage
      exit
      ;;
    *)
      if ! [[ $word =~ ^[a-z0-9_-]+$ && -f ci/verbs/$word.sh ]]; then
        echo "check.sh: no verb '$word'" >&2
        usage >&2
        exit 2
      fi
      verbs+=("$word")
      ;;
  esac
done

passed=0 failed=0 summary=
for verb in "${verbs[@]}"; do
  echo "== $verb"
  begun=$SECONDS
  # A process of its own: errexit does not work in a function whose result is tested.
  if bash "ci/verbs/$verb.sh"; then
    result=passed
    passed=$((passed + 1))
  else
    result=FAILED
    failed=$((failed + 1))
  fi
  printf -v line '%-10s %s in %d s' "$verb" "$result" $((SECONDS - begun))
  echo "== $line"
  summary+=$line$'\n'
done

printf '\n%sall in %d s\nverbs: %d passed, %d failed\n' "$summary" "$SECONDS" "$passed" "$failed"
[ "$failed" -eq 0 ]
