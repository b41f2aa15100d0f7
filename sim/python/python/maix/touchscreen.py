"""A touchscreen that nobody touches, unless a test does: `TouchScreen.touch(x, y)`."""

import time as _time
from collections import deque
from typing import TYPE_CHECKING, List, Optional

from . import _missing, app as _app
from .err import Err


class TouchScreen(_missing.Listed):
    """A touchscreen. All of them see the same touches."""

    _events: "deque[List[int]]" = deque()
    _now = [0, 0, 0]

    def __init__(self, device: Optional[str] = None, open: bool = True) -> None:
        self._is_open = open

    @classmethod
    def touch(cls, x: int, y: int, pressed: bool = True) -> None:
        """For tests: a finger is on (`x`, `y`), or leaves there."""
        cls._events.append([x, y, int(pressed)])

    def open(self) -> Err:
        self._is_open = True
        return Err.ERR_NONE

    def close(self) -> Err:
        self._is_open = False
        return Err.ERR_NONE

    def is_opened(self) -> bool:
        return self._is_open

    def read(self) -> List[int]:
        """[x, y, pressed], the newest; moves in between are left out."""
        while self._events:
            pressed = TouchScreen._now[2]
            TouchScreen._now = self._events.popleft()
            if TouchScreen._now[2] != pressed:
                break
        return list(TouchScreen._now)

    def read0(self) -> List[int]:
        """[x, y, pressed], one after the other."""
        if self._events:
            TouchScreen._now = self._events.popleft()
        return list(TouchScreen._now)

    def available(self, timeout: int = 0) -> bool:
        """Whether there is something to read; waits for it up to `timeout` milliseconds, -1 for ever."""
        end = None if timeout < 0 else _time.monotonic() + timeout / 1e3
        while not self._events and not _app._waits_end():
            left = 0.02 if end is None else end - _time.monotonic()
            if left <= 0:
                break
            _time.sleep(min(left, 0.02))
        return bool(self._events)


__all__ = ["TouchScreen"]


if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
