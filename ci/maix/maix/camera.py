import os
import time

from . import image
from ._fail import step
from ._port import Port

FOLDER = os.environ.get("EYELET_MAIX_PICTURES")


def get_device_name():
    return "gcore_gc4653"


def _pictures():
    names = sorted(name for name in os.listdir(FOLDER) if name.endswith((".jpg", ".jpeg"))) if FOLDER else []
    return [os.path.join(FOLDER, name) for name in names]


class Camera:
    def __init__(
        self, width=640, height=480, format=image.Format.FMT_RGB888, device=None, fps=-1, buff_num=3, open=True, raw=False
    ):
        self._width, self._height, self._format = width, height, format
        self._fps = 60 if fps == -1 else fps
        self._buffers = buff_num
        self._number = 0
        self._next = time.monotonic()
        self._port = None
        self._channel = 0
        if open:
            self.open()

    def open(self):
        step("open")
        self._port = Port()
        channel = self._port.ask("open", self._width, self._height, self._fps, self._buffers)
        self._channel = int(channel[0]) if channel else 0
        self._files = _pictures()
        step("opened")

    def close(self):
        step("close")
        if self._port:
            self._port.ask("close")
        self._port = None
        step("closed")

    def read(self):
        if step("read"):
            return None
        # As the real one, it is given the frames of a clock.
        now = time.monotonic()
        self._next = max(self._next + 1 / self._fps, now - 1 / self._fps)
        time.sleep(max(0, self._next - now))
        if not self._files:
            raise RuntimeError("camera read failed")
        with open(self._files[self._number % len(self._files)], "rb") as file:
            data = file.read()
        self._number += 1
        return image.Image(self._width, self._height, self._format, data)

    def width(self):
        return self._width

    def height(self):
        return self._height

    def get_channel(self):
        return self._channel

    def hmirror(self, value=-1):
        return self._set("hmirror", value)

    def vflip(self, value=-1):
        return self._set("vflip", value)

    def exposure(self, value=-1):
        return self._set("exposure", value)

    def gain(self, value=-1):
        return self._set("gain", value)

    def _set(self, name, value):
        self._port.ask(name, value)
        return value
