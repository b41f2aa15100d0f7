# Builds eyelet-soak, which stresses eyelet-sim, and eyelet-sim itself unless EYELET_BIN names a folder of binaries.
# Sourced after install.sh and cargo.sh.

# treat_badly ARGUMENT...: runs eyelet-soak.
treat_badly() {
  local bin=${CARGO_TARGET_DIR:-target}/release
  [ -n "${EYELET_BIN:-}" ] || cargo build --release --locked -p eyelet-sim --bin eyelet-sim
  # Fast enough without the release profile's long link.
  cargo run --quiet --locked -p eyelet-soak -- --program "${EYELET_BIN:-$bin}/eyelet-sim" "$@"
}
