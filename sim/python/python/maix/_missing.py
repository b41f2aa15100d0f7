"""What is missing says so, and what is here instead.

A module that is missing is an ImportError too, and a method an AttributeError: programs that can do without find out as usual.
"""

import sys
from typing import TYPE_CHECKING


class MissingName(NotImplementedError, ImportError):
    """A module, or a name of a module, that is not here."""


class MissingMember(NotImplementedError, AttributeError):
    """A method that is not here."""


def _text(owner, name, here):
    return f"{owner} has no {name} here; it has {', '.join(sorted(known for known in here if not known.startswith('_')))}"


def attribute(owner, name, here):
    """Raises what the access to the name of a module deserves."""
    if name.startswith("_"):
        raise AttributeError(f"module {owner!r} has no attribute {name!r}")
    raise MissingName(_text(owner, name, here))


class Modules:
    """The last to be asked for a module: whoever imports one of `package` that is missing sees those that are here."""

    def __init__(self, package, here):
        self._package, self._here = package, here
        sys.meta_path.append(self)

    def find_spec(self, name, path=None, target=None):
        package, _, module = name.partition(".")
        if package == self._package and not module.startswith("_"):
            attribute(package, module, self._here)
        return None


class Listed:
    """A class whose unknown methods raise NotImplementedError."""

    # Type checkers know what there is.
    if not TYPE_CHECKING:

        def __getattr__(self, name):
            # Not for copy, pickle and numpy, which ask for names that may be missing.
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise MissingMember(_text(type(self).__name__, name, dir(type(self))))
