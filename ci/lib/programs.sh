# The programs that tests treat from outside. Sourced after install.sh and cargo.sh.

# programs: builds eyelet-sim, its examples and eyelet-soak, and sets EYELET_BIN to their folder; where EYELET_BIN names a
# folder, eyelet-sim is that one. All at once, so that nothing is built twice; and as a release but for its long link.
programs() {
  cargo build --profile tools --locked -p eyelet-sim -p eyelet-soak --bins --examples
  soak=${CARGO_TARGET_DIR:-$PWD/target}/tools/eyelet-soak
  EYELET_BIN=${EYELET_BIN:-${soak%/*}}
}

# treat_badly ARGUMENT...: runs eyelet-soak.
treat_badly() { "$soak" --program "$EYELET_BIN/eyelet-sim" "$@"; }
