"""Checks README.md and docs/*.md: runs their code, and compares what they say with what there is.

    check.py BINARIES [PAGE ...]

BINARIES is the folder of the built programs. Needs a network of its own: ci/check.sh docs.

Each block needs a decision, made by its language: `sh` is run as a reader would, `rust` is a test of the package
eyelet-docs, `toml` and `ini` are configurations that the programs must accept, `json` is an answer with the keys of /state,
`yaml` is alerts on metrics that exist, `text` is a figure, and `text output` is what the `sh` block before it prints.
`<!-- not run: REASON -->` above a block says why it cannot be run here; its commands must exist all the same, and so must
commands, flags, routes and metrics in the text.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections import Counter
from pathlib import Path

from known import PROGRAMS, TOP, Known, Wrong, commands
from pages import Page
from reader import Reader, Started, statements

PROXIES = ("nginx", "apache", "caddy", "haproxy", "lighttpd")


class Check:
    def __init__(self, binaries: Path, work: Path) -> None:
        self.known, self.work = Known(binaries), work
        self.counts, self.reasons, self.faults, self.left = Counter(), [], [], 0

    def page(self, page: Page, rust: str) -> None:
        """`rust` is the source that includes pages as tests."""
        self.faults += [f"{page.name}: {fault}" for fault in page.faults]
        for line, span in page.spans():
            self.try_at(page, line, lambda: self.known.span(span))
        folder = Path(tempfile.mkdtemp(dir=self.work))
        self.reader, self.printed = None, None
        self.folder = folder
        for block in page.blocks:
            before = len(self.faults)
            self.try_at(page, block.line, lambda: self.block(page, block, rust))
            if block.not_run:
                self.reasons.append(f"{page.name}:{block.line}: {block.not_run}")
            if len(self.faults) > before and block.language == "sh":
                break  # the commands after it may need it
        if self.reader:
            self.try_at(page, len(page.prose.splitlines()), self.reader.close)
            self.left += self.reader.left
        for line, target in page.links():
            self.try_at(page, line, lambda: link(page, target))

    def try_at(self, page: Page, line: int, what) -> None:
        try:
            what()
        except (Wrong, ValueError, OSError) as wrong:
            self.faults.append(f"{page.name}:{line}: {wrong}")

    def block(self, page: Page, block, rust: str) -> None:
        kind = getattr(self, f"_{block.language}", None) if re.match(r"[a-z]+$", block.language) else None
        if kind is None and block.language in PROXIES:
            kind = self._proxy
        if kind is None:
            raise Wrong(f"a block of the language '{block.language}': what is to be done with it? see ci/docs/check.py")
        if block.not_run is not None and block.language != "sh":
            raise Wrong("only sh blocks can be marked as not run")
        self.known.words(block.text)
        self.counts[kind(page, block, rust) or block.language] += 1

    def _sh(self, page, block, _):
        self.printed = None
        for statement in statements(block.text):
            for words in commands(statement):
                self.known.command(words)
                if block.not_run is None:
                    self.known.may_run(words)
        if block.not_run is not None or page.faults:
            return "sh checked, not run"
        self.reader = self.reader or Reader(self.known.binaries, self.folder)
        self.printed = self.reader.block(block.text)
        return "sh run"

    def _rust(self, page, block, rust):
        if set(block.words) - {"no_run"}:
            raise Wrong(f"a Rust block is run, or compiled (no_run), not {' '.join(block.words)}")
        if f"/{page.name}\")" not in rust:
            raise Wrong(f"{page.name} has Rust code, but ci/docs/src/lib.rs does not include it")
        return "rust compiled" if block.words else "rust run"

    def _text(self, page, block, _):
        if block.words == ["output"]:
            if self.printed is None:
                raise Wrong("the output of what? no sh block that is run comes before it")
            printed(block.text, self.printed)
            return "text compared"
        if block.words:
            raise Wrong(f"text is a figure, or output, not {' '.join(block.words)}")
        return "text, not code"

    def _toml(self, page, block, _):
        keys = tomllib.loads(block.text)
        if "dependencies" in keys or "dev-dependencies" in keys:
            for table in ("dependencies", "dev-dependencies"):
                for name, value in keys.get(table, {}).items():
                    self._dependency(name, value)
            return "toml compared"
        # With --help, the file is read and nothing is done.
        file = self.folder / "configuration.toml"
        file.write_text(block.text)
        tables = [key for key, value in keys.items() if isinstance(value, dict)]
        said = []
        for program in PROGRAMS:
            refusals = [self.refusal(program, command, file) for command in ["serve", *tables]]
            if not any(refusals):
                return "toml accepted"
            said += filter(None, refusals)
        raise Wrong("\n".join(said))

    def refusal(self, program: str, command: str, file: Path) -> str:
        done = subprocess.run(
            [self.known.binaries / program, command, "--config", file, "--help"], capture_output=True, text=True, timeout=60)
        return done.stderr.strip()

    def _dependency(self, name: str, value) -> None:
        if name.startswith("eyelet"):
            package = self.known.packages().get(name)
            if package is None:
                raise Wrong(f"there is no package {name}")
            for feature in value.get("features", []) if isinstance(value, dict) else []:
                if feature not in package["features"]:
                    raise Wrong(f"{name} has no feature {feature}")

    def _yaml(self, page, block, _):
        # Their metrics are compared as those of every block.
        if "eyelet_" not in block.text:
            raise Wrong("YAML that names no metric: what is it for?")
        return "yaml compared"

    def _ini(self, page, block, _):
        for words in re.findall(r"^Exec\w+=(.*)$", block.text, re.MULTILINE):
            self.known.command(words.split())
        for line in block.text.splitlines():
            if line and not re.match(r"#|\[\w+\]$|[A-Z]\w+=", line):
                raise Wrong(f"not a line of a unit: {line}")
        return "ini compared"

    def _json(self, page, block, _):
        text = block.text if block.text.startswith(("{", "[")) else f"{{{block.text}}}"
        documented = json.loads(text)
        if not {"source", "spool"} & set(documented):
            return "json read"
        state = self.state()
        if "spool" in documented:
            state = {"spool": state["upload"]["spool"]}
        else:
            state["upload"] = None
        if shape(documented) != shape(state):
            raise Wrong(f"/state has {shape(state)}")
        return "json compared"

    def state(self) -> dict:
        """What /state answers while somebody watches."""
        program = str(self.known.binaries / "eyelet-sim")
        server = Started(
            [program, "serve", "--bind", "127.0.0.1:18000", "--upload", "http://127.0.0.1:9/", "--spool", "spool"],
            self.folder, None, self.folder / "state")
        try:
            server.wait()
            with urllib.request.urlopen("http://127.0.0.1:18000/stream", timeout=30) as stream:
                stream.read(1)
                end = time.monotonic() + 30
                while time.monotonic() < end:
                    with urllib.request.urlopen("http://127.0.0.1:18000/state", timeout=30) as answer:
                        state = json.load(answer)
                    if state["viewers"]:
                        return state
                raise Wrong("/state shows no viewer")
        finally:
            server.kill()

    def _proxy(self, page, block, _):
        title = " ".join([block.language, *block.words])
        if f'"{title}"' not in (TOP / "ci/e2e/test_proxies.py").read_text() + (TOP / "ci/e2e/proxies.py").read_text():
            raise Wrong(f"ci/e2e/test_proxies.py does not run '{title}'")
        return "run by ci/check.sh e2e"


def shape(value):
    """The keys, at every depth."""
    if isinstance(value, dict):
        return {key: shape(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


def printed(expected: str, text: str) -> None:
    """Each line must have been printed, in this order; numbers differ from run to run, and … is anything."""
    at = 0
    lines = [line.rstrip() for line in text.splitlines()]
    for line in filter(None, map(str.rstrip, expected.splitlines())):
        if line.strip() == "…":
            continue
        pattern = re.escape(line).replace("…", ".*")
        pattern = re.sub(r"\d+(\\\.\d+)?", r"[\\d.]+", re.sub(r"(\\ )+", " +", pattern))
        while at < len(lines) and not re.fullmatch(pattern, lines[at]):
            at += 1
        if at == len(lines):
            raise Wrong(f"not printed: {line}\n    but: " + "\n    ".join(lines[:30]))
        at += 1


def link(page: Page, target: str) -> None:
    if re.match(r"[a-z]+:", target):
        return
    file, _, anchor = target.partition("#")
    path = (page.path.parent / file) if file else page.path
    if not path.exists():
        raise Wrong(f"a link to {target}, which does not exist")
    if anchor and anchor not in Page(path, file).anchors():
        raise Wrong(f"a link to {target}: there is no such heading")


def everything(binaries: Path, pages: list, rust: str) -> Check:
    with tempfile.TemporaryDirectory(prefix="eyelet-docs") as work:
        check = Check(binaries, Path(work))
        for page in pages:
            check.page(page, rust)
    return check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=lambda path: Path(path).resolve())
    parser.add_argument("pages", nargs="*", type=lambda path: Path(path).resolve())
    options = parser.parse_args()
    paths = options.pages or [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
    pages = [Page(path, str(path.relative_to(TOP))) for path in paths]
    rust = TOP / "ci/docs/src/lib.rs"
    check = everything(options.binaries, pages, rust.read_text() if rust.exists() else "")
    for reason in check.reasons:
        print(f"not run: {reason}")
    print(f"left to the other checks, and only compared: {check.left} commands (ci/check.sh, cargo build, cargo test)")
    print(f"{sum(check.counts.values())} blocks in {len(pages)} pages:", end=" ")
    print(", ".join(f"{count} {kind}" for kind, count in sorted(check.counts.items())))
    for fault in check.faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if check.faults else 0)


if __name__ == "__main__":
    main()
