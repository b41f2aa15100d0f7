# the documentation builds without a warning
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked
