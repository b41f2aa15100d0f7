"""What the tests share."""

import signal
import sys

import eyelet_sim
import pytest

pytest_plugins = ["pytester"]

# A shell has what it starts in the background ignore SIGINT, and so would the programs under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def simulator():
    """Every test begins with the default camera, and ends with it."""
    eyelet_sim.configure()
    yield eyelet_sim
    eyelet_sim.configure()


@pytest.fixture
def script(tmp_path):
    """Writes a program."""

    def write(text):
        path = tmp_path / f"program{len(list(tmp_path.glob('program*')))}.py"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def python(eyelet_maix, script):
    """Runs a program to its end; what it printed."""

    def run(text, **settings):
        program = eyelet_maix.run(script(text), **settings)
        code = program.wait()
        assert code == 0, program.output
        return program.output

    return run


def decoded(jpeg):
    """The pixels of a JPEG, by a decoder that is not ours: R, G, B."""
    import cv2
    import numpy

    return cv2.cvtColor(cv2.imdecode(numpy.frombuffer(jpeg, "uint8"), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def number(pixels):
    """The number of a simulated frame: 48 squares of 8x8 in the top left corner, after docs and sim/src/pattern.rs."""
    bits = 0
    for row in range(3):
        for column in range(16):
            square = pixels[row * 8 + 2 : row * 8 + 6, column * 8 + 2 : column * 8 + 6]
            bits = bits << 1 | int(square.mean() > 127)
    return bits >> 16


sys.modules.setdefault("support", sys.modules[__name__])
