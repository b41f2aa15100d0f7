"""`snapshot`, one picture and an end."""

import subprocess

import cv2
import numpy
import pytest

from pattern import read_sequence


@pytest.mark.parametrize("name, magic", [("picture.jpg", b"\xff\xd8\xff"), ("picture.png", b"\x89PNG\r\n")])
def test_snapshot_into_a_file_writes_one_picture(run, tmp_path, name, magic):
    file = tmp_path / name
    program = run("snapshot", file, "--size", "320x240")
    assert program.wait() == 0, program
    assert file.read_bytes().startswith(magic)
    picture = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (240, 320)
    assert read_sequence(picture) is not None
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_snapshot_to_stdout_writes_one_jpeg(binaries):
    done = subprocess.run([binaries / "eyelet-sim", "snapshot", "-"], capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    picture = cv2.imdecode(numpy.frombuffer(done.stdout, numpy.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (480, 640)
