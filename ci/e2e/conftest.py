"""The programs under test, and a browser."""

import os
import signal
import socket
from pathlib import Path

import pytest

import engines
from program import Program

REPOSITORY = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("EYELET_BIN") or REPOSITORY / "target" / "release").resolve()

# A shell has what it starts in the background ignore SIGINT, and so would the programs under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def binaries():
    """The folder of the built programs; the examples are in `examples`."""
    assert (BINARIES / "eyelet-sim").exists(), f"no eyelet-sim in {BINARIES}; build it, or run ci/check.sh e2e"
    return BINARIES


@pytest.fixture
def run(binaries):
    """Starts a program; at the end of the test it is stopped as by a supervisor, and must stop cleanly."""
    programs = []

    def start(*arguments, program="eyelet-sim", cwd=None):
        programs.append(Program(binaries / program, *arguments, cwd=cwd))
        return programs[-1]

    yield start
    faults = []
    for program in programs:
        try:
            if program.running and (code := program.stop()) != 0:
                faults.append(f"exit code {code} on SIGTERM")
        except AssertionError as still_running:
            faults.append(str(still_running))
        if any("panicked" in line for line in program.lines["stderr"]):
            faults.append("panicked")
        print(program)
    assert not faults, "; ".join(faults)


@pytest.fixture
def serve(run):
    """Starts `eyelet-sim serve` on a port of its own (or `bind`); its `url` ends in a slash."""

    def start(*flags, bind="127.0.0.1:0"):
        server = run("serve", "--bind", bind, *flags)
        server.url = server.expect(r"streaming on (http://\S+/)")[1]
        return server

    return start


@pytest.fixture
def receive(run, tmp_path):
    """Starts `eyelet-sim receive` into an empty folder: its `url` takes uploads, `folder` keeps them."""
    folder = tmp_path / "received"
    folder.mkdir()
    receiver = run("receive", folder, "--bind", "127.0.0.1:0")
    receiver.url = receiver.expect(r"receiving on (http://\S+/upload)")[1]
    receiver.folder = folder
    return receiver


MEASURED = pytest.StashKey()


@pytest.fixture
def measured(request):
    """Keeps a line of numbers for the end of the run, where a person sees it also when all is well."""

    def keep(line):
        request.config.stash.setdefault(MEASURED, []).append(f"{request.node.name}: {line}")

    return keep


def pytest_terminal_summary(terminalreporter, config):
    if lines := config.stash.get(MEASURED, []):
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def artifacts():
    """What a person may want to look at afterwards; not part of the repository."""
    folder = REPOSITORY / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    started = engines.start("chromium", tmp_path_factory.mktemp("chromium"))
    yield started
    started.quit()


@pytest.fixture
def browser(chromium):
    """Debian's Chromium without a window, by its driver."""
    yield chromium.driver
    chromium.leave()


@pytest.fixture(scope="session", params=engines.NAMES)
def session(request, tmp_path_factory):
    started = engines.start(request.param, tmp_path_factory.mktemp(request.param))
    yield started
    started.quit()


STATE = """
return [location.href, document.readyState, document.visibilityState, document.hasFocus() ? "has the focus" : "has no focus",
  document.body?.innerText].join("\\n")
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """What the page had to say at that moment is more than the condition that was waited for in vain."""
    report = yield
    engine = item.funcargs.get("engine") or item.funcargs.get("chromium")
    if report.failed and report.when == "call" and engine:
        try:
            state = str(engine.run(STATE))
        except Exception as error:
            state = f"{type(error).__name__}: {error}"
        report.sections.append(("the page", state))
    return report


@pytest.fixture
def engine(session):
    yield session
    session.leave()
    session.resize(1024, 900)


@pytest.fixture
def free_port():
    """A port that was free just now, for a server that must come back on the same one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
