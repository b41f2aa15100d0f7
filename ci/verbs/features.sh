# the library without its features, with each alone, and in the usual sets; what they add to a program for the board
#
# Prints how many crates each set needs. A set that is never built stops building. The program is ci/size, for riscv64 with
# the smallest and the largest set; --write measures the sets between them too, and updates these two in the documentation.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/figures.sh
need_component clippy clippy

sets=("" control drawing metrics passwords png tls control,drawing,metrics,passwords,png cli cli,tls generate,tls)
for features in "${sets[@]}"; do
  cargo clippy --quiet -p eyelet-core --locked --no-default-features --features "$features" -- -D warnings
  # Tests of a feature are left out with it; the others compile without.
  if [ -z "$features" ]; then
    cargo clippy --quiet -p eyelet-core --locked --no-default-features --tests -- -D warnings
    # What is not built in is not found.
    cargo test --quiet -p eyelet-core --locked --no-default-features --test http routes::
  fi
  crates=$(cargo tree -p eyelet-core --locked --no-default-features --features "$features" -e normal --prefix none |
    sort -u | grep -c .)
  printf '%-32s %s crates\n' "${features:-none}" "$crates"
done

# TLS contains C.
variables=$(ci/toolchain/riscv64-std.sh && ci/toolchain/riscv64-cc.sh)
eval "$variables"
target=riscv64gc-unknown-linux-musl
# size FEATURES: of ci/size with these features of eyelet-core, in $bytes.
size() {
  cargo build --quiet --release --locked --target "$target" -p eyelet-size --features "$1"
  bytes=$(stat -c %s "${CARGO_TARGET_DIR:-target}/$target/release/eyelet-size")
  printf '%-32s %s bytes for %s\n' "${1:-none}" "$bytes" "$target"
}
size ""
figure docs/reference.md size-none "$bytes"
if [ -n "$write" ]; then
  for features in control drawing metrics passwords control,drawing,metrics,passwords,png; do size "$features"; done
fi
size control,drawing,metrics,passwords,png,tls
figure docs/reference.md size-all "$bytes"
