"""How long this machine keeps a program waiting that only wants to wake up on time."""

import os
import threading
import time

# A frame at 30 fps.
FRAME = 1 / 30


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


def excused(stretches, least=20):
    """Whether rates that are too low may be the machine's doing; each stretch has a rate and the longest oversleep in it.

    A single oversleep costs a frame or two, and Python's own threads hold each other up for as long: no excuse for a
    rate below `least` everywhere.
    """
    return all(late > FRAME for _, late in stretches) and max(fps for fps, _ in stretches) >= least
