# every Rust file is formatted, and no merge was left half-way in any file
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_component rustfmt fmt
cargo fmt --all -- --check
# A checkout without git, as a package, has had no merge.
if git rev-parse --git-dir >/dev/null 2>&1 && git grep -nE '^(<{7}|>{7}) ' >&2; then
  die "the lines above are left from a merge"
fi
