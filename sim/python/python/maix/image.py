"""Pictures: to draw on, to convert, to send.

Drawing has OpenCV's coordinates and MaixPy's names; text has one font, of 9x15 pixels a character at scale 1.
"""

import operator
import os
import sys
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Dict, List, Literal, Optional, Sequence

from . import _missing, _native
from .err import Err, Exception as _Exception


class _Number(IntEnum):
    def __str__(self):
        return f"{type(self).__name__}.{self.name}"


class Format(_Number):
    """All of MaixPy's formats. Pictures of the sensor's own, of 565 and of 4:2:2 cannot be made here."""

    FMT_RGB888 = 0
    FMT_BGR888 = 1
    FMT_RGBA8888 = 2
    FMT_BGRA8888 = 3
    FMT_RGB565 = 4
    FMT_BGR565 = 5
    FMT_YUV422SP = 6
    FMT_YUV422P = 7
    FMT_YVU420SP = 8
    FMT_YUV420SP = 9
    FMT_YVU420P = 10
    FMT_YUV420P = 11
    FMT_GRAYSCALE = 12
    FMT_BGGR6 = 13
    FMT_GBRG6 = 14
    FMT_GRBG6 = 15
    FMT_RGGB6 = 16
    FMT_BGGR8 = 17
    FMT_GBRG8 = 18
    FMT_GRBG8 = 19
    FMT_RGGB8 = 20
    FMT_BGGR10 = 21
    FMT_GBRG10 = 22
    FMT_GRBG10 = 23
    FMT_RGGB10 = 24
    FMT_BGGR12 = 25
    FMT_GBRG12 = 26
    FMT_GRBG12 = 27
    FMT_RGGB12 = 28
    FMT_UNCOMPRESSED_MAX = 29
    FMT_COMPRESSED_MIN = 30
    FMT_JPEG = 31
    FMT_PNG = 32
    FMT_COMPRESSED_MAX = 33
    FMT_INVALID = 255
    # The name in MaixPy's first releases and in its page about streams.
    FMT_RGB = 0


class Fit(_Number):
    FIT_NONE = -1
    FIT_FILL = 0
    FIT_CONTAIN = 1
    FIT_COVER = 2
    FIT_MAX = 3


class ResizeMethod(_Number):
    NEAREST = 0
    BILINEAR = 1
    BICUBIC = 2
    AREA = 3
    LANCZOS = 4
    HAMMING = 5
    RESIZE_METHOD_MAX = 6


class FlipDir(Enum):
    """X turns a picture upside down, Y swaps left and right."""

    X = 0
    Y = 1
    XY = 2


#: Bytes of a pixel, by format.
fmt_size = [3, 3, 4, 4, 2, 2, 2, 2, 1.5, 1.5, 1.5, 1.5, 1, *[0.75] * 4, *[1] * 4, *[1.25] * 4, *[1.5] * 4, 0, 0, 1, 1, 0, 0]
#: The formats' names.
fmt_names = [f.name[len("FMT_"):] for f in sorted(Format)]

_RGB = (Format.FMT_RGB888, Format.FMT_BGR888)
_RGBA = (Format.FMT_RGBA8888, Format.FMT_BGRA8888)
# Of the bytes of a pixel that is one number.
_ORDER: "Dict[int, Literal['big', 'little']]" = {3: "big", 4: "little"}
_COMPRESSED = (Format.FMT_JPEG, Format.FMT_PNG)


class Size(_missing.Listed):
    """Width and height, also as `[0]` and `[1]`."""

    def __init__(self, width: int = 0, height: int = 0) -> None:
        self._sides = [width, height]

    def width(self, width: int = -1) -> int:
        if width != -1:
            self._sides[0] = width
        return self._sides[0]

    def height(self, height: int = -1) -> int:
        if height != -1:
            self._sides[1] = height
        return self._sides[1]

    def __getitem__(self, index: int) -> int:
        if index not in (0, 1):
            raise IndexError("Size index out of range")
        return self._sides[index]

    def __setitem__(self, index: int, value: int) -> None:
        self._sides[index] = value

    def __len__(self) -> int:
        return 2

    def __str__(self) -> str:
        return f"Size({self._sides[0]}x{self._sides[1]})"

    __repr__ = __str__


class Color(_missing.Listed):
    """A colour with 8-bit channels, and an opacity of 0 to 1."""

    def __init__(
        self, ch1: int, ch2: int = 0, ch3: int = 0, alpha: float = 0, format: Format = Format.FMT_GRAYSCALE
    ) -> None:
        for channel in (ch1, ch2, ch3):
            if not 0 <= operator.index(channel) <= 255:
                raise TypeError(f"a channel is 0 to 255, not {channel}")
        if not 0 <= alpha <= 1:
            raise _Exception("alpha value range: 0 ~ 1", Err.ERR_ARGS)
        self.format, self.alpha, self.gray = Format(format), 1.0, 0
        if format in (Format.FMT_BGR888, Format.FMT_BGRA8888):
            self.b, self.g, self.r = ch1, ch2, ch3
        elif format == Format.FMT_GRAYSCALE:
            self.gray = self.r = self.g = self.b = ch1
        elif format in (Format.FMT_RGB888, Format.FMT_RGBA8888, Format.FMT_INVALID):
            self.r, self.g, self.b = ch1, ch2, ch3
        else:
            raise _Exception("Color construct: not support format", Err.ERR_ARGS)
        if format not in _RGB and format != Format.FMT_GRAYSCALE:
            self.alpha = alpha

    @staticmethod
    def from_rgb(r: int, g: int, b: int) -> "Color":
        return Color(r, g, b, 1, Format.FMT_RGB888)

    @staticmethod
    def from_bgr(b: int, g: int, r: int) -> "Color":
        return Color(b, g, r, 1, Format.FMT_BGR888)

    @staticmethod
    def from_gray(gray: int) -> "Color":
        return Color(gray)

    @staticmethod
    def from_rgba(r: int, g: int, b: int, alpha: float) -> "Color":
        return Color(r, g, b, alpha, Format.FMT_RGBA8888)

    @staticmethod
    def from_bgra(b: int, g: int, r: int, alpha: float) -> "Color":
        return Color(b, g, r, alpha, Format.FMT_BGRA8888)

    @staticmethod
    def from_hex(hex: int, format: Format) -> "Color":
        """The lowest byte is the format's first channel."""
        channels = [hex >> shift & 255 for shift in (0, 8, 16, 24)]
        return Color(channels[0], channels[1], channels[2], channels[3] / 255, format)

    def hex(self) -> int:
        """The opposite of `from_hex`."""
        if self.format == Format.FMT_GRAYSCALE:
            return self.gray
        ends = (self.b, self.r) if self.format in (Format.FMT_BGR888, Format.FMT_BGRA8888) else (self.r, self.b)
        opaque = int(self.alpha * 255) if self.format in _RGBA else 0
        return ends[0] | self.g << 8 | ends[1] << 16 | opaque << 24

    def to_format(self, format: Format) -> None:
        """Converts it."""
        if format not in (*_RGB, *_RGBA, Format.FMT_GRAYSCALE):
            return
        if format == Format.FMT_GRAYSCALE and self.format != format:
            self.gray = self.r = self.g = self.b = (self.r + self.g + self.b) // 3
        if format not in _RGBA or self.format not in _RGBA:
            self.alpha = 1.0
        self.format = Format(format)

    def to_format2(self, format: Format) -> "Color":
        """As `to_format`, of a copy."""
        color = Color(self.r, self.g, self.b, self.alpha, Format.FMT_RGBA8888)
        color.gray, color.format = self.gray, self.format
        color.to_format(format)
        return color

    def _bytes(self):
        return self.r, self.g, self.b, round(self.alpha * 255)

    def __repr__(self) -> str:
        return f"Color(r={self.r}, g={self.g}, b={self.b}, alpha={self.alpha})"


COLOR_WHITE = Color.from_rgb(255, 255, 255)
COLOR_BLACK = Color.from_rgb(0, 0, 0)
COLOR_RED = Color.from_rgb(255, 0, 0)
COLOR_GREEN = Color.from_rgb(0, 255, 0)
COLOR_BLUE = Color.from_rgb(0, 0, 255)
COLOR_YELLOW = Color.from_rgb(255, 255, 0)
COLOR_PURPLE = Color.from_rgb(143, 0, 255)
COLOR_ORANGE = Color.from_rgb(255, 127, 0)
COLOR_GRAY = Color.from_rgb(127, 127, 127)
COLOR_INVALID = Color(0, 0, 0, 0, Format.FMT_INVALID)


def _quality(quality: int) -> int:
    # As on the board.
    return min(max(int(quality), 51), 100)


class Image(_missing.Listed):
    """A picture. What draws returns the picture itself, what converts returns another one."""

    def __init__(
        self, width: int, height: int, format: Format = Format.FMT_RGB888, bg: Optional[Color] = None
    ) -> None:
        self._picture = _native.Picture(side(width), side(height), format)
        if bg is not None and bg.format != Format.FMT_INVALID:
            self.draw_rect(0, 0, width, height, bg, -1)

    @classmethod
    def _of(cls, picture) -> "Image":
        image = cls.__new__(cls)
        image._picture = picture
        return image

    def format(self) -> Format:
        return Format(self._picture.format)

    def size(self) -> Size:
        return Size(self._picture.width, self._picture.height)

    def width(self) -> int:
        return self._picture.width

    def height(self) -> int:
        return self._picture.height

    def data_size(self) -> int:
        """Bytes of the picture, or of its file."""
        return len(self._picture)

    def to_str(self) -> str:
        return str(self)

    def __str__(self) -> str:
        name = fmt_names[sorted(Format).index(self.format())]
        return f"Image({self.width()}x{self.height()}, {name}), data_size: {self.data_size()}"

    __repr__ = __str__

    def get_pixel(self, x: int, y: int, rgbtuple: bool = False) -> List[int]:
        """The bytes of a pixel, or one number of them; an empty list where there is no pixel.

        The number's highest byte is the first of three channels, and the last of four.
        """
        if self.format() not in (*_RGB, *_RGBA, Format.FMT_GRAYSCALE):
            return []
        if not (0 <= x < self.width() and 0 <= y < self.height()):
            return []
        pixel = list(self._picture.pixel(x, y))
        if rgbtuple or len(pixel) == 1:
            return pixel
        return [int.from_bytes(bytes(pixel), _ORDER[len(pixel)])]

    def set_pixel(self, x: int, y: int, pixel: Sequence[int]) -> Err:
        """Sets the bytes of a pixel, or one number of them."""
        channels = self._picture.channels
        if self.format() not in (*_RGB, *_RGBA, Format.FMT_GRAYSCALE):
            return Err.ERR_RUNTIME
        if len(pixel) == 1 and channels in _ORDER:
            pixel = (pixel[0] & ~(-1 << 8 * channels)).to_bytes(channels, _ORDER[channels])
        if not (0 <= x < self.width() and 0 <= y < self.height()) or len(pixel) != channels:
            return Err.ERR_RUNTIME
        self._picture.set_pixel(x, y, list(pixel))
        return Err.ERR_NONE

    def to_bytes(self, copy: bool = True):
        """The pixels, or the file.

        Without `copy` a memoryview of the picture's own memory, which lives as long as the view, also without the picture.
        """
        return self._picture.tobytes() if copy else self._picture.view()

    def to_format(self, format: Format) -> "Image":
        """The same picture in another format; raises err.Exception if it has that already."""
        if format == self.format():
            raise _Exception("convert failed, already the format", Err.ERR_ARGS)
        return Image._of(self._picture.to(format, 95))

    def to_jpeg(self, quality: int = 95) -> "Image":
        """The picture as a JPEG of this quality, 51 to 100."""
        if self.format() == Format.FMT_JPEG:
            raise _Exception("convert failed, already the format", Err.ERR_ARGS)
        return Image._of(self._picture.to(Format.FMT_JPEG, _quality(quality)))

    def compress(self, quality: int = 95) -> "Image":
        """As `to_jpeg`."""
        return self.to_jpeg(quality)

    def copy(self) -> "Image":
        """Another picture with the same pixels."""
        return Image._of(self._picture.copy())

    def save(self, path: str, quality: int = 95) -> Err:
        """Writes a .jpg, .jpeg or .png file; `quality` is for JPEGs."""
        extension = os.path.splitext(path)[1].lower()
        wanted = {".jpg": Format.FMT_JPEG, ".jpeg": Format.FMT_JPEG, ".png": Format.FMT_PNG}.get(extension)
        if wanted is None:
            return Err.ERR_ARGS
        picture = self._picture
        if picture.format != wanted:
            picture = picture.to(wanted, min(max(quality, 1), 100))
        try:
            with open(path, "wb") as file:
                file.write(picture.tobytes())
        except OSError as error:
            print(f"maix: cannot save {path}: {error}", file=sys.stderr)
            return Err.ERR_IO
        return Err.ERR_NONE

    # Drawing

    def draw_image(self, x: int, y: int, img: "Image") -> "Image":
        """Another picture with its top left corner here, mixed by its transparency."""
        self._picture.draw_image(x, y, picture_of(img))
        return self

    def draw_rect(self, x: int, y: int, w: int, h: int, color: Color, thickness: int = 1) -> "Image":
        """A rectangle; filled if `thickness` is -1."""
        self._picture.draw_rect((x, y), (w, h), _rgba(color), thickness)
        return self

    def draw_line(self, x1: int, y1: int, x2: int, y2: int, color: Color, thickness: int = 1) -> "Image":
        """A line."""
        self._picture.draw_path([(x1, y1), (x2, y2)], _rgba(color), max(thickness, 1))
        return self

    def draw_circle(self, x: int, y: int, radius: int, color: Color, thickness: int = 1) -> "Image":
        """A circle; filled if `thickness` is -1."""
        self._picture.draw_circle((x, y), radius, _rgba(color), thickness)
        return self

    def draw_ellipse(
        self, x: int, y: int, a: int, b: int, angle: float, start_angle: float, end_angle: float, color: Color,
        thickness: int = 1,
    ) -> "Image":
        """An ellipse or a part of one, in degrees clockwise; filled if `thickness` is -1."""
        arc = (start_angle, end_angle)
        self._picture.draw_ellipse((x, y), (a, b), angle, arc, _rgba(color), thickness)
        return self

    def draw_string(
        self, x: int, y: int, textstring: str, color: Color = COLOR_WHITE, scale: float = 1, thickness: int = -1,
        wrap: bool = True, wrap_space: int = 4, font: str = "",
    ) -> "Image":
        """Text with its top left corner here. Letters outside Latin-1 become `?`; `thickness` and `font` change nothing."""
        self._picture.draw_string((x, y), textstring, _rgba(color), scale, wrap, wrap_space)
        return self

    def draw_cross(self, x: int, y: int, color: Color, size: int = 5, thickness: int = 1) -> "Image":
        """A cross; `size` is how far its lines go."""
        self.draw_line(x - size, y, x + size, y, color, thickness)
        return self.draw_line(x, y - size, x, y + size, color, thickness)

    def draw_arrow(self, x0: int, y0: int, x1: int, y1: int, color: Color, thickness: int = 1) -> "Image":
        """A line with a head that is a tenth as long."""
        dx, dy = (x0 - x1) * 0.1, (y0 - y1) * 0.1
        lines = [(x1 + (dx - dy) * 0.7071, y1 + (dx + dy) * 0.7071), (x1, y1), (x1 + (dx + dy) * 0.7071, y1 + (dy - dx) * 0.7071)]
        self.draw_line(x0, y0, x1, y1, color, thickness)
        self._picture.draw_path(lines, _rgba(color), max(thickness, 1))
        return self

    def draw_edges(
        self, corners: Sequence[Sequence[int]], color: Color, size: int = 0, thickness: int = 1, fill: bool = False
    ) -> "Image":
        """A polygon."""
        points = [(float(x), float(y)) for x, y in corners]
        self._picture.draw_path(points + points[:1], _rgba(color), -1 if fill else max(thickness, 1))
        return self

    def draw_keypoints(
        self, keypoints: Sequence[int], color: Color, size: int = 4, thickness: int = -1, line_thickness: int = 0
    ) -> "Image":
        """A circle at each point of [x1, y1, x2, y2, …]; with `line_thickness` lines between them."""
        points = list(zip(keypoints[::2], keypoints[1::2]))
        if line_thickness > 0:
            self._picture.draw_path([(float(x), float(y)) for x, y in points], _rgba(color), line_thickness)
        for x, y in points:
            self.draw_circle(x, y, size, color, thickness)
        return self

    def clear(self, mask: "Optional[Image]" = None) -> "Image":
        """Makes every pixel 0."""
        _no_mask(mask)
        self._picture.clear()
        return self

    def invert(self) -> "Image":
        """Makes every byte its opposite."""
        self._picture.invert()
        return self

    def negate(self) -> "Image":
        """As `invert`."""
        return self.invert()

    # Other pictures

    def resize(
        self, width: int, height: int, object_fit: Fit = Fit.FIT_FILL, method: ResizeMethod = ResizeMethod.NEAREST
    ) -> "Image":
        """The picture in another size; a side of -1 keeps the shape."""
        if width == -1 and height == -1:
            raise _Exception("width and height can't be both -1", Err.ERR_ARGS)
        if width == -1:
            width = self.width() * height // self.height()
        if height == -1:
            height = self.height() * width // self.width()
        return Image._of(self._picture.resize(side(width), side(height), object_fit, method))

    def crop(self, x: int, y: int, w: int, h: int) -> "Image":
        """A part of the picture, which must be inside."""
        if x < 0 or y < 0:
            raise _Exception(f"crop from ({x}, {y}) is not inside the picture", Err.ERR_ARGS)
        return Image._of(self._picture.crop(x, y, side(w), side(h)))

    def rotate(
        self, angle: float, width: int = -1, height: int = -1, method: ResizeMethod = ResizeMethod.BILINEAR
    ) -> "Image":
        """The picture rotated anticlockwise; by 90 or 270 degrees it swaps width and height, else it keeps them."""
        own = (self.width(), self.height())
        if angle % 180 == 90:
            own = own[::-1]
        width, height = (own[0] if width == -1 else width), (own[1] if height == -1 else height)
        return Image._of(self._picture.rotate(angle, side(width), side(height), method))

    def flip(self, dir: FlipDir) -> "Image":
        """The picture upside down (X), with left and right swapped (Y), or both."""
        return Image._of(self._picture.flip(dir in (FlipDir.X, FlipDir.XY), dir in (FlipDir.Y, FlipDir.XY)))

    def resize_map_pos(
        self, w_out: int, h_out: int, fit: Fit, x: int, y: int, w: int = -1, h: int = -1
    ) -> List[int]:
        """Where a point or rectangle is once the picture has another size."""
        return resize_map_pos(self.width(), self.height(), w_out, h_out, fit, x, y, w, h)


def side(side: int) -> int:
    """Refuses what no side of a picture is."""
    if not 1 <= operator.index(side) <= 65535:
        raise _Exception(f"a side is 1 to 65535, not {side}", Err.ERR_ARGS)
    return side


def picture_of(img: "Image") -> _native.Picture:
    """What is in a picture; a TypeError if it is none."""
    if not isinstance(img, Image):
        raise TypeError(f"a picture is a maix.image.Image, not {type(img).__name__}")
    return img._picture


def _rgba(color: Color):
    if not isinstance(color, Color):
        raise TypeError(f"a colour is a maix.image.Color, not {type(color).__name__}")
    return color._bytes()


def _no_mask(mask) -> None:
    if mask is not None:
        raise NotImplementedError("no masks here; use mask=None")


def _mapping(w_in, h_in, w_out, h_out, fit):
    if fit == Fit.FIT_NONE:
        return 1.0, 1.0, 0.0, 0.0
    across, down = w_out / w_in, h_out / h_in
    if fit == Fit.FIT_CONTAIN:
        across = down = min(across, down)
    elif fit == Fit.FIT_COVER:
        across = down = max(across, down)
    return across, down, (w_out - w_in * across) / 2, (h_out - h_in * down) / 2


def resize_map_pos(
    w_in: int, h_in: int, w_out: int, h_out: int, fit: Fit, x: int, y: int, w: int = -1, h: int = -1
) -> List[int]:
    """Where a point or rectangle of a picture is once that has another size."""
    across, down, left, top = _mapping(w_in, h_in, w_out, h_out, fit)
    at = [int(x * across + left), int(y * down + top)]
    return at if w == -1 or h == -1 else at + [int(w * across), int(h * down)]


def resize_map_pos_reverse(
    w_in: int, h_in: int, w_out: int, h_out: int, fit: Fit, x: int, y: int, w: int = -1, h: int = -1
) -> List[int]:
    """Where a point or rectangle of the resized picture was before."""
    across, down, left, top = _mapping(w_in, h_in, w_out, h_out, fit)
    at = [int((x - left) / across), int((y - top) / down)]
    return at if w == -1 or h == -1 else at + [int(w / across), int(h / down)]


def load(path: str, format: Format = Format.FMT_RGB888) -> Optional[Image]:
    """The picture in a JPEG or PNG file, or None if there is none."""
    try:
        with open(path, "rb") as file:
            picture = _native.Picture.from_file(file.read())
        return Image._of(picture if picture.format == format else picture.to(format, 95))
    except (OSError, _Exception) as error:
        print(f"maix: cannot load {path}: {error}", file=sys.stderr)
        return None


def from_bytes(width: int, height: int, format: Format, data, copy: bool = True) -> Image:
    """A picture of these bytes; without `copy` of their own memory, which then stays alive."""
    return Image._of(_native.Picture.from_bytes((side(width), side(height)), format, data, copy))


def image2cv(img: Image, ensure_bgr: bool = True, copy: bool = True):
    """A numpy array of the pixels, of shape (height, width, channels).

    With `ensure_bgr` and `copy` it is in BGR, or in BGRA if the picture has transparency. Otherwise it has the picture's own
    channels: one for grayscale, and for 4:2:0 one as well, the luma. Without `copy` it shares the picture's memory.
    """
    import numpy

    picture = picture_of(img)
    wanted = Format(picture.format)
    if wanted in _COMPRESSED:
        wanted = Format.FMT_BGR888 if ensure_bgr else Format.FMT_RGB888
    elif ensure_bgr and copy and wanted != Format.FMT_BGRA8888:
        wanted = Format.FMT_BGRA8888 if wanted == Format.FMT_RGBA8888 else Format.FMT_BGR888
    if picture.format != wanted:
        picture = picture.to(wanted, 95)
    shape = picture.height, picture.width, picture.channels
    array = numpy.frombuffer(bytearray(picture.tobytes()) if copy else picture.view(), numpy.uint8)
    return array[: shape[0] * shape[1] * shape[2]].reshape(shape)


def cv2image(array, bgr: bool = True, copy: bool = True) -> Image:
    """A picture of a numpy array of shape (height, width[, channels]); without `copy` of its own memory."""
    shape = getattr(array, "shape", None)
    if shape is None:
        raise TypeError(f"a numpy array is needed, not {type(array).__name__}")
    if array.dtype != "uint8" or len(shape) not in (2, 3):
        raise _Exception("an array of uint8 with two or three dimensions is a picture", Err.ERR_ARGS)
    channels = 1 if len(shape) == 2 else shape[2]
    formats = {
        1: Format.FMT_GRAYSCALE,
        3: Format.FMT_BGR888 if bgr else Format.FMT_RGB888,
        4: Format.FMT_BGRA8888 if bgr else Format.FMT_RGBA8888,
    }
    if channels not in formats:
        raise _Exception(f"no pictures of {channels} channels", Err.ERR_ARGS)
    return from_bytes(shape[1], shape[0], formats[channels], array, copy)


def string_size(string: str, scale: float = 1, thickness: int = 1, font: str = "") -> Size:
    """The size of text as `draw_string` writes it."""
    return Size(*_native.string_size(string, scale, 4))


def fonts() -> List[str]:
    """The fonts there are: one."""
    return ["hershey_plain"]


def set_default_font(name: str) -> Err:
    """Chooses a font of `fonts()`."""
    return Err.ERR_NONE if name in fonts() else Err.ERR_ARGS


__all__ = [
    "COLOR_BLACK", "COLOR_BLUE", "COLOR_GRAY", "COLOR_GREEN", "COLOR_INVALID", "COLOR_ORANGE", "COLOR_PURPLE", "COLOR_RED",
    "COLOR_WHITE", "COLOR_YELLOW", "Color", "Fit", "FlipDir", "Format", "Image", "ResizeMethod", "Size", "cv2image", "fmt_names",
    "fmt_size", "fonts", "from_bytes", "image2cv", "load", "resize_map_pos", "resize_map_pos_reverse", "set_default_font",
    "string_size",
]


if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
