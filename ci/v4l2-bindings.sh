#!/bin/sh
# Compares targets/maixcam/v4l2-sys with what bindgen makes of this machine's <linux/videodev2.h>: sizes,
# alignments, offsets, constants. Needs libclang (Debian: libclang-dev) and the kernel's headers
# (linux-libc-dev). Without them it says so and ends with status 77, "skipped"; LIBCLANG_PATH names a libclang
# in an unusual place.
set -eu
cd "$(dirname "$0")/.."

find_libclang() {
    if [ -n "${LIBCLANG_PATH:-}" ]; then
        ls "$LIBCLANG_PATH"/libclang*.so* "$LIBCLANG_PATH" 2>/dev/null | head -n 1
        return
    fi
    ls /usr/lib/llvm-*/lib/libclang.so* /usr/lib/llvm-*/lib/libclang-[0-9]*.so* /usr/lib*/libclang.so* \
        /usr/lib/*/libclang.so* /usr/lib/*/libclang-[0-9]*.so* 2>/dev/null | head -n 1
}

if [ -z "$(find_libclang)" ]; then
    echo "v4l2-bindings: skipped: no libclang here; install libclang-dev or set LIBCLANG_PATH" >&2
    exit 77
fi
if ! [ -e /usr/include/linux/videodev2.h ]; then
    echo "v4l2-bindings: skipped: no linux/videodev2.h here; install linux-libc-dev" >&2
    exit 77
fi

# A libclang without its own headers finds <stddef.h> where gcc keeps it.
if command -v gcc >/dev/null; then
    BINDGEN_EXTRA_CLANG_ARGS="${BINDGEN_EXTRA_CLANG_ARGS:-} -idirafter $(gcc -print-file-name=include)"
    export BINDGEN_EXTRA_CLANG_ARGS
fi

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/v4l2-bindings"
cargo test --manifest-path targets/maixcam/v4l2-sys/bindgen/Cargo.toml
echo "v4l2-bindings: the same as bindgen's"
