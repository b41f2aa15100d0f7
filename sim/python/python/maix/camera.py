"""The camera: a simulated one, recorded pictures or a webcam; `eyelet_sim` says which."""

from typing import TYPE_CHECKING, Dict, List, Literal, Optional, overload

from . import _missing, _native, _setup, app as _app
from .err import Err, Exception as _Exception
from .image import Format, Image, side

_FORMATS = (
    Format.FMT_RGB888, Format.FMT_BGR888, Format.FMT_RGBA8888, Format.FMT_BGRA8888, Format.FMT_YVU420SP,
    Format.FMT_YUV420SP, Format.FMT_GRAYSCALE,
)
# How long a frame is waited for once the program is to end.
_GRACE = 1.0


def list_devices() -> List[str]:
    """The cameras there are: one."""
    return [_setup.source().name]


def get_device_name() -> str:
    """The name of the camera."""
    return _setup.source().name


class Camera(_missing.Listed):
    """A camera.

    By default it has 640x480 pixels. `device` is for boards; here the environment or `eyelet_sim.configure` chooses.
    """

    def __init__(
        self,
        width: int = -1,
        height: int = -1,
        format: Format = Format.FMT_RGB888,
        device: Optional[str] = None,
        fps: float = -1,
        buff_num: int = 3,
        open: bool = True,
        raw: bool = False,
    ) -> None:
        if format not in _FORMATS:
            raise _Exception("Format not support", Err.ERR_ARGS)
        if raw:
            raise NotImplementedError("no raw pictures of a sensor here; use raw=False")
        self._native: Optional[_native.Camera] = None
        self._source = _setup.source()
        self._width = side(640 if width == -1 else width)
        self._height = side(480 if height == -1 else height)
        self._format, self._fps, self._buff_num = format, fps, buff_num
        if fps == -1:
            # As on the board.
            self._fps = _setup.number("fps", 60 if self._width <= 1280 and self._height <= 720 else 30)
        self._rows = self._columns = False
        self._controls: Dict[str, int] = {}
        if open:
            self._open()

    def _open(self) -> _native.Camera:
        self.close()
        size = self._width, self._height
        self._native = _native.Camera(self._source, size, self._format, self._fps)
        return self._native

    def open(
        self,
        width: int = -1,
        height: int = -1,
        format: Format = Format.FMT_INVALID,
        fps: float = -1,
        buff_num: int = -1,
    ) -> Err:
        """Opens the camera, again if it is open. What is -1 stays."""
        if format != Format.FMT_INVALID and format not in _FORMATS:
            return Err.ERR_ARGS
        try:
            sides = side(self._width if width == -1 else width), side(self._height if height == -1 else height)
        except _Exception as error:
            return error.code()
        self._width, self._height = sides
        self._format = self._format if format == Format.FMT_INVALID else format
        self._fps = self._fps if fps == -1 else fps
        self._buff_num = self._buff_num if buff_num == -1 else buff_num
        try:
            self._open()
        except _Exception as error:
            return error.code()
        return Err.ERR_NONE

    def close(self) -> None:
        """Closes the camera."""
        if self._native is not None:
            self._native.close()
            self._native = None

    def is_opened(self) -> bool:
        """Whether it is open. A camera that was unplugged is not."""
        return self._native is not None and self._native.is_open()

    def is_closed(self) -> bool:
        """The opposite of `is_opened()`."""
        return not self.is_opened()

    @overload
    def read(
        self, buff: object = None, buff_size: int = 0, block: Literal[True] = True, block_ms: int = -1
    ) -> Image: ...

    @overload
    def read(self, buff: object = None, buff_size: int = 0, block: bool = True, block_ms: int = -1) -> Optional[Image]: ...

    def read(self, buff=None, buff_size=0, block=True, block_ms=-1):
        """The next frame. Without `block` None if there is none yet; with `block_ms` it is waited for so long.

        Opens the camera if it is closed. Raises err.Exception if the camera is gone or the time is over.
        """
        native = self._native
        if native is None or not native.is_open():
            native = self._open()
        timeout = 0 if not block else -1 if block_ms < 0 else block_ms / 1e3
        flips = self._rows, self._columns
        picture = native.read(timeout, _app._waits_end, flips)
        if picture is None and block and timeout < 0:
            # The program is to end, and it will ask. A camera that works gives the frame that it expects.
            picture = native.read(_GRACE, _no, flips)
            if picture is None:
                raise KeyboardInterrupt
        if picture is None:
            if block:
                raise _Exception(f"camera read failed: no frame in {block_ms} ms", Err.ERR_TIMEOUT)
            return None
        return Image._of(picture)

    def clear_buff(self) -> None:
        """Drops frames that wait; none do."""

    def skip_frames(self, num: int) -> None:
        """Takes so many frames and drops them."""
        for _ in range(num):
            self.read()

    def add_channel(
        self,
        width: int = -1,
        height: int = -1,
        format: Format = Format.FMT_RGB888,
        fps: float = -1,
        buff_num: int = 3,
        open: bool = True,
    ) -> "Camera":
        """A second camera with the same pictures in another size."""
        width = self._width if width == -1 else width
        height = self._height if height == -1 else height
        return Camera(width, height, format, None, self._fps if fps == -1 else fps, buff_num, open)

    def width(self) -> int:
        return self._width

    def height(self) -> int:
        return self._height

    def fps(self) -> float:
        return self._fps

    def format(self) -> Format:
        return self._format

    def buff_num(self) -> int:
        return self._buff_num

    def get_ch_nums(self) -> int:
        return 2

    def get_channel(self) -> int:
        return 0

    def device(self) -> str:
        return self._source.name

    def set_resolution(self, width: int, height: int) -> Err:
        """Opens the camera again, in another size."""
        return self.open(width, height)

    def set_fps(self, fps: float) -> Err:
        """Opens the camera again, at another rate."""
        return self.open(fps=fps)

    def hmirror(self, value: int = -1) -> int:
        """Whether columns are in the opposite order; 0 or 1 sets it."""
        if value != -1:
            self._columns = bool(value)
        return int(self._columns)

    def vflip(self, value: int = -1) -> int:
        """Whether rows are in the opposite order; 0 or 1 sets it."""
        if value != -1:
            self._rows = bool(value)
        return int(self._rows)

    def _control(self, name: str, value: int, default: int) -> int:
        if value != -1:
            self._controls[name] = value
        return self._controls.get(name, default)

    def exposure(self, value: int = -1) -> int:
        """Kept, without effect on a simulated camera; so are the controls below."""
        return self._control("exposure", value, 10_000)

    def gain(self, value: int = -1) -> int:
        return self._control("gain", value, 100)

    def luma(self, value: int = -1) -> int:
        return self._control("luma", value, 50)

    def constrast(self, value: int = -1) -> int:
        return self._control("constrast", value, 50)

    def saturation(self, value: int = -1) -> int:
        return self._control("saturation", value, 50)

    def awb_mode(self, value: int = -1) -> int:
        return self._control("awb_mode", value, 0)

    def set_awb(self, mode: int = -1) -> int:
        return self._control("awb", mode, 1)

    def exp_mode(self, value: int = -1) -> int:
        return self._control("exp_mode", value, 0)


def _no() -> bool:
    return False


__all__ = ["Camera", "get_device_name", "list_devices"]


if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
