"""The routes beside the stream."""

import re
import socket
from urllib.parse import urlsplit

import pytest
import requests

from deadline import until
from stream import Viewer

COUNTERS = [
    "eyelet_frames_captured_total", "eyelet_frames_encoded_total", "eyelet_frames_skipped_total",
    "eyelet_stream_bytes_total",
    "eyelet_upload_accepted_total", "eyelet_upload_failed_total", "eyelet_upload_dropped_total",
]
HISTOGRAMS = ["eyelet_encode_seconds", "eyelet_capture_to_publish_seconds"]


def get(url, method="GET"):
    return requests.request(method, url, timeout=10)


def scrape(server):
    """{sample with its labels: value} of /metrics; fails on a line that is none."""
    samples = {}
    for line in get(server.url + "metrics").text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE|UNIT) [a-z_]+ .+|# EOF", line), line
            continue
        sample = re.fullmatch(r'([a-z_]+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})?) (\S+)', line)
        assert sample, f"not a sample: {line!r}"
        assert sample[1] not in samples, f"twice: {line}"
        samples[sample[1]] = float(sample[2])
    return samples


def test_state_has_source_encoder_frames_and_viewers(serve):
    server = serve("--size", "320x240", "--fps", "20", "--quality", "70")
    viewer = Viewer(server.url + "stream")
    until(lambda: len(viewer.seen) >= 20, "20 pictures")

    def counted():
        state = get(server.url + "state").json()
        right = 10 <= state["source"]["fps"] <= 30 and state["viewers"][0]["sent"] >= 20 and state["frames"]["encoded"] >= 20
        return right and state

    # A picture that came twice was encoded once, and a busy machine may have had a slow second.
    state = until(counted, "the rate and the counters")
    viewer.leave()
    print(state)

    source = state["source"]
    assert {"name", "format", "width", "height", "fps", "connected"} <= set(source)
    assert (source["width"], source["height"], source["connected"]) == (320, 240, True)
    assert {"name", "quality"} <= set(state["encoder"])
    assert state["encoder"]["quality"] == 70
    assert {"captured", "encoded", "dropped"} <= set(state["frames"])
    assert state["frames"]["captured"] >= state["frames"]["encoded"]
    assert len(state["viewers"]) == 1
    assert {"id", "address", "fps", "sent", "skipped"} <= set(state["viewers"][0])
    assert state["viewers"][0]["address"].startswith("127.0.0.1")
    assert "upload" in state
    until(lambda: get(server.url + "state").json()["viewers"] == [], "the viewer that left is off the list")


def test_metrics_can_be_scraped_and_increase(serve):
    server = serve("--fps", "20")
    before = scrape(server)
    assert {*COUNTERS, "eyelet_viewers"} <= set(before)
    for name in HISTOGRAMS:
        buckets = [value for sample, value in before.items() if sample.startswith(name + "_bucket{")]
        assert buckets == sorted(buckets), "buckets are cumulative"
        assert before[name + '_bucket{le="+Inf"}'] == before[name + "_count"]
        assert name + "_sum" in before

    viewer = Viewer(server.url + "stream")
    until(lambda: len(viewer.seen) >= 20, "20 pictures")
    after = scrape(server)
    viewer.leave()
    assert after["eyelet_viewers"] == 1
    for name in ("eyelet_frames_captured_total", "eyelet_frames_encoded_total", "eyelet_encode_seconds_count"):
        assert after[name] >= before[name] + 10, name
    # 20 pictures of 640 x 480 are more than that at any quality.
    assert after["eyelet_stream_bytes_total"] > before["eyelet_stream_bytes_total"] + 20 * 2000
    assert 0 < after["eyelet_encode_seconds_sum"] < after["eyelet_encode_seconds_count"]


def test_camera_without_viewers_encodes_nothing(serve):
    server = serve("--fps", "30")
    until(lambda: scrape(server)["eyelet_frames_captured_total"] >= 30, "30 frames captured")
    assert scrape(server)["eyelet_frames_encoded_total"] == 0


def test_healthz_while_frames_arrive_answers_200(serve):
    server = serve()
    until(lambda: get(server.url + "healthz").status_code == 200, "healthz 200")


@pytest.mark.parametrize("path", ["", "stream", "snapshot", "state"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_get_405_with_allow(serve, method, path):
    answer = get(serve().url + path, method)
    assert answer.status_code == 405
    allowed = {word.strip() for word in answer.headers["Allow"].split(",")}
    assert {"GET", "HEAD"} <= allowed


@pytest.mark.parametrize("path", ["nothing", "streams", "snapshot.png", "../etc/passwd"])
def test_unknown_paths_get_404(serve, path):
    to = urlsplit(serve().url)
    # By hand: a client library would tidy the path.
    with socket.create_connection((to.hostname, to.port), timeout=10) as connection:
        connection.sendall(f"GET /{path} HTTP/1.0\r\n\r\n".encode())
        assert connection.recv(100).split(b"\r\n")[0].split()[1] == b"404"


def test_printed_addresses_can_be_opened(serve):
    server = serve(bind="0.0.0.0:0")
    port = urlsplit(server.url).port
    assert get(f"http://127.0.0.1:{port}/healthz").status_code in (200, 503)
    # 0.0.0.0 is where it listens, nowhere one can go.
    assert not any("0.0.0.0" in line for line in server.lines["stdout"])
