#!/usr/bin/env bash
# The checks of this repository: ci/check.sh [VERB [SECONDS] ...], no verb means all. A verb is one file in ci/verbs,
# and installs what it needs, after listing it. ci/check.sh VERB --help explains one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. ci/lib/install.sh
. ci/lib/announce.sh
. ci/lib/traces.sh

# What `all` means, the quick ones first.
all=(fmt scripts deny clippy features test bench-smoke doc bindings peers sanitize e2e spool cross riscv64 instructions deploy vboard fuzz hostile soak)

usage() {
  echo "usage: ci/check.sh [VERB [SECONDS] ...], ci/check.sh VERB --help"
  echo "  all: ${all[*]} (the default)"
  local file
  for file in ci/verbs/*.sh; do
    # The first line of a verb says what it does.
    echo "  $(basename "$file" .sh): $(sed -n '1s/^# *//p' "$file")"
  done
}

# Whether a verb can be told how long it may take: its first line then begins so.
takes_seconds() {
  [[ $(sed -n 1p "ci/verbs/$1.sh") == '# [SECONDS] '* ]]
}

verbs=()
for word in "${@:-all}"; do
  case $word in
    all) verbs+=("${all[@]}") ;;
    -h | --help | help)
      if [ ${#verbs[@]} -eq 1 ]; then
        bash "ci/verbs/${verbs[0]}.sh" --help
      else
        usage
      fi
      exit
      ;;
    [0-9]*)
      last=$((${#verbs[@]} - 1))
      if [ $last -lt 0 ] || ! [[ $word =~ ^[1-9][0-9]{0,6}$ ]] || ! takes_seconds "${verbs[last]}"; then
        echo "check.sh: '$word' are no seconds of a verb that takes them" >&2
        usage >&2
        exit 2
      fi
      verbs[last]+=" $word"
      ;;
    -*)
      echo "check.sh: there is no flag $word" >&2
      usage >&2
      exit 2
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

# What a verb that failed said last is said again at the end: a whole run says thousands of lines after it.
said=$(mktemp)
trap 'rm -f "$said"' EXIT
run() {
  # A process of its own: errexit does not work in a function whose result is tested.
  if [ -t 1 ]; then
    bash "$@" # cargo draws on terminals only
  else
    bash "$@" 2>&1 | tee "$said"
  fi
}

announce "${verbs[@]%% *}"
# What a verb starts inherits this: whatever still runs after it was left behind.
export EYELET_RUN=$$.$RANDOM
before=$(traces)

passed=0 failed=0 summary= failures=
for words in "${verbs[@]}"; do
  read -r verb seconds <<<"$words"
  echo "== $words"
  begun=$SECONDS
  if run "ci/verbs/$verb.sh" ${seconds:+"$seconds"} && none_left "$verb"; then
    result=passed
    passed=$((passed + 1))
  else
    result=FAILED
    failed=$((failed + 1))
    [ ! -s "$said" ] || failures+=$'\n'"the end of $words:"$'\n'$(tail -n 40 "$said")$'\n'
  fi
  printf -v line '%-12s %s in %d s' "$words" "$result" $((SECONDS - begun))
  echo "== $line"
  summary+=$line$'\n'
done

changes=$(diff <(echo "$before") <(traces) | unannounced || true)
if [ -n "$changes" ]; then
  failed=$((failed + 1))
  failures+=$'\n'"changed on this machine, and not put back:"$'\n'$changes$'\n'
fi

printf '%s\n%sall in %d s\nverbs: %d passed, %d failed\n' "$failures" "$summary" "$SECONDS" "$passed" "$failed"
[ "$failed" -eq 0 ]
