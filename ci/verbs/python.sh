# MaixPy's programs on the desk: the wheel is built and installed in a fresh Python environment, where its tests run
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/python.sh
need_component rustfmt fmt
need_component clippy clippy
python_with sim/python/tests/requirements.txt
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/python PYTHONDONTWRITEBYTECODE=1
manifest=sim/python/Cargo.toml
start=$SECONDS
cargo fmt --manifest-path "$manifest" -- --check
cargo clippy --manifest-path "$manifest" --profile tests --locked -- -D warnings

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m maturin build --quiet --profile tests --locked --manifest-path "$manifest" --interpreter "$python" --out "$work"
"$python" -m venv "$work/venv"
installed=$work/venv/bin/python
# What the tests need is in the other environment; it has no wheel of ours.
"$python" -c 'import site; print(site.getsitepackages()[0])' >"$("$installed" -c 'import site; print(site.getsitepackages()[0])')/tests.pth"
"$installed" -m pip install --quiet --disable-pip-version-check --no-index --no-deps "$work"/*.whl
say "built and installed in $((SECONDS - start)) s"
"$installed" -m pytest -q -p no:cacheprovider --timeout 120 sim/python/tests
