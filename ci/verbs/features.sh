# the library without its features, with each alone, and in the usual sets
#
# Prints how many crates each set needs. A set that is never built stops building.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_component clippy clippy

sets=("" drawing metrics passwords png tls drawing,metrics,passwords,png cli cli,tls)
for features in "${sets[@]}"; do
  cargo clippy --quiet -p eyelet-core --locked --no-default-features --features "$features" -- -D warnings
  # Tests of a feature are left out with it; the others compile without.
  [ -n "$features" ] || cargo clippy --quiet -p eyelet-core --locked --no-default-features --tests -- -D warnings
  crates=$(cargo tree -p eyelet-core --locked --no-default-features --features "$features" -e normal --prefix none |
    sort -u | grep -c .)
  printf '%-32s %s crates\n' "${features:-none}" "$crates"
done
