"""Which camera there is, by environment variables or by `eyelet_sim.configure`."""

import os
import re
from typing import Any, Dict, Optional, Tuple

from . import _native

# What goes wrong, by the names of `eyelet_sim.configure`; each has an environment variable.
FAULTS = (
    "drop_chance", "corrupt_chance", "truncate_chance", "stall_chance", "stall_for", "unplug_after", "unplug_chance",
    "unplug_for",
)
NAMES = ("camera", "scene", "seed", "fps", "display", *FAULTS)

_configured: Dict[str, object] = {}
_source: Optional[_native.Source] = None


def setting(name: str, default: Any = None) -> Any:
    """What is configured, else what the environment says."""
    if name in _configured:
        return _configured[name]
    return os.environ.get("EYELET_" + name.upper(), default)


def configure(settings) -> None:
    """Replaces what was configured before. Cameras that are open stay as they are."""
    global _configured, _source
    unknown = set(settings) - set(NAMES)
    if unknown:
        raise TypeError(f"no setting {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    before = _configured, _source
    _configured, _source = {name: value for name, value in settings.items() if value is not None}, None
    try:
        source()
        number("fps", 1)
        size("display", "1x1")
    except BaseException:
        _configured, _source = before
        raise


def number(name: str, default: Optional[float]) -> float:
    """A setting that is a number."""
    value = setting(name, default)
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"EYELET_{name.upper()} is {value!r}, which is no number") from None


def size(name: str, default: str) -> Tuple[int, int]:
    """A setting that is WIDTHxHEIGHT."""
    value = str(setting(name, default))
    sides = re.fullmatch("([1-9][0-9]*)x([1-9][0-9]*)", value)
    if not sides:
        raise ValueError(f"EYELET_{name.upper()} is {value!r}, which is no WIDTHxHEIGHT")
    return int(sides[1]), int(sides[2])


def _seed() -> int:
    value = setting("seed", 0)
    if not str(value).isdecimal() or int(value) >= 1 << 64:
        raise ValueError(f"EYELET_SEED is {value!r}, which is no whole number from 0 to {(1 << 64) - 1}")
    return int(value)


def source() -> _native.Source:
    """The camera, with one plug and one set of dice for all who open it."""
    global _source
    if _source is None:
        faults = {name: number(name, None) for name in FAULTS if setting(name) is not None}
        name, scene = setting("camera", "sim"), setting("scene", "card")
        _source = _native.Source(name, scene, _seed(), faults)
    return _source
