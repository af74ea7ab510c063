"""How a truth is written down: no digit that is not proved."""

from typing import Any

import numpy as np
import pytest
from flint import arb

from numcheck.reals.enclosures import enclosure
from numcheck.reals.precision import precision
from numcheck.runs.entry import decimal


@pytest.mark.parametrize(
    ("ball", "words"),
    [
        (arb(0), "0.0"),
        (arb(3), "3.0"),
        (arb(1) / 1024, "0.0009765625"),
        (arb(3.25, 1e-6), "3.25"),
        (arb(0.5, 0.5), "0.5 ± 0.5"),
        (arb(0, 1.0), "0.0 ± 1.0"),
        (arb(0, 3e-20), "0.0 ± 3.0e-20"),
        (arb(2) ** 5000, "1.4124670321394260368e+1505"),
    ],
)
def test_a_truth_shows_the_digits_that_are_proved_and_its_radius_where_those_are_fewer_than_two(
    ball: Any, words: str
) -> None:
    with precision(128):
        assert decimal(enclosure(np.array([ball], dtype=object)), 0) == words
