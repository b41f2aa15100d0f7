# the structures and numbers of targets/v4l2/src/sys, compared with the v4l crate and with the kernel's header
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_package libclang-dev linux-libc-dev
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/bindings \
  cargo test --locked --manifest-path targets/v4l2/bindings/Cargo.toml
