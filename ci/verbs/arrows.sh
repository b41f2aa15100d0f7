# the dependencies between core's modules are those that ci/arrows allows, without a cycle
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
need python3:python3
python3 ci/arrows.py
