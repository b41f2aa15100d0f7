"""Unmodified clients that people use: ffmpeg, OpenCV, curl."""

import subprocess

import cv2
import numpy
import pytest

from pattern import HEIGHT, WIDTH, read_sequence, sequence_of


def grows(sequences):
    """A picture may come twice, as after a second without a new one, but none goes back; and most are new."""
    return sequences == sorted(sequences) and len(set(sequences)) > len(sequences) / 2


@pytest.mark.parametrize("format", [["-f", "mpjpeg"], []], ids=["mpjpeg", "autodetect"])
def test_ffmpeg_reads_60_frames_without_an_error(serve, format):
    server = serve()
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-xerror", "-err_detect", "explode",
         *format, "-i", server.url + "stream", "-frames:v", "60", "-fps_mode", "passthrough",
         "-vf", f"crop={WIDTH}:{HEIGHT}:0:0,format=gray", "-f", "rawvideo", "-"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    frames = numpy.frombuffer(done.stdout, numpy.uint8).reshape(-1, HEIGHT, WIDTH)
    assert len(frames) == 60
    sequences = [read_sequence(frame) for frame in frames]
    assert None not in sequences
    assert grows(sequences), sequences


def test_opencv_reads_30_frames(serve):
    server = serve()
    capture = cv2.VideoCapture(server.url + "stream")
    try:
        assert capture.isOpened()
        sequences = []
        for _ in range(30):
            there, frame = capture.read()
            assert there, f"no frame after {len(sequences)}"
            assert frame.shape == (480, 640, 3)
            sequences.append(read_sequence(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)))
    finally:
        capture.release()
    assert None not in sequences
    assert grows(sequences), sequences


def curl(*arguments):
    """curl's (status, body, headers as text); fails when it would hang."""
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "10", "-D", "/dev/stderr", "-w", "\n%{http_code}", *arguments],
        capture_output=True, timeout=30)
    headers = done.stderr.decode("latin-1")
    assert done.returncode == 0, headers
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body, headers.lower()


def test_curl_gets_the_page_and_ends(serve):
    status, body, headers = curl(serve().url)
    assert status == 200
    assert b"<canvas" in body and b'id="picture"' in body
    assert "content-type: text/html" in headers
    assert f"content-length: {len(body)}" in headers


def test_curl_gets_the_html_file_byte_for_byte(serve, tmp_path):
    page = tmp_path / "page.html"
    page.write_bytes("<html><body>né <img src='/stream'></body></html>".encode())
    status, body, _ = curl(serve("--html", page).url)
    assert (status, body) == (200, page.read_bytes())


@pytest.mark.parametrize("path", ["snapshot", "snapshot.jpg", "?action=snapshot"])
def test_curl_gets_a_snapshot(serve, path):
    status, body, headers = curl(serve("--size", "320x240").url + path)
    assert status == 200
    assert "content-type: image/jpeg" in headers
    assert cv2.imdecode(numpy.frombuffer(body, numpy.uint8), cv2.IMREAD_COLOR).shape == (240, 320, 3)
    assert sequence_of(body) is not None


@pytest.mark.parametrize("path", ["", "stream", "snapshot", "state", "metrics", "healthz", "?action=stream"])
def test_head_gets_the_headers_of_get_and_ends(serve, path):
    status, body, headers = curl("--head", serve().url + path)
    # curl prints the head as the body here.
    assert status == 200
    assert "content-type: " in body.decode().lower()
    assert b"\xff\xd8" not in body
