"""Waiting for a condition instead of guessing a time."""

import time


def until(condition, what, seconds=15.0):
    """The first true value of `condition()`; fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)
