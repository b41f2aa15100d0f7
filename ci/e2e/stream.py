"""A plain viewer of a stream, written from the promise: every part has a Content-Length and ends in a boundary."""

import http.client
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Part:
    headers: dict
    jpeg: bytes
    arrived: float
    """When the picture's last byte was here, Unix seconds."""
    bounded: float
    """When the boundary after it was here."""

    @property
    def sequence(self):
        return int(self.headers["x-sequence"])


class Stream:
    """One viewer; iterate for its parts. `accept` decides which framing the server chooses."""

    def __init__(self, url, accept="*/*", timeout=10):
        to = urlsplit(url)
        self._connection = http.client.HTTPConnection(to.hostname, to.port, timeout=timeout)
        target = to.path + (f"?{to.query}" if to.query else "")
        self._connection.request("GET", target, headers={"Accept": accept})
        self.response = self._connection.getresponse()
        self.status = self.response.status
        if self.status == 200:
            self.first_boundary = self._line()
            assert self.first_boundary == "--frame"

    def _line(self):
        line = self.response.readline()
        if not line:
            raise EOFError("the stream ended")
        assert line.endswith(b"\r\n"), f"not a line: {line[:80]!r}"
        return line[:-2].decode("ascii")

    def __iter__(self):
        return self

    def __next__(self):
        headers = {}
        while line := self._line():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers["content-length"])
        jpeg = self.response.read(length)
        if len(jpeg) < length:
            raise EOFError("the stream ended inside a picture")
        arrived = time.time()
        assert self._line() == "", "no line end after the picture"
        assert self._line() == "--frame"
        return Part(headers, jpeg, arrived, time.time())

    def close(self):
        self.response.close()
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def distinct(stream):
    """Its parts without those that are sent again, as the last picture is when no new one comes for a second."""
    last = None
    for part in stream:
        if part.sequence != last:
            yield part
        last = part.sequence


class Viewer(threading.Thread):
    """A viewer that reads on its own and remembers when which picture was here, not the pictures."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.stream = Stream(url)
        assert self.stream.status == 200, f"{url} answered {self.stream.status}"
        self.seen = []
        """(sequence, arrived), in order."""
        self.error = None
        self._leaving = False
        self.start()

    def run(self):
        try:
            for part in self.stream:
                self.seen.append((part.sequence, part.arrived))
                if self._leaving:
                    break
        except Exception as error:
            self.error = error
        finally:
            # Closed by the thread that reads: closing under a blocked read waits for that read.
            self.stream.close()

    def leave(self):
        self._leaving = True
        self.join(15)
        assert not self.is_alive(), "the viewer is stuck: no picture comes"
