# the board's binary with TLS, and what that adds (not in all: it is the same build twice)
set -euo pipefail
. ci/lib/install.sh
. ci/lib/cargo.sh

target=riscv64gc-unknown-linux-musl
elf=target/$target/release/eyelet
budget=1500000 # bytes, for TLS alone
ci/toolchain/riscv64-std.sh
variables=$(ci/toolchain/riscv64-cc.sh)
eval "$variables"
cargo build --release --locked --target "$target" -p eyelet-maixcam
plain=$(stat -c %s "$elf")
cargo build --release --locked --target "$target" -p eyelet-maixcam --features tls
with=$(stat -c %s "$elf")
[ $((with - plain)) -le "$budget" ] || die "TLS adds $((with - plain)) bytes, over $budget"
say "$elf: $with bytes with TLS, $plain without: $((with - plain)) more"
