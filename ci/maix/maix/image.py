from ._fail import step


class Format:
    FMT_RGB888 = 0
    FMT_YVU420SP = 8
    FMT_JPEG = 12


class Image:
    def __init__(self, width, height, format, data):
        self._width, self._height, self._format, self._data = width, height, format, data

    def width(self):
        return self._width

    def height(self):
        return self._height

    def format(self):
        return self._format

    def to_jpeg(self, quality=95):
        if step("encode"):
            return None
        return Image(self._width, self._height, Format.FMT_JPEG, self._data)

    def to_bytes(self, copy=True):
        return self._data
