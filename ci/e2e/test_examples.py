"""Each program in sim/examples, and that what it does is right."""

import re
import signal
import time
from datetime import datetime, timezone
from itertools import islice

import cv2
import numpy
import requests

from deadline import until
from stream import Stream, distinct


def test_jpeg_stream_example_serves_page_and_stream(run, free_port):
    example = run(f"127.0.0.1:{free_port}", program="examples/jpeg_stream")
    url = example.expect(r"http://[\w.]+:\d+")[0]
    assert url == f"http://127.0.0.1:{free_port}"
    page = requests.get(url, timeout=10)
    assert "<img" in page.text and "/stream" in page.text
    with Stream(url + "/stream") as stream:
        parts = list(islice(distinct(stream), 5))
    for part in parts:
        picture = cv2.imdecode(numpy.frombuffer(part.jpeg, numpy.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (240, 320, 3)
    assert len({part.jpeg for part in parts}) == 5
    example.expect(r"\d ?ms.*fps|fps.*ms")
    assert example.stop(signal.SIGINT) == 0, example


def test_upload_image_example_uploads_its_picture(run, receive):
    example = run(receive.url, program="examples/upload_image")
    assert example.wait() == 0, example
    assert "200" in example.lines["stdout"][0], example
    assert any(line.strip() for line in example.lines["stdout"][1:]), "the server's text is not printed"
    [file] = receive.folder.iterdir()
    picture = cv2.imread(str(file))
    assert picture.shape == (480, 640, 3)
    # A red rectangle of 80 x 80 at (60, 60): its frame is red, what is around it is not. OpenCV has blue first.
    blue, green, red = picture[60:62, 70:130].reshape(-1, 3).mean(axis=0)
    assert red > 150 and green < 90 and blue < 90
    blue, green, red = picture[40:50, 70:130].reshape(-1, 3).mean(axis=0)
    assert not (red > 150 and green < 90 and blue < 90)


def test_embedded_server_shows_its_page_stream_and_snapshot(run, free_port):
    example = run(f"127.0.0.1:{free_port}", program="examples/embed")
    url = example.expect(r"streaming on (http://[\w.]+:\d+/)")[1]
    assert url == f"http://127.0.0.1:{free_port}/"
    assert "<canvas" in requests.get(url, timeout=10).text
    assert requests.get(url + "snapshot", timeout=10).headers["Content-Type"] == "image/jpeg"
    with Stream(url + "stream") as stream:
        numbers = [part.sequence for part in islice(distinct(stream), 5)]
    assert numbers == sorted(set(numbers))
    # It watches for no signals, as little as the program that it is embedded in.
    assert example.stop() == -signal.SIGTERM, example


def snapshot(url):
    picture = requests.get(url, timeout=10)
    assert picture.headers["Content-Type"] == "image/jpeg"
    return cv2.imdecode(numpy.frombuffer(picture.content, numpy.uint8), cv2.IMREAD_COLOR)


def streaming(run, free_port, name, *arguments):
    """The example and its address, once it streams."""
    example = run(f"127.0.0.1:{free_port}", *arguments, program=f"examples/{name}")
    example.expect("streaming on ")
    return example, f"http://127.0.0.1:{free_port}/"


def test_overlay_example_draws_text_and_time_on_each_frame(run, free_port):
    example, url = streaming(run, free_port, "overlay")
    first = snapshot(url + "snapshot")[:24].astype(int)
    with Stream(url + "stream") as stream:
        began = float(next(stream).headers["x-timestamp"])
        while float(next(stream).headers["x-timestamp"]) < began + 1.1:
            pass
    last = snapshot(url + "snapshot")[:24].astype(int)
    dot, word, clock, rest = (slice(9, 18), slice(28, 88), slice(108, 308), slice(330, 640))
    assert first[9:16, dot, 2].mean() > 150 and first[9:16, dot, :2].mean() < 90, "a red dot"
    assert 200 < (first[:, word].min(axis=2) > 150).sum() < 800, "white letters"
    assert first[:20, rest].max() < 60, "on black"
    assert abs(first[:, word] - last[:, word]).max() < 60, "the word stays"
    assert abs(first[:, clock] - last[:, clock]).max() > 150, "the time goes on"
    assert example.stop() == -signal.SIGTERM, example


def test_own_camera_example_conforms_and_streams(run, free_port):
    check = run("check", program="examples/own_camera")
    assert check.wait() == 0, check
    assert any("ball: conforms" in line for line in check.lines["stdout"]), check
    example, url = streaming(run, free_port, "own_camera")
    places = []
    for _ in range(3):
        picture = snapshot(url + "snapshot").astype(int)
        assert picture.shape == (240, 320, 3)
        rows, columns = numpy.nonzero(picture[:, :, 2] > 180)
        assert abs(len(rows) - 32 * 32) < 80, "a ball of 32 x 32"
        places.append((round(rows.mean()), round(columns.mean())))
    assert len(set(places)) == 3, f"it moves: {places}"
    assert example.stop() == -signal.SIGTERM, example


def test_two_cameras_example_shows_both(run, free_port):
    example, url = streaming(run, free_port, "two_cameras")
    front, back = (snapshot(f"{url}{name}/snapshot").astype(int) for name in ("front", "back"))
    assert abs(front - back).mean() > 20, "two pictures"
    page = requests.get(url, timeout=10).text
    assert "front/stream" in page and "back/stream" in page
    assert [camera["name"] for camera in requests.get(url + "state", timeout=10).json()["cameras"]] == ["front", "back"]
    assert example.stop() == 0, example


def test_record_example_keeps_the_newest_pictures_within_its_bound(run, free_port, tmp_path):
    folder = tmp_path / "recording"
    example = run(folder, "1", f"127.0.0.1:{free_port}", program="examples/record")
    example.expect(r"streaming on ")
    # More than may be there at once.
    last = example.expect(r"^recording (\S+)", count=12)[1]
    until((folder / last).exists, f"{last}, which it says that it begins")
    assert example.stop() == -signal.SIGTERM, example
    begun = [line.split()[1] for line in example.lines["stdout"] if line.startswith("recording ")]
    files = sorted(folder.iterdir())
    # It may be ended just after it has removed the oldest, before it says what it begins, or before that is there.
    assert [file.name for file in files] in (begun[-8:], begun[-7:], begun[-8:-1]), "the newest"
    assert sum(file.stat().st_size for file in files) <= 1_000_000
    numbers = [int(file.stem.rsplit("-", 1)[1]) for file in files]
    for file, number, after in zip(files, numbers, numbers[1:]):
        pictures = file.read_bytes().split(b"\xff\xd8\xff")[1:]
        assert 0 < len(pictures) <= after - number, "as many as there were frames, or some were dropped"
        for picture in pictures:
            assert cv2.imdecode(numpy.frombuffer(b"\xff\xd8\xff" + picture, numpy.uint8), 1).shape == (480, 640, 3)


def test_time_lapse_example_names_its_pictures_by_time(run, tmp_path):
    folder, began = tmp_path / "lapse", time.monotonic()
    example = run(folder, "0.3", "4", program="examples/time_lapse")
    assert example.wait() == 0, example
    assert time.monotonic() - began > 3 * 0.3
    names = sorted(file.name for file in folder.iterdir())
    assert names == example.lines["stdout"] and len(names) == 4
    for name in names:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z\.jpg", name)
        taken = datetime.strptime(name, "%Y-%m-%dT%H%M%S.%fZ.jpg").replace(tzinfo=timezone.utc)
        assert abs(datetime.now(timezone.utc) - taken).total_seconds() < 60
        assert cv2.imread(str(folder / name)).shape == (480, 640, 3)


def test_motion_example_finds_what_moves_and_nothing_in_a_still_picture(run, free_port):
    example, url = streaming(run, free_port, "motion", "box")
    example.expect(r"frame \d+: motion in \d+x\d+ at \d+, \d+")
    assert example.stop() == 0, example
    example, url = streaming(run, free_port, "motion", "bars")
    with Stream(url + "stream") as stream:
        for _ in range(20):
            next(stream)
    assert example.stop() == 0, example
    assert not any("motion in" in line for line in example.lines["stdout"]), example
