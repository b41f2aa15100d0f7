"""The code of the README runs."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_readme_s_test_passes_on_its_program(pytester):
    blocks = dict(re.findall(r"^```python (\S+)\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE))
    assert set(blocks) == {"program.py", "test_program.py"}
    for name, text in blocks.items():
        (pytester.path / name).write_text(text)
    pytester.runpytest_subprocess("-q", "test_program.py").assert_outcomes(passed=2)


def test_readme_lists_every_setting_and_scene():
    import eyelet_sim
    from maix import _setup

    text = README.read_text()
    missing = [name for name in _setup.NAMES if f"`EYELET_{name.upper()}`" not in text]
    assert not missing + [scene for scene in eyelet_sim.SCENES if f"`{scene}`" not in text]
