"""SIGINT and SIGTERM end every command, with a viewer there or not."""

import contextlib
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


@contextlib.contextmanager
def watching(server, binaries):
    """`watch` after its first picture, which its own line tells: what the server has sent may not have been read yet."""
    watch = Terminal(binaries / "eyelet-sim", "watch", server.url + "stream")
    try:
        watch.expect(lambda text: re.search(r"[1-9]\d* frames", text))
        yield watch
    finally:
        watch.close()


@signals
def test_watch_stops_on_a_signal(serve, binaries, number):
    with watching(serve(), binaries) as watch:
        watch.send(number)
        assert watch.wait() == 0, watch.text


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGUSR2], ids=lambda number: number.name)
def test_watch_fails_on_a_signal_that_nothing_sends_on_purpose(serve, binaries, number):
    with watching(serve(), binaries) as watch:
        watch.send(number)
        assert watch.wait() == 1, watch.text
        error = f"error: stopped by {number.name}; "
        watch.expect(lambda text: 0 <= text.find("interrupted") < text.find(error))
