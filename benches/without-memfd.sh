#!/usr/bin/env bash
# An eyelet-sim that gets no memfd from the kernel, so that every viewer's picture is copied: what compare.sh is given to
# measure the fallback.
#
#   benches/compare.sh eyelet=target/release/eyelet-sim copies=benches/without-memfd.sh
#
# strace stands beside it (its processor time is its own) and stops it at that one call only, once a picture.
set -euo pipefail
exec strace -D --seccomp-bpf -f -qq -o /dev/null -e trace=memfd_create -e inject=memfd_create:error=ENOSYS \
  "$(dirname "${BASH_SOURCE[0]}")/../${CARGO_TARGET_DIR:-target}/release/eyelet-sim" "$@"
