# the board's binary with TLS, and how much TLS adds (not part of all: it builds the same binary twice)
#
# The binary with TLS is built in target/tls, so that ci/deploy.sh does not pick it up. --write updates the sizes in the
# documentation.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/figures.sh

target=riscv64gc-unknown-linux-musl
out=${CARGO_TARGET_DIR:-target}
elf=$target/release/eyelet
budget=1500000 # bytes, for TLS alone
variables=$(ci/toolchain/riscv64-std.sh && ci/toolchain/riscv64-cc.sh)
eval "$variables"
cargo build --release --locked --target "$target" -p eyelet-maixcam
plain=$(stat -c %s "$out/$elf")
cargo build --release --locked --target "$target" -p eyelet-maixcam --features tls --target-dir "$out/tls"
with=$(stat -c %s "$out/tls/$elf")
[ $((with - plain)) -le "$budget" ] || die "TLS adds $((with - plain)) bytes, over $budget"
figure docs/reliability.md tls-adds $((with - plain))
figure docs/reliability.md tls-with "$with"
figure docs/reliability.md tls-without "$plain"
say "$out/tls/$elf: $with bytes with TLS, $plain without: $((with - plain)) more"
