# every script's --help prints its usage and does nothing else; check.sh detects what a check leaves behind
#
# Everything runs on a copy of this checkout, with an empty home and with commands that only record that they were called.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh

need git:git
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/copy
mkdir -p "$copy" "$work/home" "$work/bin"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  # The corpus is no script, and thousands of files.
  [[ $file == ci/fuzz/corpus/* || ! -f $file ]] || printf '%s\0' "$file"
done | tar -c --null -T - | tar -x -C "$copy"
for command in apt-get sudo cargo rustc rustup cross ssh scp qemu-system-riscv64 pip; do
  printf '#!/bin/sh\necho "%s $*" >>"%s/called"\nexit 1\n' "$command" "$work" >"$work/bin/$command"
done
chmod +x "$work"/bin/*
# alone SCRIPT ARGUMENT ...: in the copy.
alone() {
  env -i PATH="$work/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$work/home" EYELET_CACHE="$work/home/cache" \
    TMPDIR="$work/home" timeout 60 "$@" </dev/null >"$work/stdout" 2>"$work/stderr"
}
# state: the copy and the home, file by file.
state() { (cd "$work" && find copy home -type f -exec sha256sum {} + && find copy home -printf '%p %l\n') | sort; }
unchanged() {
  [ ! -e "$work/called" ] || die "$1 calls $(cat "$work/called")"
  diff <(echo "$before") <(state) >&2 || die "$1 changes what the lines above tell"
}

executables() { (cd "$copy" && find . -type f -perm -100 -printf '%P\n' | sort); }

before=$(state)
scripts=0
while read -r script; do
  [ "$(head -c 2 "$copy/$script")" = '#!' ] || die "$script can be executed and is no script"
  for flag in --help -h; do
    alone "$copy/$script" "$flag" || die "$script $flag ends with $?: $(cat "$work/stderr")"
    [ -s "$work/stdout" ] || die "$script $flag says nothing"
    [ ! -s "$work/stderr" ] || die "$script $flag complains: $(cat "$work/stderr")"
    unchanged "$script $flag"
  done
  scripts=$((scripts + 1))
done < <(executables)
[ $scripts -gt 5 ] || die "only $scripts scripts were found"
# Those that hand their arguments on cannot know a wrong one.
while read -r script; do
  status=0
  alone "$copy/$script" --no-such-flag || status=$?
  [ $status -eq 2 ] || die "$script --no-such-flag ends with $status, not 2: $(cat "$work/stderr")"
  grep -q -- "${script##*/}" "$work/stderr" || die "$script --no-such-flag does not say who refuses it: $(cat "$work/stderr")"
  unchanged "$script --no-such-flag"
done < <(executables | grep -vxE '\.ci/run|benches/without-memfd\.py')
for verb in "$copy"/ci/verbs/*.sh; do
  verb=$(basename "$verb" .sh)
  alone "$copy/ci/check.sh" "$verb" --help || die "check.sh $verb --help ends with $?"
  [ -s "$work/stdout" ] || die "check.sh $verb --help says nothing"
  unchanged "check.sh $verb --help"
done
# A server that is installed starts at every boot from then on; `unpacked` does without.
. ci/lib/announce.sh
if packages_of ci/verbs/*.sh | grep -E '(^|:)(.*-server|nginx.*|apache2|haproxy|lighttpd|caddy|dropbear|postgresql.*)$' >&2; then
  die "no check installs a server: let it be unpacked into the cache, see ci/lib/unpacked.sh"
fi
# What is waited for is looked at again and again, and what is put into an argument once, before that.
if grep -nE '^ *(AWAIT=[0-9]+ )?await .*\$\(' ci/verbs/*.sh ci/lib/*.sh >&2; then
  die "await waits for a command whose arguments never change: make it a function, or read them into a variable before"
fi
say "$scripts scripts and $(ls ci/verbs | wc -l) verbs explain themselves and change nothing"

# Verbs that leave something behind, in a toolchain of their own. They come last: they change the copy.
mkdir "$work/toolchain"
printf '#!/bin/sh\necho "%s"\n' "$work/toolchain" >"$work/bin/rustc"
printf '#!/bin/sh\n' >"$work/bin/apt-get" # nobody asks
echo '# nothing' >"$copy/ci/verbs/clean.sh"
echo "ln -s / '$work/toolchain/link'" >"$copy/ci/verbs/link.sh"
echo "sleep 600 >/dev/null 2>&1 & echo \$! >'$work/pid'" >"$copy/ci/verbs/process.sh"
alone "$copy/ci/check.sh" clean || die "a check that leaves nothing fails: $(cat "$work/stdout")"
grep -q "rm -rf" "$work/stderr" || die "check.sh does not say how its traces are removed: $(cat "$work/stderr")"
! alone "$copy/ci/check.sh" link || die "a link in the toolchain is not noticed"
grep -q "$work/toolchain/link" "$work/stdout" || die "the link is not named: $(cat "$work/stdout")"
passed=0
alone "$copy/ci/check.sh" process || passed=$?
kill "$(cat "$work/pid")"
[ $passed -ne 0 ] || die "a process that goes on is not noticed"
grep -q "$(cat "$work/pid") sleep 600" "$work/stderr" || die "the process is not named: $(cat "$work/stderr")"
say "check.sh notices a link in the toolchain and a process that goes on"
