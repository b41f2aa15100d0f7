"""The fixture `eyelet_maix`: runs programs for MaixPy against simulated cameras."""

import pytest


@pytest.fixture
def eyelet_maix(tmp_path):
    """Starts programs: `eyelet_maix.run("program.py", scene="box", unplug_after=100)`."""
    from .program import Lab  # as late as here: a run without such tests does not load it

    lab = Lab(tmp_path / "eyelet_maix")
    yield lab
    lab.close()
