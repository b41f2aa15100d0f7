# the crates that others depend on, as packages: complete, with their licences, and compiled from there
#
# cargo's own verification would compile all of them and what they depend on once more, in a target folder of its own.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh

packages=(eyelet-hal eyelet-core eyelet-sim eyelet-v4l2 eyelet-maixcam)
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What is packed is what is here, committed or not.
quietly cargo package --locked --allow-dirty --no-verify "${packages[@]/#/-p}"
{
  printf '[workspace]\nresolver = "3"\nmembers = ["eyelet-*"]\n\n[patch.crates-io]\n'
  for package in "${packages[@]}"; do echo "$package = { path = \"$package-$version\" }"; done
  # The profile of the other builds here, so that nothing of others is built twice.
  echo
  sed -n '/^\[profile\.dev\]/,$p' Cargo.toml
} >"$work/Cargo.toml"
cp Cargo.lock "$work/"
for package in "${packages[@]}"; do
  tar -xzf "$target/package/$package-$version.crate" -C "$work"
  folder=$work/$package-$version
  for file in LICENSE-MIT LICENSE-APACHE README.md; do
    [ -s "$folder/$file" ] && [ ! -L "$folder/$file" ] || die "the package $package has no $file"
  done
  for field in description license; do
    grep -q "^$field = \"." "$folder/Cargo.toml" || die "the package $package has no $field"
  done
  ! grep -n 'path = "\.\.' "$folder/Cargo.toml" || die "the package $package depends on a folder"
done
(cd "$work" && CARGO_TARGET_DIR=$target cargo check --quiet --workspace)
say "${#packages[@]} packages compile: $(cd "$target/package" && du -ch --apparent-size "${packages[@]/%/-$version.crate}" | tail -n 1 | cut -f 1)"
