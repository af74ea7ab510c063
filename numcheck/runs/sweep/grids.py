"""The points at which a function of the table is measured: every number of a format, or a grid of pairs.

Of one number all encodings are tried. Of two they would be too many beyond 8 bits, so the pairs are of a grid: all
numbers that 8-bit formats have, in the wider format, so that its rows hold all pairs of those; places at which code
breaks, at the format's ends and around the page's own marks; powers of two with their neighbours, which meet each other
a unit apart; and evenly spaced ordinals between.
"""

import torch

from numcheck.declaration.formulas import Formula
from numcheck.domain import Space, continuous, real, space_of
from numcheck.formats import FORMATS, Format
from numcheck.measure import plain

EVENLY = 64
"""Evenly spaced ordinals of the format in a grid of pairs."""


def space_of_function(formula: Formula, format: Format) -> Space:
    """Every number of the format, infinities and both zeros included; of two numbers the pairs of a grid."""
    inputs = dict.fromkeys(formula.inputs, real(-torch.inf, torch.inf))
    if len(inputs) == 1:
        return space_of(inputs, format)
    listed = {
        name: tuple(sorted(marks_of(format, getattr(domain, "near", ()))))
        for name, domain in continuous(formula.inputs).items()
    }
    return Space(inputs, format, listed)


def marks_of(format: Format, near: tuple[float, ...]) -> set[int]:
    """The ordinals of one side of a grid of pairs.

    Where no float64 ball tells the truth, and every pair costs some microseconds, there are fewer of them.
    """
    inside = real(-torch.inf, torch.inf, near)
    quick = plain.applies(format)
    marks = set(inside.interval(format).grid(EVENLY if quick else 2))
    for narrow in FORMATS:
        if narrow.bits > 8 or not narrow.has_negative_zero:  # those of the OCP specification
            continue
        finite = range(narrow.ordinal_of(-narrow.largest), narrow.ordinal_of(narrow.largest) + 1)
        numbers = [narrow.value_of(ordinal) for ordinal in finite]
        marks |= {format.ordinal_of(x) for x in numbers if quick or _is_power(x)}
        powers = [format.ordinal_of(x) for x in numbers if x and _is_power(x)]
        marks |= {place + step for place in powers if quick for step in (-1, 1)}
    return marks


def _is_power(x: float) -> bool:
    """Whether a number is zero, or a power of two but for its sign."""
    return x == 0 or abs(x).hex().startswith("0x1.0000000000000p")
