"""The streaming server."""

import os

from . import _missing, _native, _report
from .err import Err, Exception as _Exception
from .image import Image


class JpegStreamer(_missing.Listed):
    """Shows browsers what a program writes: `/` is a page, `/stream` the stream.

    EYELET_BIND, as HOST:PORT, takes the place of what the program says, for tests; port 0 is a free one.
    """

    def __init__(self, host: str = "", port: int = 8000, client_number: int = 16) -> None:
        bind = os.environ.get("EYELET_BIND")
        if bind:
            host, _, number = bind.rpartition(":")
            host, port = host.strip("[]"), int(number)
        self._native = _native.Streamer(host, port, client_number)

    def start(self) -> Err:
        """Serves from now on, in a thread of its own."""
        err = self._try(self._native.start)
        if err == Err.ERR_NONE:
            _report.add("stream", "http://{}:{}".format(self.host(), self.port()))
        return err

    def stop(self) -> Err:
        """Ends every connection."""
        return self._try(self._native.stop)

    def write(self, img: Image) -> Err:
        """Shows this picture from now on; one that is no JPEG is made one. Never waits for a viewer."""
        return self._try(self._native.write, img._picture)

    def set_html(self, data: str) -> Err:
        """The page at `/`."""
        return self._try(self._native.set_html, data) if data else Err.ERR_RUNTIME

    def host(self) -> str:
        """An address that a browser can open."""
        return self._native.address()[0]

    def port(self) -> int:
        """The port."""
        return self._native.address()[1]

    @staticmethod
    def _try(act, *arguments) -> Err:
        try:
            act(*arguments)
        except _Exception as error:
            from . import err

            err.set_error(str(error))
            return error.code()
        return Err.ERR_NONE


__all__ = ["JpegStreamer"]


def __getattr__(name):
    return _missing.attribute(__name__, name, __all__)
