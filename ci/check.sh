#!/usr/bin/env bash
# The checks of this repository: ci/check.sh [VERB [SECONDS] ...], no verb means all. A verb is one file in ci/verbs,
# and installs what it needs, after listing it. ci/check.sh VERB --help explains one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. ci/lib/install.sh
. ci/lib/announce.sh
. ci/lib/traces.sh

# What `all` means, the quick ones first.
all=(fmt arrows scripts deny clippy test package bench-smoke doc bindings python peers spool e2e docs soak deploy board features sanitize fuzz cross instructions riscv64 hostile vboard new-app)
# These wait most of their time: they run, one after the other, beside the verbs after them, which give way to them.
beside=' soak deploy board '

usage() {
  echo "usage: ci/check.sh [VERB [SECONDS] ...], ci/check.sh VERB --help"
  echo "  all: ${all[*]} (the default)"
  local file
  for file in ci/verbs/*.sh; do
    # The first line of a verb says what it does.
    echo "  $(basename "$file" .sh): $(sed -n '1s/^# *//p' "$file")"
  done
}

# Whether a verb takes SECONDS: its first line then begins with that.
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
        echo "check.sh: '$word' follows no verb that takes seconds" >&2
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

# The last output of a failed verb is repeated at the end: a whole run prints thousands of lines after it.
work=$(mktemp -d)
said=$work/said at=$work/at
ended() {
  local one process
  for process in $ticker $lane; do kill "$process" 2>/dev/null || true; done
  for one in "${aside_runs[@]}" $current; do
    started "$one" | while read -r process _; do kill "$process" 2>/dev/null || true; done
  done
  rm -rf "$work"
}
ticker= lane= current= aside=() aside_runs=()
trap ended EXIT
# run SCRIPT ARGUMENT ...: a process of its own: errexit does not work in a function whose result is tested.
run() {
  if [ -t 1 ]; then
    $gently bash "$@" # cargo draws on terminals only
  else
    $gently bash "$@" 2>&1 | tee "$said"
  fi
}
# minutes: prints each minute which verb runs, and its last line of output.
minutes() {
  local never words since number
  exec {never}<> <(:) # nothing ever comes from it
  while ! read -rt 60 -u "$never"; do
    read -r since number words <"$at" || continue
    say "$words for $((SECONDS - since)) s, verb $number of ${#verbs[@]}, $((SECONDS / 60)) min in all$(last_line)"
  done
}
last_line() { [ ! -s "$said" ] || tail -n 1 "$said" | tr -cd '[:print:]' | sed 's/^/: /' | cut -c 1-100; }

announce "${verbs[@]%% *}"
before=$(traces)
: >"$said"
echo "0 0 beginning" >"$at"
minutes &
ticker=$!

passed=0 failed=0 summary= failures= gently=
# record WORDS RESULT SECONDS SAID: for the summary.
record() {
  local line
  if [ "$2" = passed ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    [ ! -s "$4" ] || failures+=$'\n'"the end of $1:"$'\n'$(tail -n 40 "$4")$'\n'
  fi
  printf -v line '%-12s %s in %d s' "$1" "$2" "$3"
  echo "== $line"
  summary+=$line$'\n'
}
# begin_aside: starts the verbs of `aside` in the background; their output is shown when they have ended.
begin_aside() {
  local one
  for one in "${!aside[@]}"; do
    echo "== ${aside[one]}, beside the next"
    aside_runs[one]=$$.$RANDOM
  done
  gently=nice
  {
    for one in "${!aside[@]}"; do
      begun=$SECONDS result=passed
      # shellcheck disable=SC2086 # a verb, and perhaps its seconds
      set -- ${aside[one]}
      EYELET_RUN=${aside_runs[one]} bash "ci/verbs/$1.sh" "${@:2}" >"$work/aside$one" 2>&1 || result=FAILED
      echo "$result $((SECONDS - begun))" >"$work/result$one"
    done
  } &
  lane=$!
}
# show_aside: what has ended since it was last called.
show_aside() {
  local one words result seconds
  for one in "${!aside[@]}"; do
    [ -s "$work/result$one" ] || return 0
    words=${aside[one]}
    read -r result seconds <"$work/result$one"
    echo "== $words"
    cat "$work/aside$one" || true
    none_left "$words" "${aside_runs[one]}" || result=FAILED
    record "$words" "$result" "$seconds" "$work/aside$one"
    unset "aside[one]" "aside_runs[one]"
  done
  lane= gently=
}
# end_aside: waits for all, and shows it.
end_aside() {
  local one
  [ -n "$lane" ] || return 0
  echo "$SECONDS $number ${aside[*]}" >"$at"
  wait "$lane" || true
  for one in "${!aside[@]}"; do
    # Whatever ended the background ended it without a result.
    [ -s "$work/result$one" ] || echo "FAILED 0" >"$work/result$one"
  done
  show_aside
}
number=0
for words in "${verbs[@]}"; do
  number=$((number + 1))
  read -r verb seconds <<<"$words"
  if [[ $beside == *" $verb "* ]] && [ -z "$lane" ] && [ $number -lt ${#verbs[@]} ]; then
    aside+=("$words")
    continue
  fi
  [ ${#aside[@]} -eq 0 ] || [ -n "$lane" ] || begin_aside
  echo "== $words"
  begun=$SECONDS
  echo "$begun $number $words" >"$at"
  # What a verb starts inherits this: whatever still runs after it was left behind.
  current=$$.$RANDOM
  export EYELET_RUN=$current
  if run "ci/verbs/$verb.sh" ${seconds:+"$seconds"} && none_left "$verb" "$current"; then
    result=passed
  else
    result=FAILED
  fi
  record "$words" "$result" $((SECONDS - begun)) "$said"
  show_aside
done
end_aside

changes=$(diff <(echo "$before") <(traces) | unannounced || true)
if [ -n "$changes" ]; then
  failed=$((failed + 1))
  failures+=$'\n'"changed on this machine, and not put back:"$'\n'$changes$'\n'
fi

printf '%s\n%sall in %d s\nverbs: %d passed, %d failed\n' "$failures" "$summary" "$SECONDS" "$passed" "$failed"
[ "$failed" -eq 0 ]
