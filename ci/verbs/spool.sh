# an upload with a spool through 1,000 kill -9, 10,000 power cuts and 5,000 failures of a modelled disk, and a full one
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
need unshare:util-linux mount:mount

# A folder in memory: kill -9 does not lose what the kernel has, and this asks a thousand times for it to be kept.
dir=${TMPDIR:-/tmp}
[ -d /dev/shm ] && [ -w /dev/shm ] && dir=/dev/shm
cargo test --locked --workspace --test spool_kill -- "${1:-1000}" "${2:-1}" "$dir"

PROPTEST_CASES=5000 cargo test --locked --workspace --test spool -- power:: faults::
full=$(mktemp -d)
trap 'rmdir "$full"' EXIT
# In a mount namespace of its own: the file system goes with the last process in it.
mounted() { unshare --mount bash -c 'mount -t tmpfs -o size=256k,mode=0777 spool "$1" && shift && exec "$@"' - "$full" "$@"; }
if mounted true 2>/dev/null; then
  EYELET_FULL_DISK=$full mounted cargo test --locked --workspace --test spool -- --exact --nocapture full_disk::full_disk_loses_only_what_is_counted
else
  say "SKIPPED the full disk: this user may not mount a file system"
fi
