"""Error codes, and the exception that carries one."""

from enum import IntEnum
from typing import TYPE_CHECKING

from . import _missing


class Err(IntEnum):
    ERR_NONE = 0
    ERR_ARGS = 1
    ERR_NO_MEM = 2
    ERR_NOT_IMPL = 3
    ERR_NOT_READY = 4
    ERR_NOT_INIT = 5
    ERR_NOT_OPEN = 6
    ERR_NOT_PERMIT = 7
    ERR_REOPEN = 8
    ERR_BUSY = 9
    ERR_READ = 10
    ERR_WRITE = 11
    ERR_TIMEOUT = 12
    ERR_RUNTIME = 13
    ERR_IO = 14
    ERR_NOT_FOUND = 15
    ERR_ALREAY_EXIST = 16
    ERR_BUFF_FULL = 17
    ERR_BUFF_EMPTY = 18
    ERR_CANCEL = 19
    ERR_OVERFLOW = 20
    ERR_MAX = 21

    def __str__(self):
        return f"Err.{self.name}"


class Exception(RuntimeError):  # noqa: A001 (MaixPy's name)
    """What goes wrong: a RuntimeError, as programs for the board catch it."""

    def __init__(self, msg: str = "", code: int = Err.ERR_RUNTIME):
        super().__init__(msg)
        self._code = Err(code)

    def code(self) -> Err:
        return self._code


_last = ""


def to_str(e: Err) -> str:
    """The name of an error in words."""
    return Err(e).name[len("ERR_"):].replace("_", " ").lower()


def get_error() -> str:
    """The last error's text."""
    return _last


def set_error(text: str) -> None:
    """Sets the last error's text."""
    global _last
    _last = text


def check_raise(e: Err, msg: str = "") -> None:
    """Raises `Exception` unless `e` is ERR_NONE."""
    if e != Err.ERR_NONE:
        raise Exception(f"{msg}: {to_str(e)}" if msg else to_str(e), e)


def check_bool_raise(ok: bool, msg: str = "") -> None:
    """Raises `Exception` unless `ok`."""
    if not ok:
        raise Exception(msg, Err.ERR_RUNTIME)


def check_null_raise(value: object, msg: str = "") -> None:
    """Raises `Exception` for None."""
    if value is None:
        raise Exception(msg, Err.ERR_RUNTIME)


__all__ = [
    "Err", "Exception", "to_str", "get_error", "set_error", "check_raise", "check_bool_raise", "check_null_raise",
]


if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
