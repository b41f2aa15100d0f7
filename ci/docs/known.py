"""What exists: the programs' flags, scripts, checks, packages, routes and metrics."""

import json
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PROGRAMS = ("eyelet-sim", "eyelet")
# What a word in capitals stands for.
PLACEHOLDERS = {
    "URL": "http://127.0.0.1:8080/", "FILE": "file", "FILTER": "info", "DIR": "dir", "N": "1", "S": "1", "SECONDS": "1",
    "COMMAND": "serve", "SHELL": "bash", "ADDR": "127.0.0.1:0", "POLICY": "hold", "NAME": "name", "NET": "10.0.0.0/8",
}
# Programs of others that a page may name, and those of them that may run here.
HERE = """. [ : cat cd cp curl cut echo eval export ffmpeg git grep head htpasswd jq kill ls mkdir nc openssl printf ps
python3 sleep tail test wait""".split()
ELSEWHERE = """a2enmod apt-get docker ffplay killall less mv podman reboot rm rustup scp sudo sysctl systemctl""".split()
# Flags in front of the machine's name that take no value.
SSH_FLAGS = ("-t", "-T", "-q")
# Cargo's own flags that pages mention by themselves.
CARGO_FLAGS = {"--release", "--workspace", "--features", "--no-default-features", "--help", "--locked", "--version"}
CRATES = re.compile(r"eyelet_(core|hal|sim|v4l2|maixcam|bench|soak)\b")
# Paths of files, not of routes.
FOLDERS = {"boot", "dev", "etc", "home", "lib", "maixapp", "opt", "proc", "root", "run", "sys", "tmp", "usr", "var"}
# What else serves a path: `receive`, the folder that proxies.md puts eyelet at, the names of cameras.
PATHS = {"upload", "cam", "front", "back"}


class Wrong(Exception):
    """What a page says and the code does not have."""


def output(*command, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, **options)
    return done.stdout + done.stderr if done.returncode == 0 else ""


class Known:
    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        reference = (TOP / "docs/reference.md").read_text()
        # A test compares the tables of this page with the code.
        cells = "\n".join(line.split("|")[1] for line in reference.splitlines() if line.startswith("| `"))
        self.routes = set(re.findall(r"`(/[^`]*)`", cells))
        # Those of applications, in the pages and the examples.
        code = [*TOP.glob("README.md"), *TOP.glob("docs/*.md"), *TOP.glob("sim/examples/*.rs")]
        for text in (file.read_text() for file in code):
            self.routes |= set(re.findall(r"\.(?:get|post)(?:_async)?\(\s*\"(/[^\"]*)\"", text))
        self.metrics = set(re.findall(r"`(eyelet_\w+)`", cells))

    @cache
    def packages(self) -> dict:
        return {package["name"]: package for package in self.metadata()["packages"]}

    @cache
    def metadata(self) -> dict:
        return json.loads(output("cargo", "metadata", "--no-deps", "--offline", "--locked", "--format-version", "1", cwd=TOP))

    @cache
    def rust(self) -> str:
        folders = ("hal", "core", "sim", "targets", "ci")
        return "".join(file.read_text() for folder in folders for file in (TOP / folder).rglob("*.rs"))

    @cache
    def usage(self, script: str) -> str:
        return output(str(TOP / script), "--help", cwd=TOP)

    @cache
    def flags(self) -> set:
        """Every flag of the programs and scripts."""
        texts = [output("cargo", "test", "--help"), *(self.usage(str(s.relative_to(TOP))) for s in TOP.glob("ci/*.sh"))]
        for program in PROGRAMS:
            binary = str(self.binaries / program)
            for command in re.findall(r"^  ([a-z]+) ", output(binary, "--help"), re.MULTILINE):
                texts.append(output(binary, command, "--help"))
        return CARGO_FLAGS | {flag for text in texts for flag in re.findall(r"--[a-z][a-z-]+", text)}

    # A command, as its words.

    def may_run(self, words: list) -> None:
        """Fails for what changes a machine, or another one."""
        words = [word for word in words if not re.match(r"[A-Za-z_]\w*=", word)]
        if words and (words[0] in (*ELSEWHERE, "ssh") or re.match(r"(\./)?ci/(deploy|board)\.sh", words[0])):
            raise Wrong(f"{words[0]} is not run on this machine: mark the block with <!-- not run: REASON -->")

    def command(self, words: list) -> None:
        """Fails unless the program is known, and knows its arguments."""
        while words and re.match(r"[A-Za-z_]\w*=", words[0]):
            words = words[1:]
        if not words:
            return
        if words[0] in ("time", "sudo", "bash") and len(words) > 1:
            words = words[1:]
        program, arguments = words[0], words[1:]
        name = program.rsplit("/", 1)[-1]
        if name in PROGRAMS:
            self.program(name, arguments)
        elif program in ("cargo", "cross"):
            self.cargo(arguments)
        elif re.match(r"(\./)?(ci|benches)/", program):
            self.script(program.removeprefix("./"), arguments)
        elif program == "ssh":
            self.command([word for word in arguments if word not in SSH_FLAGS][1:])  # behind the machine's name
        elif program == "eval":
            for part in commands(arguments[0].strip().removeprefix("$(").removesuffix(")")):
                self.command(part)
        elif program not in (*HERE, *ELSEWHERE):
            raise Wrong(f"{program} is no program of this project, nor one that ci/docs/known.py lists")

    def program(self, name: str, arguments: list) -> None:
        """With --help behind them, all arguments are read and nothing is done."""
        words = [PLACEHOLDERS.get(word, word) for word in arguments if word not in ("…", "...", "[…]")]
        while "--config" in words:
            at = words.index("--config")
            del words[at : at + 2]
        done = subprocess.run(
            [self.binaries / name, *words, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        if done.returncode:
            raise Wrong(f"{name} {' '.join(arguments)}: {done.stderr.strip()}")

    def script(self, path: str, arguments: list) -> None:
        if not (TOP / path).is_file():
            raise Wrong(f"there is no {path}")
        if path == "ci/check.sh":
            for word in arguments:
                if not word.isdigit() and word not in ("VERB", "SECONDS", "[SECONDS]", "all", "--help"):
                    if not (TOP / f"ci/verbs/{word}.sh").is_file():
                        raise Wrong(f"ci/check.sh has no verb {word}")
            return
        if path.startswith("ci/verbs/"):
            usage = (TOP / path).read_text()
        elif path.endswith(".py"):
            usage = output("python3", str(TOP / path), "--help", cwd=TOP)
        else:
            usage = self.usage(path)
        for word in arguments:
            if word == "--":
                break
            if word.startswith("-") and not re.search(rf"(^|[\s\[|]){re.escape(word.split('=')[0])}\b", usage):
                raise Wrong(f"{path} --help does not name {word}")

    def cargo(self, arguments: list) -> None:
        """Names of packages, features, tests and programs must exist, and what is run must know its arguments."""
        own = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
        ours = arguments[: len(arguments) - len(own)]
        values = {flag: value for flag, value in zip(ours, ours[1:]) if flag.startswith("-")}
        packages = self.packages()
        named = values.get("-p", values.get("--package"))
        if named is not None and named not in packages:
            raise Wrong(f"there is no package {named}")
        # Without a name, cargo takes the default members of the workspace.
        default = self.metadata()["workspace_default_members"]
        everywhere = "--workspace" in ours or {"--path", "--manifest-path", "--fuzz-dir"} & set(values)
        here = [package for package in packages.values() if everywhere or package["id"] in default]
        here = [packages[named]] if named else here
        for feature in filter(None, values.get("--features", "").split(",")):
            if not any(feature in package["features"] for package in here):
                raise Wrong(f"there is no feature {feature} in {named or 'the packages that this is for'}")
        targets = {(kind, target["name"]) for package in here for target in package["targets"] for kind in target["kind"]}
        for kind in ("test", "bin", "example", "bench"):
            name = values.get(f"--{kind}")
            exists = (kind, name) in targets or (name == "NAME" and any(of == kind for of, _ in targets))
            if name is not None and not exists:
                raise Wrong(f"there is no {kind} {name} in {named or 'the packages that this is for'}")
        for flag in ("--path", "--manifest-path", "--fuzz-dir"):
            if flag in values and not (TOP / values[flag]).exists():
                raise Wrong(f"there is no {values[flag]}")
        if ours[:1] == ["test"]:
            for part in (part for word in own if "::" in word for part in filter(None, word.split("::"))):
                if not re.search(rf"\b(mod {part}|fn {part}\w*)\b", self.rust()):
                    raise Wrong(f"there is no test, nor a module of tests, {part}")
        if ours[:1] == ["run"] and "--example" not in values:
            program = self.program_of(named, values)
            self.program(program, own)

    def program_of(self, package: str | None, values: dict) -> str:
        # Without a package it is the board's program: see default-members in Cargo.toml.
        own = {None: "eyelet", "eyelet-maixcam": "eyelet", "eyelet-sim": "eyelet-sim"}
        name = values.get("--bin") or own.get(package)
        if name not in PROGRAMS:
            raise Wrong(f"cargo run: which program? name {' or '.join(PROGRAMS)} by its package")
        return name

    # Words in blocks and in the text.

    def words(self, text: str) -> None:
        """Metrics and addresses of routes, wherever they stand."""
        for word in re.findall(r"\beyelet_\w+", text):
            # A longer name is a test's.
            metric = not CRATES.match(word) and word.count("_") < 7
            if metric and re.sub("_(bucket|sum|count)$", "", word) not in self.metrics:
                raise Wrong(f"there is no metric {word}")
        for path in re.findall(r"https?://[^/\s\"'`<>)]+:8000(/[^\s\"'`<>);]*)", text):
            self.route(path)

    def route(self, path: str) -> None:
        if path in self.routes:
            return
        path, _, query = path.partition("?")
        if query.startswith("action="):
            raise Wrong(f"there is no route /?{query}")
        parts = path.strip("/").split("/")
        if parts[0] in PATHS and len(parts) < 3:
            parts = parts[1:] or [""]
        if f"/{'/'.join(parts)}" not in self.routes:
            raise Wrong(f"there is no route {path}")

    def span(self, text: str) -> None:
        """Code in the text."""
        self.words(text)
        if re.match(r"(eyelet|eyelet-sim) [a-z-]|(cargo|cross) [a-z]|((bash )?\.?/?(ci|benches)/[\w/-]+\.sh\b)", text):
            for words in commands(text.replace("…", "")):
                self.command(words)
        elif re.match(r"--[a-z]", text):
            for flag in re.findall(r"--[a-z][a-z-]+", text):
                if flag not in self.flags():
                    raise Wrong(f"there is no flag {flag}")
        elif re.match(r"/[a-z_]+(\.jpg)?(\?.*)?$", text) and text.split("/")[1] not in FOLDERS:
            self.route(text)


def commands(text: str):
    """The words of each simple command of a shell's line."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words, skip = [], False
    for word in lexer:
        if word and not word.strip(";&|()"):
            yield words
            words = []
        elif word and not word.strip("<>&"):
            skip = True
            if words and words[-1].isdigit():
                words.pop()
        elif skip:
            skip = False
        else:
            words.append(word)
    yield words
