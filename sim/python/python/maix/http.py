"""The streaming server."""

import os
import socket
import weakref
from typing import TYPE_CHECKING

from . import _missing, _native, _report
from .err import Err, Exception as _Exception
from .image import Image, picture_of

# Every server of this process.
_servers: "weakref.WeakSet[JpegStreamer]" = weakref.WeakSet()


def _in_child():
    """A forked process lets go of the sockets of its parent's servers: they would answer nobody, keep the port, and keep viewers
    connected to what has stopped."""
    ports = {server._port for server in _servers}
    _servers.clear()
    try:
        descriptors = os.listdir("/proc/self/fd") if ports else []
    except OSError:
        return
    for descriptor in descriptors:
        try:
            found = socket.socket(fileno=int(descriptor))
        except OSError:
            continue  # something else
        network = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
        if network and found.getsockname()[1] in ports:
            found.close()
        else:
            found.detach()


os.register_at_fork(after_in_child=_in_child)


def _bound(bind):
    """EYELET_BIND's host and port."""
    host, _, port = bind.rpartition(":")
    if not port.isdecimal():
        raise ValueError(f"EYELET_BIND is {bind!r}, which is no HOST:PORT")
    return host.strip("[]"), int(port)


class JpegStreamer(_missing.Listed):
    """Shows browsers what a program writes: `/` is a page, `/stream` the stream.

    EYELET_BIND, as HOST:PORT, takes the place of what the program says, for tests; port 0 is a free one.
    """

    def __init__(self, host: str = "", port: int = 8000, client_number: int = 16) -> None:
        bind = os.environ.get("EYELET_BIND")
        if bind:
            host, port = _bound(bind)
        if not 0 <= port <= 65535:
            raise _Exception(f"a port is 0 to 65535, not {port}", Err.ERR_ARGS)
        if client_number < 0:
            raise _Exception(f"a number of clients is 0 or more, not {client_number}", Err.ERR_ARGS)
        self._native = _native.Streamer(host, port, client_number)
        self._port = self.port()
        _servers.add(self)

    def start(self) -> Err:
        """Serves from now on, in a thread of its own."""
        err = self._try(self._native.start)
        if err == Err.ERR_NONE:
            self._port = self.port()
            _report.add("stream", "http://{}:{}".format(self.host(), self.port()))
        return err

    def stop(self) -> Err:
        """Ends every connection."""
        return self._try(self._native.stop)

    def write(self, img: Image) -> Err:
        """Shows this picture from now on; one that is no JPEG is made one. Never waits for a viewer."""
        return self._try(self._native.write, picture_of(img))

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


if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
