"""Chooses the camera that programs for MaixPy see on a desk.

    import eyelet_sim
    eyelet_sim.configure(scene="box", unplug_after=100, unplug_for=2)

The same settings as environment variables: EYELET_SCENE=box EYELET_UNPLUG_AFTER=100 EYELET_UNPLUG_FOR=2.
"""

from typing import Tuple

__all__ = ["SCENES", "configure"]

#: What a simulated camera sees.
SCENES: Tuple[str, ...]


def __getattr__(name: str) -> object:
    # As late as here: pytest loads this package in every run, and a run that does not use it loads no more.
    if name != "SCENES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from maix import _native

    return tuple(_native.SCENES)


def configure(**settings) -> None:
    """Replaces all settings; those that are not given are the environment's, or the defaults.

    camera    `sim`, `replay:DIR` (the JPEG files of a folder), `v4l2` (the first webcam) or `/dev/videoN`
    scene     what `sim` sees: one of SCENES
    seed      for all that is random: the same seed gives the same run
    fps       frames a second, where the program leaves it open; 60, and 30 beyond 1280x720
    display   WIDTHxHEIGHT of the display; 552x368, a MaixCAM's

    And what goes wrong: drop_chance, corrupt_chance, truncate_chance, stall_chance and unplug_chance are 0 to 1 for each frame,
    stall_for and unplug_for are seconds (1 and 3), unplug_after is a number of frames.
    """
    from maix import _setup

    _setup.configure(settings)
