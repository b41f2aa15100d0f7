# The programs under test. Sourced after install.sh and cargo.sh.

# programs: builds both programs, the examples and eyelet-soak in one go, in a profile that is a release without its long
# link, and sets EYELET_BIN to their folder. If EYELET_BIN is set already, eyelet-sim is taken from there.
programs() {
  cargo build --profile tools --locked -p eyelet-sim -p eyelet-maixcam -p eyelet-soak --bins --examples
  soak=${CARGO_TARGET_DIR:-$PWD/target}/tools/eyelet-soak
  EYELET_BIN=${EYELET_BIN:-${soak%/*}}
}

# treat_badly ARGUMENT...: runs eyelet-soak.
treat_badly() { "$soak" --program "$EYELET_BIN/eyelet-sim" "$@"; }
