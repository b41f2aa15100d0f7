"""A display that nobody sees: it keeps what it shows, for tests, and as files where EYELET_SHOW names a folder."""

import itertools
import os
import time as _time
from typing import TYPE_CHECKING, List, Optional

from . import _missing, _setup
from .err import Err
from .image import Fit, Format, Image, picture_of

# Files that EYELET_SHOW keeps at most: the newest.
_MOST = 100
# Seconds from one picture to the next, at least.
_REFRESH = 1 / 60


# All displays of the program share the folder.
_numbers = itertools.count()


def _keep(img: Image, folder: str) -> None:
    """Writes the next file, and removes the one that is too many."""
    number = next(_numbers)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "{:06}.jpg")
    picture = img if img.format() == Format.FMT_JPEG else img.to_jpeg()
    with open(path.format(number) + ".part", "wb") as file:
        file.write(picture.to_bytes())
    os.replace(path.format(number) + ".part", path.format(number))
    if number >= _MOST:
        try:
            os.remove(path.format(number - _MOST))
        except FileNotFoundError:
            pass  # another thread is not that far yet


def list_devices() -> List[str]:
    """The displays there are: one."""
    return ["headless"]


class Display(_missing.Listed):
    """A display of 552x368 pixels, as that of a MaixCAM, or of what EYELET_DISPLAY says."""

    def __init__(
        self,
        width: int = -1,
        height: int = -1,
        format: Format = Format.FMT_RGB888,
        device: Optional[str] = None,
        open: bool = True,
    ) -> None:
        self._most = _setup.size("display", "552x368")
        self._width, self._height, self._format = self._most[0], self._most[1], format
        self._backlight, self._open, self._next = 50.0, False, 0.0
        self._device = device or "headless"
        #: The picture that is shown; None before the first.
        self.shown: Optional[Image] = None
        self._resize(width, height)
        if open:
            self._open = True

    def _resize(self, width: int, height: int) -> None:
        if width != -1:
            self._width = min(width, self._most[0])
        if height != -1:
            self._height = min(height, self._most[1])

    def width(self) -> int:
        return self._width

    def height(self) -> int:
        return self._height

    def size(self) -> List[int]:
        return [self._width, self._height]

    def format(self) -> Format:
        return self._format

    def open(self, width: int = -1, height: int = -1, format: Format = Format.FMT_INVALID) -> Err:
        if not self._open:
            self._resize(width, height)
            self._format = self._format if format == Format.FMT_INVALID else format
            self._open = True
        return Err.ERR_NONE

    def close(self) -> Err:
        self._open = False
        return Err.ERR_NONE

    def is_opened(self) -> bool:
        return self._open

    def is_closed(self) -> bool:
        return not self._open

    def show(self, img: Image, fit: Fit = Fit.FIT_CONTAIN) -> Err:
        """Shows a picture; it is kept as it is, whatever `fit` says."""
        picture_of(img)
        self._open = True
        # A program that only shows runs as fast as a display, not as fast as it can.
        now = _time.monotonic()
        self._next = max(self._next + _REFRESH, now)
        _time.sleep(max(self._next - _REFRESH - now, 0))
        self.shown = img.copy()
        folder = os.environ.get("EYELET_SHOW")
        if folder:
            _keep(self.shown, folder)
        return Err.ERR_NONE

    def add_channel(
        self, width: int = -1, height: int = -1, format: Format = Format.FMT_BGRA8888, open: bool = True
    ) -> "Display":
        """Another display."""
        return Display(width, height, format, self._device, open)

    def device(self) -> str:
        return self._device

    def set_backlight(self, value: float) -> None:
        self._backlight = float(value)

    def get_backlight(self) -> float:
        return self._backlight

    def get_ch_nums(self) -> int:
        return 1

    def set_hmirror(self, en: bool) -> Err:
        return Err.ERR_NONE

    def set_vflip(self, en: bool) -> Err:
        return Err.ERR_NONE


def send_to_maixvision(img: Image) -> None:
    """Nothing: no MaixVision is connected."""


def set_trans_image_quality(value: int) -> None:
    """Nothing: no MaixVision is connected."""


__all__ = ["Display", "list_devices", "send_to_maixvision", "set_trans_image_quality"]


if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
