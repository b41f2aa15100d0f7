"""Pictures that are rotated, flipped, masked and written on: each way out of the server has them so."""

import json
import time
import urllib.request

import cv2
import numpy
import pytest

from deadline import until
from pattern import read_sequence
from pictures import folder_of, jpeg
from stream import Stream

TURNS = {"90": cv2.ROTATE_90_COUNTERCLOCKWISE, "180": cv2.ROTATE_180, "270": cv2.ROTATE_90_CLOCKWISE}
"""Back to where it was."""
FLIPS = {"h": 1, "v": 0, "hv": -1}
RAW = ["nv12", "nv21", "i420", "yuv422p", "yuyv", "rgb24", "bgr24", "grey"]


def decoded(bytes_, how=cv2.IMREAD_COLOR):
    return cv2.imdecode(numpy.frombuffer(bytes_, numpy.uint8), how)


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def taken(run, file, *flags):
    program = run("snapshot", file, "--size", "322x242", *flags)
    assert program.wait() == 0, program
    return cv2.imread(str(file))


@pytest.mark.parametrize("pixel", RAW)
def test_picture_turned_back_is_the_one_that_was_not_turned(run, tmp_path, pixel):
    plain = taken(run, tmp_path / "plain.png", "--format", pixel, "--scene", "bars")
    for rotation, back in TURNS.items():
        for side, flip in {"": None, **FLIPS}.items():
            flags = ["--rotate", rotation] + (["--flip", side] if side else [])
            picture = taken(run, tmp_path / "turned.png", "--format", pixel, "--scene", "bars", *flags)
            picture = picture if flip is None else cv2.flip(picture, flip)
            picture = cv2.rotate(picture, back)
            assert picture.shape == plain.shape
            assert read_sequence(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)) is not None, flags
            # Below the number, which need not be the same one. 4:2:2 has half its chroma rows after a quarter turn.
            difference = cv2.absdiff(picture[24:], plain[24:])
            assert difference.mean() < 1, (flags, difference.mean())


def test_every_route_shows_the_rotated_picture_with_its_mask_and_text(serve, receive):
    flags = ["--rotate", "90", "--mask", "48,96,64,48", "--overlay", "{name} {time:%F %T}", "--overlay-at", "bottom-left"]
    server = serve("--size", "320x240", "--scene", "noise", "--upload", receive.url, *flags)
    source = lambda: json.loads(fetched(server.url + "state"))["source"]  # noqa: E731
    until(lambda: source()["width"], "the first frame, which has a size")
    assert (source()["width"], source()["height"]) == (240, 320)
    with Stream(server.url + "stream") as stream:
        jpegs = [next(stream).jpeg for _ in range(3)]
    jpegs.append(fetched(server.url + "snapshot"))
    jpegs += [file.read_bytes() for file in until(lambda: list(receive.folder.glob("*.jpg")), "an upload", 20)]
    for picture in map(decoded, jpegs):
        assert picture.shape == (320, 240, 3)
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        assert read_sequence(cv2.rotate(grey, TURNS["90"])) is not None
        # Whole blocks of the JPEG; decoders blend chroma across one pixel at their edges.
        assert picture[98:142, 50:110].max() < 8
        assert grey[96:144, 112:].mean() > 60 and grey[144:200, 48:112].mean() > 60, "more than the mask is dark"
        text = grey[-9:, :60]
        assert text.max() > 180 and (text < 60).mean() > 0.4, "no text"


def test_picture_of_another_size_than_the_masks_is_not_shown(serve):
    server = serve("--size", "320x240", "--scene", "noise", "--resize-after", "20", "--mask", "0,0,320,240")
    sizes = set()
    with Stream(server.url + "stream") as stream:
        deadline = time.monotonic() + 6
        for part in stream:
            picture = decoded(part.jpeg)
            sizes.add(picture.shape)
            assert picture.max() < 40, "a picture without its mask"
            if time.monotonic() > deadline:
                break
    assert sizes == {(240, 320, 3)}


@pytest.mark.parametrize(
    "flags, code, message",
    [
        (["--format", "jpeg", "--rotate", "90"], 2, "need raw frames, and --format jpeg asks for JPEGs; omit --format"),
        (["--mask", "640,0,10,10"], 2, "it lies outside the picture; choose a place in 640x480"),
        (["--rotate", "90", "--mask", "500,0,10,10"], 2, "it lies outside the picture; choose a place in 480x640"),
        (["--overlay", "{date}"], 2, "unknown placeholder {date}; use {name}, "),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--bind", "127.0.0.1:0"], ["snapshot", "-"], ["upload", "http://127.0.0.1:9/"]])
def test_edit_that_cannot_be_is_refused_in_one_line(run, command, flags, code, message):
    program = run(*command, *flags)
    assert program.wait() == code
    (line,) = program.lines["stderr"]
    assert line.startswith("error: ") and message in line, line


@pytest.mark.parametrize("command", [["serve", "--bind", "127.0.0.1:0"], ["snapshot", "-"], ["upload", "http://127.0.0.1:9/"]])
def test_edit_of_a_camera_of_jpegs_is_refused_with_the_flags_to_omit(run, tmp_path, command):
    folder = folder_of(tmp_path / "pictures", [jpeg(1), jpeg(2)])
    program = run(*command, "--camera", f"replay:{folder}", "--size", "320x240", "--mask", "0,0,10,10")
    assert program.wait() == 2  # wrong usage: no later start can do better
    (line,) = program.lines["stderr"]
    assert f"cannot edit the pictures of replay:{folder}: JPEGs cannot be rotated" in line, line
    assert "use another camera, or leave out --rotate, --flip, --mask and --overlay" in line, line
