"""SIGINT and SIGTERM end every command, with a viewer there or not."""

import re
import signal

import pytest

from stream import Stream
from terminal import Terminal

signals = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)


def assert_stops(program, number):
    # Far more than it takes; it must not wait for viewers, though, who never leave.
    assert program.stop(number, 15) == 0, program


@signals
def test_serve_stops_on_a_signal(serve, number):
    assert_stops(serve(), number)


@signals
def test_serve_with_a_viewer_stops_on_a_signal(serve, number):
    server = serve()
    with Stream(server.url + "stream") as stream:
        next(stream)
        assert_stops(server, number)
        with pytest.raises((EOFError, ConnectionError)):
            for _ in stream:
                pass


@signals
def test_serve_with_a_viewer_that_does_not_read_stops_on_a_signal(serve, number):
    server = serve()
    with Stream(server.url + "stream"), Stream(server.url + "stream") as other:
        for _, _ in zip(other, range(60)):
            pass
        assert_stops(server, number)


@signals
def test_receive_stops_on_a_signal(receive, number):
    assert_stops(receive, number)


@signals
def test_watch_stops_on_a_signal(serve, binaries, number):
    """After its first picture, which its own line tells: what the server has sent may not have been read yet."""
    watch = Terminal(binaries / "eyelet-sim", "watch", serve().url + "stream")
    try:
        watch.expect(lambda text: re.search(r"[1-9]\d* frames", text))
        watch.send(number)
        assert watch.wait() == 0, watch.text
    finally:
        watch.close()
