# a new application by ci/new-app.sh, as a new user makes it: tested, built for the board, and run on the virtual one
#
# Nothing of it may need libclang or a [patch]. It shares this checkout's target folder.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_component rustfmt fmt
need git:git
need_package qemu-system-misc opensbi cpio
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# refused WORDS ARGUMENT ...: in one line with these words, and nothing is left of it.
refused() {
  local words=$1
  shift
  ! ci/new-app.sh "$@" >"$work/said" 2>&1 || die "ci/new-app.sh $* is not refused"
  [ "$(wc -l <"$work/said")" -eq 1 ] && grep -qF -- "$words" "$work/said" || die "ci/new-app.sh $* says: $(cat "$work/said")"
  [ -z "$(find "$work" -mindepth 1 ! -name said)" ] || die "ci/new-app.sh $* leaves $(find "$work" -mindepth 1 ! -name said)"
}
for name in '' Robot 7eyes robot--eye robot- 'robot eye' ../robot robot. é "$(printf 'x%.0s' {1..41})"; do
  refused "cannot be a program's name" "$name" "$work/app"
done
for name in fn test std eyelet-core proc_macro; do refused "uses itself" "$name" "$work/app"; done
refused "exists already" robot-eye "$work"
refused "there is no folder" robot-eye "$work/none/app"
refused "own checkout" robot-eye "$PWD/app"
refused "is not the URL" --git nothing robot-eye "$work/app"

mkdir "$work/bin"
printf '#!/bin/sh\nexit 1\n' >"$work/bin/git"
chmod +x "$work/bin/git"
before=$(ls -A "$work")
! PATH=$work/bin:$PATH ci/new-app.sh robot-eye "$work/app" 2>"$work/said" || die "ci/new-app.sh does without git"
[ "$(ls -A "$work")" = "$before" ] || die "ci/new-app.sh leaves a half of its work: $(ls -A "$work")"

start=$SECONDS
ci/new-app.sh robot-eye "$work/robot-eye"
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
(
  cd "$work/robot-eye"
  ! grep -rE 'my[-_]camera' --exclude-dir=.git . || die "the template's name is left in it"
  ! grep -n '^\[patch' Cargo.toml || die "it has a [patch]"
  # Whatever looks for libclang finds a file that is none, and the verb that needs it has not been here.
  cargo fmt --check
  export LIBCLANG_PATH=$work/no-libclang CARGO_TARGET_DIR=$target
  ci/check.sh
  git add .
  git diff --cached --name-only | grep -q '^Cargo.lock$' || die "its Cargo.lock is not in git"
  ! git diff --cached --name-only | grep '^target/' || die "its builds are in git"
  for package in bindgen clang-sys v4l2-sys-mit; do
    ! grep -qx "name = \"$package\"" Cargo.lock || die "it depends on $package, which needs libclang"
  done
) 2>&1 | tee "$work/said"
grep -q ' 90 of them the camera.s very bytes' "$work/said" || die "the board's pictures are not the camera's: see above"
grep -q 'WARN.*no signal; trying again until it is back' "$work/said" || die "the unplugged camera is not in its log: see above"
say "from nothing to its own program's stream on the virtual MaixCAM: $((SECONDS - start)) s"

# A name that the template's code has for something else: of a module, and of what a test imports.
for name in camera jpeg; do
  ci/new-app.sh "$name" "$work/$name"
  (cd "$work/$name" && CARGO_TARGET_DIR=$target cargo test --quiet --no-run) || die "an application with the name $name does not compile"
done

# By git, the same packages. Cargo keeps its clone here, and everything else where it is.
if git rev-parse -q --verify HEAD >/dev/null; then
  ci/new-app.sh --git "file://$PWD" other-eye "$work/other-eye"
  mkdir "$work/cargo"
  for part in registry config.toml; do
    [ ! -e "${CARGO_HOME:-$HOME/.cargo}/$part" ] || ln -s "$(realpath "${CARGO_HOME:-$HOME/.cargo}/$part")" "$work/cargo/"
  done
  tree=$(cd "$work/other-eye" && CARGO_HOME=$work/cargo cargo tree --quiet --target all --edges all --prefix none)
  grep -q "^eyelet-v4l2 .*(file://$PWD#" <<<"$tree" || die "by git, eyelet-v4l2 is not the one at file://$PWD: $tree"
  ! grep -E '^(bindgen|clang-sys|v4l2-sys-mit) ' <<<"$tree" || die "by git, it depends on what needs libclang"
  say "by git: ok"
fi
