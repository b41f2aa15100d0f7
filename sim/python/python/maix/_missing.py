"""What is missing says so, and what is here instead."""


def attribute(owner, name, here):
    """Raises what the access to `owner.name` deserves."""
    if name.startswith("_"):
        raise AttributeError(f"module {owner!r} has no attribute {name!r}")
    raise NotImplementedError(f"{owner} has no {name} here; it has {', '.join(sorted(here))}")


class Listed:
    """A class whose unknown methods raise NotImplementedError."""

    def __getattr__(self, name):
        # Not for copy, pickle and numpy, which ask for names that may be missing.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        here = (known for known in dir(type(self)) if not known.startswith("_"))
        attribute(type(self).__name__, name, here)
