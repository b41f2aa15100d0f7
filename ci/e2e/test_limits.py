"""Seventeen viewers where sixteen may, and sockets that never ask for anything."""

import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from deadline import until
from machine import Sleeper, excused
from pattern import sequence_of
from stream import Stream, Viewer, distinct

LIMIT = 16


@pytest.fixture
def crowd(serve):
    """A server with the default limit, and as many viewers as may."""
    server = serve("--size", "320x240", "--fps", "30")
    viewers = [Viewer(server.url + "stream") for _ in range(LIMIT)]
    until(lambda: all(viewer.seen for viewer in viewers), "a picture for each viewer")
    yield server, viewers
    for viewer in viewers:
        viewer.leave()


def rates(viewers, seconds=3.0):
    """Each viewer's pictures per second, and how many it missed, over the time from now on."""
    marks = [len(viewer.seen) for viewer in viewers]
    time.sleep(seconds)
    found = []
    for viewer, mark in zip(viewers, marks):
        assert viewer.error is None, viewer.error
        seen = viewer.seen[mark:]
        assert len(seen) >= 2, "a viewer gets no pictures"
        (first, begun), (last, ended) = seen[0], seen[-1]
        found.append(((len(seen) - 1) / (ended - begun), last - first + 1 - len(seen)))
    return found


def test_17th_viewer_gets_503_and_the_others_go_on(crowd, measured):
    server, viewers = crowd
    for _ in range(3):
        refused = requests.get(server.url + "stream", stream=True, timeout=10)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        refused.close()

    # On a busy machine one stretch may be slow; a server that suffers from the 17th has no good one.
    stretches = []
    for _ in range(4):
        with Sleeper() as sleeper:
            fps, missed = zip(*rates(viewers))
        measured(f"{LIMIT} viewers get {min(fps):.2f} to {max(fps):.2f} fps, and miss {max(missed)} at most; "
                 f"the machine was late by up to {1000 * sleeper.longest:.0f} ms")
        if min(fps) >= 29 and max(missed) <= 1:
            return
        stretches.append((min(fps), sleeper.longest))
    if excused(stretches):
        pytest.skip("this machine holds programs up for longer than a frame")
    pytest.fail("the 16 viewers do not go on at full rate")


def test_place_of_a_viewer_that_left_is_free_at_once(crowd, measured):
    server, viewers = crowd
    assert Stream(server.url + "stream").status == 503
    viewers.pop().leave()
    left = time.monotonic()

    def enter():
        stream = Stream(server.url + "stream")
        return stream if stream.status == 200 else stream.close()

    with until(enter, "a free place", 10) as stream:
        measured(f"the next viewer is in after {1000 * (time.monotonic() - left):.0f} ms")
        next(stream)


def test_other_routes_answer_at_the_viewer_limit(crowd):
    server, _ = crowd
    state = requests.get(server.url + "state", timeout=10).json()
    assert len(state["viewers"]) == LIMIT
    assert sequence_of(requests.get(server.url + "snapshot", timeout=10).content) is not None
    assert requests.get(server.url, timeout=10).status_code == 200


def test_silent_sockets_take_no_viewer_places(serve):
    server = serve("--fps", "10")
    to = urlsplit(server.url)
    silent = [socket.create_connection((to.hostname, to.port)) for _ in range(40)]
    try:
        with Stream(server.url + "stream") as stream:
            assert stream.status == 200
            pictures = distinct(stream)
            assert next(pictures).sequence < next(pictures).sequence
    finally:
        for connection in silent:
            connection.close()


def test_max_viewers_sets_the_limit(serve):
    server = serve("--max-viewers", "1")
    with Stream(server.url + "stream") as first:
        next(first)
        assert Stream(server.url + "stream").status == 503
