"""A server whose pictures and data a test sends one by one, with the page and the pictures of a real one."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from stream import Stream


class Connection:
    """An answer that does not end, to which the test adds."""

    def __init__(self, handler):
        self._handler = handler
        self._lock = threading.Lock()
        self.closed = threading.Event()

    def send(self, *chunks):
        with self._lock:
            try:
                self._handler.wfile.write(b"".join(chunks))
            except OSError:
                self.closed.set()


class Application:
    """`url` is its page. `numbers` are those of its pictures, which they show."""

    def __init__(self, real, count=120):
        self.page = requests.get(real, timeout=10)
        self.state = requests.get(real + "state", timeout=10).json()
        self.state["source"].update(connected=True, reason=None)
        self.state["frames"]["with_data"] = 1
        self.asked = lambda number: None
        """Called when a script in the page fetches `asked?NUMBER`."""
        self.jpegs = {}
        with Stream(real + "stream") as stream:
            for part in stream:
                self.jpegs[part.sequence] = part.jpeg
                if len(self.jpegs) == count:
                    break
        self.numbers = sorted(self.jpegs)
        self.connections = {"/stream": [], "/events": []}
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                # As one camera of several: nothing of the page may be asked for elsewhere.
                path = self.path.split("?")[0]
                path = path.removeprefix("/back") if path.startswith("/back/") else None
                if path == "/":
                    self._answer("text/html", application.page.content)
                elif path == "/state":
                    state = {**application.state, "time": time.time()}
                    self._answer("application/json", json.dumps(state).encode())
                elif path in application.connections:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream" if path == "/events" else "application/octet-stream")
                    self.end_headers()
                    self.wfile.write(b"retry: 100\n\n" if path == "/events" else b"--frame\r\n")
                    connection = Connection(self)
                    application.connections[path].append(connection)
                    connection.closed.wait()
                elif path == "/asked":
                    application.asked(int(self.path.split("?")[1]))
                    self._answer("text/plain", b"")
                else:
                    self.send_error(404)

            def _answer(self, content_type, body):
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/back/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _send(self, path, *chunks):
        for connection in self.connections[path]:
            connection.send(*chunks)

    def picture(self, number):
        """Sends the picture that shows this number."""
        jpeg = self.jpegs[number]
        head = (f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\nX-Timestamp: {time.time():.6f}\r\n"
                f"X-Sequence: {number}\r\n\r\n")
        self._send("/stream", head.encode(), jpeg, b"\r\n--frame\r\n")

    def data(self, number, text):
        """Sends this data, JSON or not, of the picture with this number."""
        event = f'event: frame\ndata: {{"sequence":{number},"time":0.0,"data":{text}}}\n\n'
        self._send("/events", event.encode())

    def listened(self):
        """How many times the page has connected to the events."""
        return len(self.connections["/events"])

    def stop_events(self):
        for connection in self.connections["/events"]:
            connection.closed.set()

    def stop(self):
        for connections in self.connections.values():
            for connection in connections:
                connection.closed.set()
        self._server.shutdown()
        self._server.server_close()
