# Uses the Rust that is installed, never another toolchain. Sourced after install.sh.

# A file or variable that names a toolchain that is not installed must fail, not start a download.
export RUSTUP_DIST_SERVER=http://127.0.0.1:9
export RUSTUP_UPDATE_ROOT=http://127.0.0.1:9

# rustup's shell profile is not read by scripts.
command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
command -v cargo >/dev/null || die "cargo is missing; install Rust, see https://rust-lang.org"
need_c_linker

# need_component NAME COMMAND: a part of the toolchain that minimal installs leave out.
need_component() {
  cargo "$2" --version >/dev/null 2>&1 || die "$1 is missing; add it: rustup component add $1"
}

# Most tests that take long wait for sockets.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}

# CI begins with an empty target folder: what the next build could reuse is not worth a sixth of this one's time.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
