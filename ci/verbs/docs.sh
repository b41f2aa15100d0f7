# every command and code block of README.md and docs/, as a reader runs them; links, flags, routes and metrics in the text
#
# What is done with which block, and how one is marked that cannot be run here: ci/docs/check.py. The commands run in a copy
# of this checkout, in a network of its own, so that the addresses are those of the pages.
set -euo pipefail
. ci/lib/usage.sh
. ci/lib/install.sh
. ci/lib/cargo.sh
. ci/lib/programs.sh
need curl:curl git:git ip:iproute2 python3:python3 unshare:util-linux
programs
# With the features that the other tests were built with, so that nothing is built twice.
ran=$(cargo test --doc --locked --workspace -- ci/docs/ | tee /dev/stderr | grep -c '^test ci/docs/.* \.\.\. ok$')
blocks=$(cat README.md docs/*.md ci/docs/src/lib.rs | grep -cE '^(//! )?```(rust|compile_fail|should_panic)')
[ "$ran" -eq "$blocks" ] || die "$ran Rust blocks passed, of $blocks in the pages and in ci/docs/src/lib.rs"

start=$SECONDS
apart=(unshare --net)
[ "$(id -u)" -eq 0 ] || apart=(unshare --net --map-root-user)
"${apart[@]}" true || die "cannot make a network of its own; run this as root, or allow user namespaces"
# shellcheck disable=SC2016 # the inner shell's arguments
"${apart[@]}" bash -c 'ip link set lo up && python3 -B ci/docs/self_test.py "$1" && python3 -B ci/docs/check.py "$1"' - "${soak%/*}"
say "$((SECONDS - start)) s"
