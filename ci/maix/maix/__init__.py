"""A stand-in for MaixPy, for tests of eyelet without a MaixCAM.

It has what eyelet uses, and what goes wrong with it on request: `EYELET_MAIX_FAIL`, see `_fail.py`. The pictures of
`Camera.read()` are the JPEG files of the folder `EYELET_MAIX_PICTURES`, by name, again and again. With `EYELET_MAIX_PORT` the
camera is that of a model of the board, on whose scaler its frames are: see `_port.py`.

It needs nothing of Python but what Debian's python3-minimal has.
"""

from ._fail import step

step("import")

from . import camera, image, sys  # noqa: E402 (a failing import fails first)
from .version import __version__  # noqa: E402

__all__ = ["camera", "image", "sys", "__version__"]
