"""MaixPy's modules for the desk: the same programs, with simulated cameras.

What a board has and a desk has not is missing; whoever uses it gets a NotImplementedError that lists what is here.
"""

from typing import TYPE_CHECKING

from . import _missing, err  # noqa: F401
from . import app, camera, display, http, image, time, touchscreen
from .version import __version__

__all__ = ["app", "camera", "display", "err", "http", "image", "time", "touchscreen", "__version__"]


_missing.Modules(__name__, __all__)

if not TYPE_CHECKING:

    def __getattr__(name):
        return _missing.attribute(__name__, name, __all__)
