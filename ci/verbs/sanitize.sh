# the encoder's unsafe code under AddressSanitizer
#
# The tests' planes end where their heap allocation ends, so a load of one byte too many is caught. Miri would catch more,
# but does not support AVX2, and comes only with nightly toolchains.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh

target=$(rustc -vV | sed -n 's/^host: //p')
if ! compgen -G "$(rustc --print sysroot)/lib/rustlib/$target/lib/librustc-*asan.a" >/dev/null; then
  say "SKIPPED: this toolchain has no AddressSanitizer for $target; nothing was checked"
  exit 0
fi
start=$SECONDS
# A sanitizer is an unstable flag of every compiler, the stable one too. Build scripts are spared: they are not for
# --target.
export RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address
# Leaks are not looked for: that takes ptrace, which containers refuse.
export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/sanitize
# Without what the encoder does not need.
cargo test --locked --target "$target" -p eyelet-core --no-default-features --lib --test encode -- \
  encode::baseline:: baseline::every_backend threads:: raw::any_content
say "AddressSanitizer: $((SECONDS - start)) s"
