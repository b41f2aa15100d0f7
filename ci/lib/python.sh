# A virtual environment for tests in Python, kept outside the checkout. Sourced after install.sh.

EYELET_CACHE=${EYELET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eyelet}

# python_with REQUIREMENTS: sets `python` to an interpreter that has exactly these packages.
python_with() {
  local requirements=$1 base key venv
  base=$(base_python) || {
    apt_install python3 python3-venv
    base=$(base_python) || die "no Python 3.11 or later that can make a venv; install one"
  }
  key=$({ "$base" -VV && echo "$base" && cat "$requirements"; } | sha256sum | cut -c 1-16)
  venv=$EYELET_CACHE/venv-$key
  mkdir -p "$EYELET_CACHE"
  # One maker at a time; a half-made one has no stamp and is made again.
  {
    flock 9
    if ! [ -e "$venv/complete" ]; then
      say "making a Python environment in $venv"
      rm -rf "$venv"
      "$base" -m venv "$venv"
      quietly "$venv/bin/python" -m pip install --disable-pip-version-check --only-binary :all: -r "$requirements" ||
        die "cannot install the packages of $requirements: see pip's message above"
      touch "$venv/complete"
    fi
  } 9>"$venv.lock"
  python=$venv/bin/python
}

# Debian splits ensurepip off into python3-venv; a python3 earlier on the PATH may be no Debian one.
base_python() {
  local candidate
  for candidate in "$(command -v python3 || true)" /usr/bin/python3; do
    if [ -x "$candidate" ] &&
      "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}
