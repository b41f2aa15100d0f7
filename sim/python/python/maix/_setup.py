"""Which camera there is, by environment variables or by `eyelet_sim.configure`."""

import os
from typing import Any, Dict, Optional

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
    _configured, _source = dict(settings), None
    try:
        source()
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


def source() -> _native.Source:
    """The camera, with one plug and one set of dice for all who open it."""
    global _source
    if _source is None:
        faults = {name: number(name, None) for name in FAULTS if setting(name) is not None}
        name, scene = setting("camera", "sim"), setting("scene", "card")
        _source = _native.Source(name, scene, int(number("seed", 0)), faults)
    return _source
