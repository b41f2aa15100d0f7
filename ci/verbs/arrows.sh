# the rooms of core use each other as ci/arrows says, and in no circle
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
need python3:python3
python3 ci/arrows.py
