"""The two programs of MaixPy's JPEG document in Rust, and the README's."""

import signal

import cv2
import numpy
import requests

from stream import Stream


def test_jpeg_stream_example_serves_page_and_stream(run, free_port):
    example = run(f"127.0.0.1:{free_port}", program="examples/jpeg_stream")
    url = example.expect(r"http://[\w.]+:\d+")[0]
    assert url == f"http://127.0.0.1:{free_port}"
    page = requests.get(url, timeout=10)
    assert "<img" in page.text and "/stream" in page.text
    with Stream(url + "/stream") as stream:
        parts = [next(stream) for _ in range(5)]
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
        numbers = [int(next(stream).headers["x-sequence"]) for _ in range(5)]
    assert numbers == sorted(set(numbers))
    # It watches for no signals, as little as the program that it is embedded in.
    assert example.stop() == -signal.SIGTERM, example
