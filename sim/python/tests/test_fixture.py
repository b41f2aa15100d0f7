"""The fixture, as somebody else's tests use it."""

import time
from pathlib import Path

import pytest


def test_fixture_is_there_without_more(pytester, script):
    program = script(
        """
from maix import app, camera, display, http
screen, stream = display.Display(), http.JpegStreamer()
stream.start()
cam = camera.Camera(320, 240)
while not app.need_exit():
    try:
        frame = cam.read()
    except RuntimeError as error:
        print("lost:", error)
        break
    screen.show(frame)
    stream.write(frame)
"""
    )
    pytester.makepyfile(
        f"""
        def test_program_survives_the_loss(eyelet_maix):
            program = eyelet_maix.run({str(program)!r}, scene="box", fps=50, unplug_after=500)
            assert next(program.pictures()).startswith(b"\\xff\\xd8")
            assert program.wait() == 0
            assert "lost: sim: unplugged" in program.output
            assert 0 < len(program.shown) <= 500

        def test_program_that_ends_too_early_is_told_apart(eyelet_maix, tmp_path):
            (tmp_path / "short.py").write_text("print('nothing')")
            import pytest
            with pytest.raises(AssertionError, match="ended with 0 before streaming"):
                eyelet_maix.run(tmp_path / "short.py").stream()
        """
    )
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)


def test_run_without_the_fixture_loads_no_modules_and_keeps_its_signals(pytester):
    pytester.makepyfile(
        """
        import signal, sys

        def test_nothing_is_loaded():
            assert not [name for name in sys.modules if name.split(".")[0] == "maix"]
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        """
    )
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_program_that_hangs_is_ended_with_what_it_started(pytester, script, tmp_path):
    program = script(
        """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
with open("pids", "a") as file:
    file.write(f"{os.getpid()}\\n")
print("hangs")
while True:
    time.sleep(1)
"""
    )
    pytester.makepyfile(
        f"""
        import pytest

        def test_program_hangs(eyelet_maix):
            program = eyelet_maix.run({str(program)!r})
            program.until("both run", lambda: program.output.count("hangs") == 2)
            with pytest.raises(TimeoutError, match="not ended in 0.1 s:\\nhangs"):
                program.stop(timeout=0.1)
        """
    )
    pytester.runpytest_subprocess("-q", "--basetemp", str(tmp_path / "inner")).assert_outcomes(passed=1)
    [pids] = (tmp_path / "inner").rglob("pids")

    def runs(pid):
        try:
            return (Path("/proc") / pid / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    end = time.monotonic() + 20
    while any(map(runs, pids.read_text().split())):
        assert time.monotonic() < end, "they run on"
        time.sleep(0.02)


def test_waiting_for_uploads_ends_with_the_program(eyelet_maix, script):
    program = eyelet_maix.run(script("print('no uploads today')"))
    with pytest.raises(AssertionError, match="0 of 1 uploads came before the program ended with 0:\nno uploads today"):
        program.uploads.wait()


def test_unknown_setting_is_refused(eyelet_maix, script):
    with pytest.raises(TypeError, match="unplug_after"):
        eyelet_maix.run(script(""), unplugafter=3)


def test_upload_that_fails_is_what_the_test_says(eyelet_maix, script):
    text = """
import requests
for _ in range(2):
    print(requests.post("http://camera.example/upload", data=b"x").status_code)
"""
    program = eyelet_maix.run(script(text))
    program.uploads.answer((503, "full"))
    assert program.wait() == 0, program.output
    assert program.output == "503\n200\n"
    assert [upload.body for upload in program.uploads.wait(2)] == [b"x", b"x"]
