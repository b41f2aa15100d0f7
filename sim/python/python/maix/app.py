"""Whether the program is to end, and where it keeps what it keeps.

The first SIGINT or SIGTERM makes `need_exit()` true, the second ends the program, as does the first of a program that never
asks. On a desk everything that a board keeps in fixed places is in the folder that EYELET_APP_DIR names, by default `data` in
the current one.
"""

import configparser
import io
import os
import signal
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Optional, Tuple

from . import _missing
from .err import Err

_exit = False
_asks = False
_app_id = ""
_config: "Optional[_Config]" = None
_exit_msg: Tuple[str, Err, str] = ("", Err.ERR_NONE, "")


def need_exit() -> bool:
    """Whether the program is to end."""
    global _asks
    if not _asks:
        _asks = True
        _watch_signals()
    return _exit


def running() -> bool:
    """The opposite of `need_exit()`."""
    return not need_exit()


def set_exit_flag(exit: bool) -> None:
    """What `need_exit()` says from now on."""
    global _exit
    _exit = exit


def _waits_end() -> bool:
    """Whether waits are to end: the program is, and it will see that."""
    return _exit


def _on_signal(number, frame):
    global _exit
    if _asks and not _exit:
        _exit = True
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _watch_signals():
    """Only where nobody else does, and where Python allows it."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_signal)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_signal)


def _in_child():
    """A forked process ends by the first SIGTERM until it asks itself: a pool ends its processes so, and one that waits for work
    would never come to run a handler of Python's."""
    global _asks
    _asks = False
    if signal.getsignal(signal.SIGTERM) is _on_signal:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


_watch_signals()
os.register_at_fork(after_in_child=_in_child)


def app_id() -> str:
    """The program's id."""
    return _app_id


def set_app_id(app_id: str) -> str:
    """Sets the program's id."""
    global _app_id
    _app_id = app_id
    return app_id


def _folder(name: str = "") -> str:
    path = os.path.join(os.environ.get("EYELET_APP_DIR", "data"), name) if name else os.environ.get("EYELET_APP_DIR", "data")
    os.makedirs(path, exist_ok=True)
    return path


def get_app_data_path() -> str:
    """Where the program keeps its data."""
    return _folder()


def get_app_path(app_id: str = "") -> str:
    """Where the program is."""
    return os.getcwd()


def get_tmp_path() -> str:
    """Where temporary files go."""
    return tempfile.gettempdir()


def get_share_path() -> str:
    """Where programs share files."""
    return _folder("share")


def get_picture_path() -> str:
    """Where programs share pictures."""
    return _folder(os.path.join("share", "picture"))


def get_video_path() -> str:
    """Where programs share videos."""
    return _folder(os.path.join("share", "video"))


def get_app_config_path() -> str:
    """The file of the program's configuration."""
    return os.path.join(_folder(), "app.ini")


# What a file has that cannot be read.
_UNREADABLE = (configparser.Error, UnicodeDecodeError, OSError)


class _Config(configparser.RawConfigParser):
    """Whose keys keep their case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _can_be_kept(item: str, key: str, value: str) -> bool:
    """Whether the file gives back what is written: some names and values would be more than one, or a comment."""
    written, read, text = _Config(), _Config(), io.StringIO()
    try:
        written.read_dict({item: {key: value}})
        written.write(text)
        read.read_string(text.getvalue())
    except (configparser.Error, ValueError):
        return False
    return {name: dict(read[name]) for name in read.sections()} == {item: {key: value}}


def _read_config(from_cache: bool) -> _Config:
    global _config
    if _config is None or not from_cache:
        read = _Config()
        read.read(os.path.join(os.environ.get("EYELET_APP_DIR", "data"), "app.ini"), encoding="utf-8")
        _config = read
    return _config


def get_app_config_kv(item: str, key: str, value: str = "", from_cache: bool = True) -> str:
    """A value of the program's configuration; `value` if it is not there."""
    try:
        return _read_config(from_cache).get(item, key, fallback=value)
    except _UNREADABLE as error:
        print(f"maix: cannot read the configuration: {error}", file=sys.stderr)
        return value


def set_app_config_kv(item: str, key: str, value: str, write_file: bool = True) -> Err:
    """Sets a value of the program's configuration."""
    if not _can_be_kept(item, key, value):
        return Err.ERR_ARGS
    try:
        config = _read_config(True)
    except _UNREADABLE as error:
        # Somebody's work, which is not written over.
        print(f"maix: cannot read the configuration: {error}", file=sys.stderr)
        return Err.ERR_READ
    if not config.has_section(item):
        config.add_section(item)
    config.set(item, key, value)
    if write_file:
        try:
            path = get_app_config_path()
            with open(path + ".part", "w", encoding="utf-8") as file:
                config.write(file)
            os.replace(path + ".part", path)
        except OSError:
            return Err.ERR_IO
    return Err.ERR_NONE


def get_sys_config_kv(item: str, key: str, value: str = "", from_cache: bool = True) -> str:
    """A desk has no system configuration: `value`."""
    return value


def set_exit_msg(code: Err, msg: str) -> Err:
    """What the launcher of a board shows when the program has ended."""
    global _exit_msg
    _exit_msg = (_app_id, code, msg)
    return code


def get_exit_msg(cache: bool = False) -> Tuple[str, Err, str]:
    """What `set_exit_msg` has set."""
    return _exit_msg


def have_exit_msg(cache: bool = False) -> bool:
    """Whether it has set something."""
    return _exit_msg[1] != Err.ERR_NONE


def get_start_param() -> str:
    """What the launcher of a board gives a program: nothing."""
    return ""


__all__ = [
    "app_id", "get_app_config_kv", "get_app_config_path", "get_app_data_path", "get_app_path", "get_exit_msg",
    "get_picture_path", "get_share_path", "get_start_param", "get_sys_config_kv", "get_tmp_path", "get_video_path",
    "have_exit_msg", "need_exit", "running", "set_app_config_kv", "set_app_id", "set_exit_flag", "set_exit_msg",
]


if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
