#!/usr/bin/env bash
# Makes a new git repository with a camera application of your own, its tests, and a CI that runs it on a virtual MaixCAM.
#
#   ci/new-app.sh [--git URL] NAME [FOLDER]
#
# NAME is the program's, such as robot-eye. FOLDER must not exist yet; by default it is NAME beside this checkout. The
# application depends on eyelet in this checkout by its path; with --git on the newest commit at URL, so that it can be
# built elsewhere. ci/new-app is the template.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
eyelet=$(dirname "$here")
. "$here/lib/usage.sh"

die() {
  echo "new-app.sh: $*" >&2
  exit 1
}

url=
if [ "${1:-}" = --git ]; then
  [ $# -ge 2 ] || refuse "--git needs a URL"
  url=$2
  shift 2
fi
no_flags "$@"
[ $# -ge 1 ] || refuse "NAME is missing"
[ $# -le 2 ] || refuse "too many arguments"
name=$1

[[ $name =~ ^[a-z][a-z0-9]*([-_][a-z0-9]+)*$ && ${#name} -le 40 ]] ||
  die "'$name' cannot be a program's name: use small letters, digits and single hyphens, such as robot-eye"
# Keywords of Rust, its own crates, folders of Cargo, and the crates that the application uses.
taken=' abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if impl in
let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof unsafe
unsized use virtual where while yield alloc core proc-macro proc_macro std test build deps examples incremental
eyelet-core eyelet-hal eyelet-maixcam eyelet-sim eyelet-v4l2 eyelet_core eyelet_hal eyelet_maixcam eyelet_sim eyelet_v4l2 eyelet
tracing tracing-subscriber tracing_subscriber '
[[ ! ${taken//$'\n'/ } == *" $name "* ]] || die "'$name' is a name that Rust or eyelet uses itself; add a word to it"
for value in "$eyelet" "$url"; do
  [[ $value != *[\"\\]* && $value != *$'\n'* ]] || die "'$value' cannot be written to a Cargo.toml"
done
[[ -z $url || $url == *:* ]] || die "'$url' is not the URL of a git repository; without --git the application uses $eyelet"
command -v git >/dev/null || die "git is missing; install it first"

folder=${2:-$(dirname "$eyelet")/$name}
[ ! -e "$folder" ] && [ ! -L "$folder" ] || die "$folder exists already; name another folder, or remove it"
parent=$(cd "$(dirname "$folder")" 2>/dev/null && pwd) || die "there is no folder $(dirname "$folder"); make it first"
[ -w "$parent" ] || die "cannot write to $parent; name another folder"
case $parent/ in "$eyelet"/*) die "$folder is within eyelet's own checkout; name a folder outside of it" ;; esac
folder=$parent/$(basename "$folder")

# Complete or not at all.
work=$(mktemp -d "$parent/.$name.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -r "$here/new-app/." "$work/"
rm -rf "$work/target"
# What a build for the board needs, the versions of everything that eyelet is tested with, and the width of its lines.
mkdir "$work/.cargo"
cp "$eyelet/.cargo/config.toml" "$work/.cargo/"
cp "$eyelet/Cross.toml" "$eyelet/Cargo.lock" "$eyelet/rustfmt.toml" "$work/"
while IFS= read -r file; do
  text=$(cat "$file")
  text=${text//my-camera/"$name"}
  text=${text//my_camera/"${name//-/_}"}
  if [ -n "$url" ]; then
    text=$(sed -E '/^eyelet-/s|path = "[^"]*"|git = "@"|' <<<"$text")
    text=${text//'"@"'/"\"$url\""}
  else
    text=${text//'"../../'/"\"$eyelet/"}
  fi
  printf '%s\n' "$text" >"$file"
done < <(find "$work" -type f ! -path '*/.cargo/*' ! -name Cargo.lock ! -name Cross.toml)
chmod 755 "$work"
git init -q -b main "$work" || die "git cannot make a repository: see above"
mv -T "$work" "$folder"
echo "made $folder: begin with its README.md"
