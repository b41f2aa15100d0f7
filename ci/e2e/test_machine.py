"""What counts as an excuse, and what does not."""

import pytest

from machine import excused


@pytest.mark.parametrize("stretches, may", [
    ([(28.5, 0.05), (12.0, 0.3)], True),
    ([(28.5, 0.05), (28.5, 0.01)], False),  # a quiet stretch has none
    ([(5.0, 0.05), (5.2, 0.04)], False),    # so much is lost by no single oversleep
])
def test_machine_excuses_what_it_can_have_caused(stretches, may):
    assert excused(stretches) == may
