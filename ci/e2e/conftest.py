"""The programs under test, and a browser."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from selenium import webdriver

from program import Program

REPOSITORY = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("EYELET_BIN") or REPOSITORY / "target" / "release").resolve()


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


@pytest.fixture
def browser(tmp_path):
    """Debian's Chromium without a window, with a new profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    # A stream opened as a page never ends to load; the tests wait for what they look at.
    options.page_load_strategy = "none"
    for flag in (
        "--headless", "--window-size=1024,900", f"--user-data-dir={tmp_path / 'profile'}",
        # The sandbox refuses to run as root; only our own pages are opened.
        "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic",
        # No visits to anyone but us.
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ):
        options.add_argument(flag)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@pytest.fixture
def free_port():
    """A port that was free just now, for a server that must come back on the same one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
