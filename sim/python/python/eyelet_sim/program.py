"""A program for MaixPy that runs as a process of its own, while a test looks at what it does."""

import http.client
import http.server
import json
import os
import signal as _signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
#: Seconds that everything here waits at most, by default.
PATIENCE = 30.0


@dataclass(frozen=True)
class Upload:
    """A request that the program sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Uploads:
    """Answers whatever a program sends, to whatever host: it is the proxy of that program."""

    def __init__(self) -> None:
        #: How the program has ended, once it has.
        self._ended: Callable[[], Optional[str]] = lambda: None
        self._lock = threading.Condition()
        self._received: List[Upload] = []
        self._answers: List[Tuple[int, str]] = []
        uploads = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upload = Upload(self.command, self.path, dict(self.headers.items()), body)
                status, text = uploads._take(upload)
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_PUT = do_POST

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:{}".format(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, *answers: Tuple[int, str]) -> None:
        """The next answers: status and text. After them 200 and `ok`."""
        with self._lock:
            self._answers = list(answers)

    def _take(self, upload: Upload) -> Tuple[int, str]:
        with self._lock:
            self._received.append(upload)
            self._lock.notify_all()
            return self._answers.pop(0) if self._answers else (200, "ok")

    def wait(self, count: int = 1, timeout: float = PATIENCE) -> List[Upload]:
        """Waits for so many requests; all that came."""
        end = time.monotonic() + timeout
        with self._lock:
            while True:
                ended = self._ended()
                if self._lock.wait_for(lambda: len(self._received) >= count, 0.05):
                    return list(self._received)
                came = f"{len(self._received)} of {count} uploads came"
                if ended:
                    raise AssertionError(f"{came} before {ended}")
                if time.monotonic() > end:
                    raise TimeoutError(f"{came} in {timeout} s")

    def close(self) -> None:
        """Answers nothing any more."""
        self._server.shutdown()
        self._server.server_close()


class Program:
    """A running program."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], uploads: Uploads) -> None:
        #: What it sends to other servers.
        self.uploads = uploads
        self._folder = folder
        self._output = folder / "output.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=dict(environment),
                cwd=environment["EYELET_APP_DIR"], start_new_session=True,
            )
        uploads._ended = self._ended

    def _ended(self) -> Optional[str]:
        code = self.process.poll()
        return None if code is None else f"the program ended with {code}:\n{self.output}"

    @property
    def output(self) -> str:
        """What it printed, to stdout and stderr."""
        return self._output.read_text(errors="replace")

    @property
    def shown(self) -> List[Path]:
        """The pictures that it showed on the display, the last hundred."""
        return sorted((self._folder / "shown").glob("*.jpg"))

    def until(self, what: str, found: Callable[[], Optional[T]], timeout: float = PATIENCE) -> T:
        """Waits until `found()` is true, and returns it. Fails when the program ends before."""
        end = time.monotonic() + timeout
        while True:
            ended = self.process.poll()
            value = found()
            if value:
                return value
            if ended is not None:
                raise AssertionError(f"the program ended with {ended} before {what}:\n{self.output}")
            if time.monotonic() > end:
                raise TimeoutError(f"no {what} in {timeout} s:\n{self.output}")
            time.sleep(0.02)

    def stream(self, timeout: float = PATIENCE) -> str:
        """The address of its streaming server, once it is there."""

        def reported():
            report = self._folder / "report.jsonl"
            lines = report.read_text().splitlines() if report.exists() else []
            return next((line["stream"] for line in map(json.loads, lines) if "stream" in line), None)

        return self.until("streaming", reported, timeout)

    def pictures(self, timeout: float = PATIENCE) -> Iterator[bytes]:
        """The JPEGs of its stream, as they come."""
        address = urlsplit(self.stream(timeout))
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout)
        try:
            connection.request("GET", "/stream")
            answer = connection.getresponse()
            if answer.status != 200:
                raise AssertionError(f"the stream answers {answer.status}")
            while True:
                length = None
                for line in iter(answer.readline, b"\r\n"):
                    if not line:
                        return
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                if length is not None:
                    yield answer.read(length)
                    answer.readline()
        finally:
            connection.close()

    def wait(self, timeout: float = PATIENCE) -> int:
        """Waits until it ends; its exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the program has not ended in {timeout} s:\n{self.output}") from None

    def stop(self, signal: int = _signal.SIGTERM, timeout: float = PATIENCE) -> int:
        """Sends a signal and waits until it ends; its exit code."""
        self.process.send_signal(signal)
        return self.wait(timeout)


class Lab:
    """Starts programs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs: List[Program] = []

    def run(
        self,
        script: "os.PathLike[str] | str",
        *arguments: str,
        environment: Optional[Mapping[str, str]] = None,
        **settings: object,
    ) -> Program:
        """Starts a script. `settings` are those of `eyelet_sim.configure`.

        Its server listens on a free port of this machine, whatever it says itself, and what it sends to others arrives in
        `uploads`, whatever the address.
        """
        from maix import _setup

        unknown = set(settings) - set(_setup.NAMES)
        if unknown:
            raise TypeError(f"no setting {', '.join(sorted(unknown))}; there are {', '.join(_setup.NAMES)}")
        folder = self._folder / str(len(self._programs))
        (folder / "data").mkdir(parents=True)
        uploads = Uploads()
        own = {
            "EYELET_BIND": "127.0.0.1:0",
            "EYELET_REPORT": str(folder / "report.jsonl"),
            "EYELET_SHOW": str(folder / "shown"),
            "EYELET_APP_DIR": str(folder / "data"),
            "PYTHONUNBUFFERED": "1",
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("EYELET_")}
        for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
            inherited.pop(name, None)
        for name in ("http_proxy", "HTTP_PROXY"):
            own[name] = uploads.url
        own.update({"EYELET_" + name.upper(): str(value) for name, value in settings.items()})
        command = [sys.executable, str(Path(script).resolve()), *arguments]
        program = Program(command, folder, {**inherited, **own, **(environment or {})}, uploads)
        self._programs.append(program)
        return program

    def close(self) -> None:
        """Ends all programs."""
        for program in self._programs:
            try:
                # With the processes that it has started, which may go on without it.
                os.killpg(program.process.pid, _signal.SIGKILL)
            except ProcessLookupError:
                pass
            program.process.wait()
            program.uploads.close()
