"""Pages with one fault each, which check.py must find, and a page without any.

    self_test.py BINARIES
"""

import sys
import tempfile
from pathlib import Path

import check
from pages import Page

GOOD = """# A page

[Below](#a-heading), `ci/check.sh docs`, `--size`, `/stream`, `eyelet_viewers`, `eyelet serve --camera csi`.

## A heading

```sh
cargo run --release -p eyelet-sim -- serve --size 320x240
curl -o picture.jpg http://127.0.0.1:8000/snapshot
eyelet-sim watch http://127.0.0.1:8000/stream --frames 2   # ends by itself
```

<!-- not run: needs a board -->
```sh
ci/deploy.sh --app root@192.168.0.7
ssh -t root@192.168.0.7 eyelet serve --camera csi
```

```sh
eyelet-sim receive pictures &
eyelet-sim upload http://127.0.0.1:8080/upload --count 2
test -n "$(ls pictures)"
```

```toml
size = "1280x720"
```
"""


def sh(command: str, before: str = "") -> str:
    return f"{before}```sh\n{command}\n```\n"


NOT_RUN = "<!-- not run: needs a board -->\n"
# The fault, and what is said about it.
BAD = {
    "a wrong flag in a block": (sh("eyelet-sim serve --sizes 640x480"), "unexpected argument '--sizes'"),
    "a wrong value": (sh("eyelet-sim serve --size large"), "invalid value 'large'"),
    "a wrong flag where nothing is run": (sh("ssh root@ADDRESS eyelet serve --cs raw", NOT_RUN), "unexpected argument '--cs'"),
    "a wrong flag behind a flag of ssh": (
        sh("ssh -t root@ADDRESS eyelet serve --cs raw", NOT_RUN), "unexpected argument '--cs'"),
    "a wrong flag in the text": ("`--sice`\n", "there is no flag --sice"),
    "a wrong command in the text": ("`eyelet-sim steam`\n", "unrecognized subcommand 'steam'"),
    "a wrong flag of a script": (sh("ci/deploy.sh --ap root@ADDRESS", NOT_RUN), "--help does not name --ap"),
    "a script that is not there": (sh("ci/deploi.sh root@ADDRESS", NOT_RUN), "there is no ci/deploi.sh"),
    "a check that is not there": ("`ci/check.sh vbord`\n", "has no verb vbord"),
    "a package that is not there": (sh("cargo run -p eyelet-simulator"), "there is no package eyelet-simulator"),
    "a feature that is not there": (sh("cargo build -p eyelet-core --features ssl"), "there is no feature ssl"),
    "an example of a package that is not named": (sh("cargo run --example embed"), "there is no example embed"),
    "a test that is not there": ("`cargo test -p eyelet-core --test htp`\n", "there is no test htp"),
    "a module of tests that is not there": (
        "`cargo test -p eyelet-core --test spool -- pwer::`\n", "there is no test, nor a module of tests, pwer"),
    "a program that is not there": (sh("eyelet-simm serve", NOT_RUN), "no program of this project"),
    "a wrong route in a block": (sh("eyelet-sim serve\ncurl http://127.0.0.1:8000/snap"), "there is no route /snap"),
    "a wrong route in the text": ("`/steam`\n", "there is no route /steam"),
    "a wrong route on another machine": ("`http://192.168.0.7:8000/steam`\n", "there is no route /steam"),
    "a route that answers an error": (
        sh("eyelet-sim serve --bind 127.0.0.1:8001\ncurl http://127.0.0.1:8001/snap"), "exit code 22"),
    "a metric that is not there": ("`eyelet_frames_lost_total`\n", "there is no metric eyelet_frames_lost_total"),
    "a command that fails": (sh("eyelet-sim snapshot no/such/folder.jpg"), "exit code 1"),
    "a command that fails before a pipe": (sh("eyelet-sim snapshot no/such/folder.jpg | cat"), "exit code 1"),
    "a background server that does not start": (sh("eyelet-sim serve --bind 203.0.113.1:80 &"), "exit code 1"),
    "output that is not printed": (
        sh("eyelet-sim snapshot picture.jpg && echo 12 pictures") + "\n```text output\n1 picture\n```\n", "not printed: 1 picture"),
    "an unknown key": ("```toml\nsizes = \"640x480\"\n```\n", "unknown key sizes"),
    "an answer with another key": ('```json\n{ "source": {}, "viewers": 1 }\n```\n', "/state has"),
    "a unit with a wrong flag": ("```ini\n[Service]\nExecStart=/usr/bin/eyelet serve --confg x\n```\n", "'--confg'"),
    "a configuration that nothing runs": ("```nginx other\n```\n", "does not run 'nginx other'"),
    "a block without a language": ("```\neyelet serve\n```\n", "a block of the language ''"),
    "a language without a decision": ("```fish\neyelet serve\n```\n", "a block of the language 'fish'"),
    "code without a fence": ("Run\n\n    eyelet serve\n", "only indented"),
    "a command that changes the machine": (sh("sudo mv a b"), "sudo is not run"),
    "a command for another machine": (sh("ssh root@192.168.0.7 eyelet doctor"), "ssh is not run"),
    "a mark without a reason": (sh("echo", "<!-- not run: -->\n"), "needs a reason"),
    "a mark without a block": ("<!-- not run: needs a board -->\n\ntext\n", "no block follows"),
    "Rust in a page that no test includes": ("```rust\nfn main() {}\n```\n", "does not include it"),
    "Rust that is ignored": ("```rust ignore\nfn main() {}\n```\n", "not ignore"),
    "a link to no file": ("[x](nowhere.md)\n", "a link to nowhere.md"),
    "a link to no heading": ("# A\n\n[x](#b)\n", "no such heading"),
}


def main() -> None:
    binaries, failed = Path(sys.argv[1]).resolve(), 0
    with tempfile.TemporaryDirectory(prefix="eyelet-docs") as folder:
        page = Path(folder) / "page.md"

        def faults(text: str) -> list:
            page.write_text(text)
            return check.everything(binaries, [Page(page, "page.md")], "").faults

        if found := faults(GOOD):
            failed += 1
            print("a good page fails:", *found, file=sys.stderr)
        for name, (text, expected) in BAD.items():
            found = faults(text)
            if len(found) != 1 or expected not in found[0]:
                failed += 1
                print(f"{name}: {found}, and not '{expected}'", file=sys.stderr)
    print(f"{len(BAD)} faults are found, each in a page of its own" if not failed else f"{failed} tests failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
