"""Clocks, waits, and the frame rate of a loop. Waits end early when `app.need_exit()` becomes true."""

import time as _time
from collections import deque
from datetime import datetime, timedelta, timezone as timezone_

from typing import TYPE_CHECKING

from . import _missing, app as _app

# A signal waits for at most as long.
_SLICE = 0.05


def time() -> float:
    """Seconds since 1970."""
    return _time.time()


def time_s() -> int:
    """Whole seconds since 1970."""
    return _time.time_ns() // 1_000_000_000


def time_ms() -> int:
    """Milliseconds since 1970."""
    return _time.time_ns() // 1_000_000


def time_us() -> int:
    """Microseconds since 1970."""
    return _time.time_ns() // 1_000


def time_diff(last: float, now: float = -1) -> float:
    """Seconds from `last` to `now`, both of `time()`."""
    return (time() if now < 0 else now) - last


def ticks_s() -> float:
    """Seconds of a clock that nobody sets."""
    return _time.monotonic()


def ticks_ms() -> int:
    """Its milliseconds."""
    return _time.monotonic_ns() // 1_000_000


def ticks_us() -> int:
    """Its microseconds."""
    return _time.monotonic_ns() // 1_000


def ticks_diff(last: float, now: float = -1) -> float:
    """Seconds from `last` to `now`, both of `ticks_s()`."""
    return (ticks_s() if now < 0 else now) - last


def sleep(s: float) -> None:
    """Waits for so many seconds."""
    end = _time.monotonic() + s
    # What a program does once it is to end, such as stopping a motor, takes its time.
    ending = _app._waits_end()
    while ending or not _app._waits_end():
        left = end - _time.monotonic()
        if left <= _SLICE:
            _time.sleep(max(left, 0))
            return
        _time.sleep(_SLICE)


def sleep_ms(ms: int) -> None:
    """Waits for so many milliseconds."""
    sleep(ms / 1e3)


def sleep_us(us: int) -> None:
    """Waits for so many microseconds."""
    sleep(us / 1e6)


class DateTime(_missing.Listed):
    """A date and a time of day; `zone` is hours east of UTC."""

    def __init__(
        self, year: int = 0, month: int = 0, day: int = 0, hour: int = 0, minute: int = 0, second: int = 0,
        microsecond: int = 0, yearday: int = 0, weekday: int = 0, zone: float = 0,
    ) -> None:
        self.year, self.month, self.day = year, month, day
        self.hour, self.minute, self.second, self.microsecond = hour, minute, second, microsecond
        self.yearday, self.weekday, self.zone, self.zone_name = yearday, weekday, zone, "UTC" if zone == 0 else ""

    @staticmethod
    def _of(moment: _time.struct_time) -> "DateTime":
        days = moment.tm_yday - 1, (moment.tm_wday + 1) % 7
        made = DateTime(*moment[:6], 0, *days, (moment.tm_gmtoff or 0) / 3600)
        made.zone_name = moment.tm_zone or made.zone_name
        return made

    def _moment(self) -> datetime:
        zone = timezone_(timedelta(hours=self.zone), self.zone_name) if self.zone_name else timezone_(timedelta(hours=self.zone))
        return datetime(self.year, self.month, self.day, self.hour, self.minute, self.second, self.microsecond, zone)

    def strftime(self, format: str) -> str:
        """As text."""
        return self._moment().strftime(format)

    def timestamp(self) -> float:
        """Seconds since 1970."""
        return self._moment().timestamp()


def now() -> DateTime:
    """The present, in UTC."""
    return gmtime(time())


def localtime() -> DateTime:
    """The present, in local time."""
    return DateTime._of(_time.localtime())


def gmtime(timestamp: float) -> DateTime:
    """A time of `time()`, in UTC."""
    made = DateTime._of(_time.gmtime(timestamp))
    made.zone_name = "UTC"
    return made


def strptime(str: str, format: str) -> DateTime:
    """The date and time in a text."""
    return DateTime._of(_time.strptime(str, format))


def timezone(timezone: str = "") -> str:
    """The name of the local time zone; it is never changed here."""
    if timezone:
        raise NotImplementedError("the time zone of this machine stays as it is; set TZ instead")
    return _time.tzname[0]


class FPS(_missing.Listed):
    """The mean rate of a loop over its last rounds."""

    def __init__(self, buff_len: int = 20) -> None:
        self._rounds: "deque[float]" = deque(maxlen=max(buff_len, 1))
        self._last = _time.monotonic()

    def start(self) -> None:
        """A round begins."""
        self._last = _time.monotonic()

    def fps(self) -> float:
        """A round ends: rounds a second."""
        now = _time.monotonic()
        self._rounds.append(now - self._last)
        self._last = now
        total = sum(self._rounds)
        return len(self._rounds) / total if total > 0 else 0.0

    def end(self) -> float:
        """As `fps()`."""
        return self.fps()

    def set_buff_len(self, len: int) -> None:
        """The mean of how many rounds it is."""
        self._rounds = deque(self._rounds, maxlen=max(len, 1))


_fps = FPS()


def fps() -> float:
    """Rounds a second of the loop that calls this."""
    return _fps.fps()


def fps_start() -> None:
    """A round begins."""
    _fps.start()


def fps_set_buff_len(len: int) -> None:
    """The mean of how many rounds `fps()` is; 20 by default."""
    _fps.set_buff_len(len)


__all__ = [
    "DateTime", "FPS", "fps", "fps_set_buff_len", "fps_start", "gmtime", "localtime", "now", "sleep", "sleep_ms", "sleep_us", "strptime",
    "ticks_diff", "ticks_ms", "ticks_s", "ticks_us", "time", "time_diff", "time_ms", "time_s", "time_us", "timezone",
]


if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
