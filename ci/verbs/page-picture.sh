# retakes docs/page.png, the picture of the page in the README
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/python.sh
need chromium:chromium chromedriver:chromium-driver
python_with ci/e2e/requirements.txt
. ci/lib/cargo.sh
cargo build --release --locked -p eyelet-sim --bin eyelet-sim
PYTHONDONTWRITEBYTECODE=1 "$python" ci/e2e/picture_of_page.py "${CARGO_TARGET_DIR:-target}/release/eyelet-sim" docs/page.png
