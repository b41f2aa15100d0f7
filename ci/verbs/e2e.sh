# real browsers and clients against eyelet-sim, or against the folder of binaries that EYELET_BIN names
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/unpacked.sh
. ci/lib/python.sh
need curl:curl ffmpeg:ffmpeg strace:strace chromium:chromium chromedriver:chromium-driver firefox-esr:firefox-esr
need_package webkit2gtk-driver xvfb
# Web servers in front of eyelet; nothing of them is installed.
EYELET_SERVERS=$(unpacked nginx apache2-bin caddy haproxy lighttpd)
python_with ci/e2e/requirements.txt
if [ -z "${EYELET_BIN:-}" ]; then
  . ci/lib/cargo.sh
  . ci/lib/programs.sh
  programs
fi
# Nothing is written into the checkout but artifacts/: in pages/, unless EYELET_SCREENSHOTS names another folder, the page in each of
# its states and sizes.
export EYELET_BIN EYELET_SERVERS PYTHONDONTWRITEBYTECODE=1
"$python" -m pytest ci/e2e
