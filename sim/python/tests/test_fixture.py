"""The fixture, as somebody else's tests use it."""

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
            program = eyelet_maix.run({str(program)!r}, scene="box", fps=50, unplug_after=100)
            assert next(program.pictures()).startswith(b"\\xff\\xd8")
            assert program.wait() == 0
            assert "lost: sim: unplugged" in program.output
            assert 0 < len(program.shown) <= 100

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
