"""Follows a page as a reader does: runs its commands one after the other, in a fresh copy of the repository.

This needs a network of its own (ci/verbs/docs.sh), where the pages' ports are free and their machines' addresses can be added.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from known import PROGRAMS, TOP, Wrong, commands

PATIENCE = 60.0  # seconds for a command
READY = re.compile(rb"^(streaming|receiving|listening) on |^https?://[\w.]+:\d+$", re.MULTILINE)
# The pages' other machines, and what answers there.
MACHINES = {
    "192.168.0.7": ("serve", "--bind", "192.168.0.7:8000"),
    "192.168.0.2": ("receive", "received", "--bind", "192.168.0.2:8080"),
}
# The programs are there already, in the profile of the other tools.
CARGO = """#!/bin/sh
exec python3 -B "{here}/cargo.py" "{binaries}" "$@"
"""


class Started:
    """A command: its output, and how it ends."""

    def __init__(self, command: list, folder: Path, environment: dict, output: Path) -> None:
        self.name, self.output = " ".join(command[-1:] if command[0] == "bash" else command), output
        with open(output, "wb") as file:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))

    def wait(self) -> None:
        """Returns once it serves or has ended; fails if it fails."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if READY.search(self.output.read_bytes()):
                return
            if time.monotonic() > end:
                self.kill()
                raise Wrong(f"{self.name}: neither ends nor serves within {PATIENCE:g} s{self.said()}")
            time.sleep(0.02)
        # What it left in the background goes on.
        if self.process.returncode:
            raise Wrong(f"{self.name}: exit code {self.process.returncode}{self.said()}")

    def end(self) -> str:
        """Waits until it has ended by itself; returns what it printed."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Wrong(f"{self.name}: does not end within {PATIENCE:g} s{self.said()}") from None
        if self.process.returncode:
            raise Wrong(f"{self.name}: exit code {self.process.returncode}{self.said()}")
        return self.output.read_text(errors="replace")

    def interrupt(self) -> None:
        """Ctrl-C, after which it must end; an embedded server by the signal itself."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Wrong(f"{self.name}: still running after Ctrl-C{self.said()}") from None
        self.kill()
        if self.process.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT):
            raise Wrong(f"{self.name}: exit code {self.process.returncode} at the end{self.said()}")

    def kill(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def said(self) -> str:
        return "".join(f"\n    {line}" for line in self.output.read_text(errors="replace").splitlines()[-12:])


class Reader:
    """One page's."""

    def __init__(self, binaries: Path, work: Path) -> None:
        self.binaries, self.work = binaries, work
        self.folder, self.count, self.running = work / "eyelet", 0, {}
        self.left = 0  # commands left to the other checks
        self._copy()
        path = work / "path"
        path.mkdir()
        for program in PROGRAMS:
            (path / program).symlink_to(binaries / program)
        for name in ("cargo", "cross"):
            (path / name).write_text(CARGO.format(here=Path(__file__).parent, binaries=binaries))
            (path / name).chmod(0o755)
        home = work / "home"
        home.mkdir()
        # A route that does not exist is no answer.
        (home / ".curlrc").write_text("fail\nmax-time = 30\nsilent\nshow-error\n")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "PATH": f"{path}:{os.environ['PATH']}", "HOME": str(home), "CURL_HOME": str(home), "NO_COLOR": "1",
            "EYELET_DOCS_HOME": os.environ.get("HOME", "/"),
        }
        self.variables = work / "variables"
        self.variables.touch()
        self.place = work / "place"
        self.place.write_text(str(self.folder))

    def _copy(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".", ":!ci/fuzz/corpus"],
            cwd=TOP, capture_output=True, check=True).stdout.split(b"\0")
        for name in filter(None, listed):
            source, copy = TOP / os.fsdecode(name), self.folder / os.fsdecode(name)
            if source.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)

    def block(self, text: str) -> str:
        """Runs the commands of a block; returns what they printed."""
        for machine in MACHINES:
            if machine in text:
                self._machine(machine)
        told = []
        self.jobs = []
        for command in statements(text):
            told.append(self._run(command))
        return "".join(told)

    def _machine(self, address: str) -> None:
        if address in self.running:
            return
        subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)
        self.running[address] = self._start([str(self.binaries / "eyelet-sim"), *MACHINES[address]])
        self.running[address].wait()

    def _start(self, command: list) -> Started:
        self.count += 1
        place = Path(self.place.read_text().strip())
        return Started(command, place, self.environment, self.work / f"output{self.count}")

    def _run(self, command: str) -> str:
        first = next(commands(command), [])
        if own(first):
            self.left += 1
            return ""
        if first[:1] == ["wait"]:
            return "".join(job.end() for job in self.jobs[int(first[1].removeprefix("%")) - 1 :][:1])
        background = re.search(r"(?<![&>])&\s*(#.*)?$", command)
        if background:
            command = command[: background.start()]
        port = port_of(first)
        if port in self.running:
            # The reader, whose terminal it has, ends it before.
            self.running.pop(port).interrupt()
        # What `head` has read enough of ends early.
        pipes = "+o" if re.search(r"\|\s*head\b", command) else "-o"
        script = (
            f"set -a; . {self.variables}; set +a; set {pipes} pipefail\n"
            f"trap 'export -p >{self.variables}; pwd >{self.place}' EXIT\n{'exec ' if alone(command) else ''}{command}\n")
        started = self._start(["bash", "-c", script])
        started.name = command.strip()
        if background:
            self.jobs.append(started)
        if port or not background:
            started.wait()
        if started.process.poll() is None:
            self.running[port or started.name] = started
        return started.output.read_text(errors="replace")

    def close(self) -> None:
        """Ends what runs; fails if that fails."""
        faults = []
        for started in reversed(self.running.values()):
            try:
                started.interrupt()
            except Wrong as wrong:
                faults.append(str(wrong))
        self.running = {}
        if faults:
            raise Wrong("\n".join(faults))


def alone(command: str) -> bool:
    """Whether a shell may become the program: a signal then reaches it, and its exit code is what is seen."""
    parts = [words for words in commands(command) if words]
    return len(parts) == 1 and "|" not in command and parts[0][0] in (*PROGRAMS, "cargo")


def own(words: list) -> bool:
    """CI itself, and what its other checks build: not again from here."""
    program = words[0].removeprefix("./") if words else ""
    return program == "ci/check.sh" or (program in ("cargo", "cross") and words[1] not in ("run", "install"))


def port_of(words: list) -> str | None:
    """Which port a server takes; None for what is no server."""
    name = words[0].rsplit("/", 1)[-1] if words else ""
    if name == "cargo" and "--example" not in words:
        words = ["eyelet", *(words[words.index("--") + 1 :] if "--" in words else [])]
    elif name not in ("cargo", *PROGRAMS):
        return None
    if words[0] != "cargo" and len(words) > 1 and words[1] not in ("serve", "receive") and not words[1].startswith("-"):
        return None
    for flag, value in zip(words, words[1:]):
        if flag == "--bind":
            return value.rsplit(":", 1)[-1]
    return "8080" if "receive" in words else "8000"


def statements(text: str):
    """The commands of a block, each with all its lines."""
    held = ""
    for line in text.splitlines():
        held += f"{line}\n"
        complete = not line.endswith("\\") and "here-document" not in (said := syntax(held)) and "unexpected" not in said
        if complete:
            if held.strip() and not all(line.lstrip().startswith("#") or not line.strip() for line in held.splitlines()):
                yield held.rstrip("\n")
            held = ""
    if held.strip():
        raise Wrong(f"not a command of a shell: {held.strip()}{syntax(held)}")


def syntax(text: str) -> str:
    return subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True).stderr
