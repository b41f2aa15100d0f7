"""How long this machine keeps a program waiting that only wants to wake up on time."""

import os
import threading
import time


class Sleeper:
    """Sleeps 5 ms again and again, on each processor; `longest` is the most it overslept on any, in seconds."""

    def __init__(self):
        self._late = dict.fromkeys(os.sched_getaffinity(0), 0.0)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._sleep, args=(processor,), daemon=True) for processor in self._late]

    def _sleep(self, processor):
        # Of this thread alone.
        os.sched_setaffinity(0, {processor})
        while not self._over.is_set():
            due = time.monotonic() + 0.005
            time.sleep(0.005)
            self._late[processor] = max(self._late[processor], time.monotonic() - due)

    @property
    def longest(self):
        return max(self._late.values())

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()
