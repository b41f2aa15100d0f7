"""Uploads to a plain Python HTTP server."""

import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deadline import until
from pattern import sequence_of
from pictures import folder_of, jpeg
from stream import Stream


class Server:
    """Keeps what is posted; `refusals` are answered first, one a request."""

    def __init__(self, refusals=(), address=("127.0.0.1", 0)):
        self.requests = []
        """(path, headers, body) of what was taken."""
        self.refused = 0
        self.connections = set()
        refusals = list(refusals)
        keeper = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                keeper.connections.add(self.client_address)
                status = refusals.pop(0) if refusals else 200
                if status == 200:
                    keeper.requests.append((self.path, self.headers, body))
                else:
                    keeper.refused += 1
                self.send_response(status)
                self.send_header("Content-Length", "3")
                self.end_headers()
                self.wfile.write(b"ok\n")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(address, Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/upload"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    @property
    def bodies(self):
        return [body for _, _, body in self.requests]


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def test_five_pictures_of_the_camera_arrive(run, server):
    upload = run("upload", server.url, "--count", "5")
    assert upload.wait(40) == 0, upload
    assert len(server.requests) == 5
    for path, headers, body in server.requests:
        assert path == "/upload"
        assert headers["Content-Type"] == "image/jpeg"
        assert body[:2] == b"\xff\xd8" and body[-2:] == b"\xff\xd9"
    sequences = [sequence_of(body) for body in server.bodies]
    assert None not in sequences
    assert sequences == sorted(set(sequences))
    assert len(server.connections) == 1, "the connection is kept"


def test_replayed_files_arrive_byte_for_byte(run, server, tmp_path):
    pictures = [jpeg(number) for number in range(4)]
    folder = folder_of(tmp_path / "pictures", pictures)
    upload = run("upload", server.url, "--camera", f"replay:{folder}", "--fps", "10", "--count", "8")
    assert upload.wait(40) == 0, upload
    assert len(server.bodies) == 8
    # Fails for a body that is none of the files.
    order = [pictures.index(body) for body in server.bodies]
    print("order:", order)
    assert set(order) == {0, 1, 2, 3}


def test_server_that_refuses_at_first_gets_its_pictures_later(run):
    server = Server(refusals=[503, 500])
    try:
        upload = run("upload", server.url, "--count", "3")
        assert upload.wait(60) == 0, upload
        assert (server.refused, len(server.requests)) == (2, 3)
    finally:
        server.close()


def test_upload_waits_for_a_server_that_starts_late(run, free_port):
    upload = run("upload", f"http://127.0.0.1:{free_port}/upload", "--count", "2")
    until(lambda: upload.lines["stderr"], "it logs that the server does not answer")
    server = Server(address=("127.0.0.1", free_port))
    try:
        assert upload.wait(60) == 0, upload
        assert len(server.requests) == 2
    finally:
        server.close()


def test_serve_with_upload_streams_and_uploads(serve, server):
    eyelet = serve("--upload", server.url, "--fps", "10")
    with Stream(eyelet.url + "stream") as stream:
        seen = set()
        until(lambda: seen.add(next(stream).jpeg) or seen & set(server.bodies), "the same encoded picture both ways", 30)
        until(lambda: len(server.bodies) >= 5, "5 uploads")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_endless_upload_stops_on_a_signal(run, server, number):
    upload = run("upload", server.url)
    until(lambda: len(server.bodies) >= 3, "3 uploads")
    assert upload.stop(number) == 0, upload
