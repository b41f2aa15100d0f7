"""A program on a terminal of its own, as a person starts it."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import threading


class Terminal:
    """A program on a terminal of its own, whose keys it obeys."""

    def __init__(self, *command, size=(80, 24)):
        self.text = ""
        self._changed = threading.Condition()
        # Until it has its size the program waits.
        ready, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.read(ready, 1)
            os.environ |= {"TERM": "xterm", "NO_PROXY": "*"}
            os.environ.pop("NO_COLOR", None)
            os.execvp(command[0], [str(word) for word in command])
        self.before = termios.tcgetattr(self.fd)
        self.resize(*size)
        os.write(go, b"x")
        os.close(ready)
        os.close(go)
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError):
            while not self._stop.is_set():
                if select.select([self.fd], [], [], 0.1)[0]:
                    text = os.read(self.fd, 65536).decode(errors="replace")
                    with self._changed:
                        self.text += text
                        self._changed.notify_all()

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.fd, keys)

    def expect(self, what, seconds=30):
        """Waits until the terminal has been sent something of which this holds; forgets what was before."""
        with self._changed:
            assert self._changed.wait_for(lambda: what(self.text), seconds), repr(self.text[-2000:])
            self.text = ""

    def send(self, number):
        os.kill(self.pid, number)

    def wait(self):
        """The exit code; negative for a signal."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def end(self):
        """The exit code, after the terminal is as it was."""
        code = self.wait()
        with self._changed:
            restored = "\x1b[?1049l"
            assert self._changed.wait_for(lambda: restored in self.text, 10), repr(self.text[-2000:])
        assert termios.tcgetattr(self.fd) == self.before
        return code

    def close(self):
        self._stop.set()
        self._reader.join()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
