"""A program under test: what it prints and how it ends."""

import re
import signal
import subprocess
import threading
import time


class Program:
    """A running program whose lines are collected as they come."""

    def __init__(self, *command, cwd=None):
        self.command = [str(word) for word in command]
        self.lines = {"stdout": [], "stderr": []}
        self._news = threading.Condition()
        self._open = 2
        self._process = subprocess.Popen(
            self.command, cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self._readers = [
            threading.Thread(target=self._collect, args=(name, getattr(self._process, name)), daemon=True)
            for name in self.lines]
        for reader in self._readers:
            reader.start()

    def _collect(self, name, pipe):
        with pipe:
            for line in pipe:
                with self._news:
                    self.lines[name].append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._open -= 1
            self._news.notify_all()

    def expect(self, pattern, seconds=15.0, count=1):
        """The line on stdout with which `count` lines match, as a match; fails when the program ends or time is over."""
        end = time.monotonic() + seconds
        with self._news:
            while True:
                matches = [match for line in self.lines["stdout"] if (match := re.search(pattern, line))]
                if len(matches) >= count:
                    return matches[count - 1]
                assert self._open, f"ended without printing {pattern!r}\n{self}"
                assert self._news.wait(end - time.monotonic()), f"no {pattern!r} within {seconds:g} s\n{self}"

    @property
    def pid(self):
        return self._process.pid

    def send(self, number):
        self._process.send_signal(number)

    def wait(self, seconds=30.0):
        """The exit code; negative for a signal. All lines are there afterwards."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"still running after {seconds:g} s\n{self}") from None
        for reader in self._readers:
            reader.join(5)
        return code

    def stop(self, number=signal.SIGTERM, seconds=10.0):
        """Sends a signal and returns the exit code."""
        self.send(number)
        return self.wait(seconds)

    @property
    def running(self):
        return self._process.poll() is None

    def __str__(self):
        parts = [" ".join(self.command), f"exit code: {self._process.poll()}"]
        parts += [f"{name}: {line}" for name, lines in self.lines.items() for line in lines[-40:]]
        return "\n  ".join(parts)
