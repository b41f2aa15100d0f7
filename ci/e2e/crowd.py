"""Many viewers that read and forget, in one thread."""

import selectors
import socket
import threading
from urllib.parse import urlsplit


class Crowd:
    """`count` viewers of a stream; `pictures` says how many the slowest has begun to get."""

    def __init__(self, url, count):
        to = urlsplit(url)
        self._seen = {}
        self._ready = selectors.DefaultSelector()
        self._leaving = False
        self.fault = None
        for _ in range(count):
            viewer = socket.create_connection((to.hostname, to.port), 10)
            viewer.sendall(f"GET {to.path} HTTP/1.1\r\nHost: crowd\r\n\r\n".encode())
            viewer.setblocking(False)
            self._seen[viewer] = 0
            self._ready.register(viewer, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._leaving:
            for key, _ in self._ready.select(0.1):
                bytes = key.fileobj.recv(1 << 20)
                if not bytes:
                    self.fault = "a viewer was cut off"
                    return
                self._seen[key.fileobj] += bytes.count(b"X-Sequence: ")

    @property
    def pictures(self):
        assert not self.fault, self.fault
        return min(self._seen.values())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._leaving = True
        self._thread.join(10)
        for viewer in self._seen:
            viewer.close()
