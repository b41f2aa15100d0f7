#!/usr/bin/env bash
# The checks of this repository: ci/check.sh [VERB [SECONDS] ...], no verb means all. A verb is one file in ci/verbs,
# and installs what it needs, after listing it. ci/check.sh VERB --help explains one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. ci/lib/install.sh
. ci/lib/announce.sh
. ci/lib/traces.sh

# What `all` means, the quick ones first.
all=(fmt arrows scripts deny clippy features test bench-smoke doc bindings peers sanitize spool e2e hostile deploy board soak cross riscv64 instructions fuzz vboard)
# Waits most of its time: it goes on beside the verbs after it, which give way to it.
beside=soak

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
  [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true
  local one process
  for one in $aside $current; do
    started "$one" | while read -r process _; do kill "$process" 2>/dev/null || true; done
  done
  rm -rf "$work"
}
ticker= aside= current=
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
# begin_aside WORDS: starts it; its output is shown when it has ended.
begin_aside() {
  echo "== $1, beside the next"
  aside=$$.$RANDOM aside_words=$1 aside_begun=$SECONDS gently=nice
  # shellcheck disable=SC2086 # a verb, and perhaps its seconds
  set -- $1
  {
    result=passed
    EYELET_RUN=$aside bash "ci/verbs/$1.sh" "${@:2}" || result=FAILED
    echo "$result $((SECONDS - aside_begun))" >"$work/result"
  } >"$work/aside" 2>&1 &
  aside_process=$!
}
# end_aside: waits for it, and shows what it said.
end_aside() {
  local result seconds
  echo "$aside_begun $number $aside_words" >"$at"
  wait "$aside_process" || true
  read -r result seconds <"$work/result" || result=FAILED seconds=0
  echo "== $aside_words"
  cat "$work/aside"
  none_left "$aside_words" "$aside" || result=FAILED
  record "$aside_words" "$result" "$seconds" "$work/aside"
  aside= gently=
}
number=0
for words in "${verbs[@]}"; do
  number=$((number + 1))
  read -r verb seconds <<<"$words"
  if [ "$verb" = $beside ] && [ -z "$aside" ] && [ $number -lt ${#verbs[@]} ]; then
    begin_aside "$words"
    continue
  fi
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
  [ -z "$aside" ] || [ ! -f "$work/result" ] || end_aside
done
[ -z "$aside" ] || end_aside

changes=$(diff <(echo "$before") <(traces) | unannounced || true)
if [ -n "$changes" ]; then
  failed=$((failed + 1))
  failures+=$'\n'"changed on this machine, and not put back:"$'\n'$changes$'\n'
fi

printf '%s\n%sall in %d s\nverbs: %d passed, %d failed\n' "$failures" "$summary" "$SECONDS" "$passed" "$failed"
[ "$failed" -eq 0 ]
