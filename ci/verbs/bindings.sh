# targets/v4l2/v4l2-sys matches what bindgen generates from the kernel's <linux/videodev2.h>
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need_package libclang-dev linux-libc-dev
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/bindings \
  cargo test --locked --manifest-path targets/v4l2/v4l2-sys/bindgen/Cargo.toml
