"""How long this machine keeps a program waiting that only wants to wake up on time."""

import threading
import time


class Sleeper(threading.Thread):
    """Sleeps 5 ms again and again; `longest` is the most it overslept, in seconds."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest = 0.0
        self._over = threading.Event()

    def run(self):
        while not self._over.is_set():
            due = time.monotonic() + 0.005
            time.sleep(0.005)
            self.longest = max(self.longest, time.monotonic() - due)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()
