"""How large one error is by the definitions of an ulp that others use; `docs/ulp.md` tells each exactly.

All of it is rational arithmetic on the middle of the truth: the definitions differ by factors, not by last digits.
"""

import math
from collections.abc import Callable
from fractions import Fraction

from numcheck.formats import Format
from numcheck.reals.enclosures import Enclosure

FURTHEST = 4000
"""Of a truth with a greater power of two, or a smaller one, only our error is told."""
ALIKE = 1e-3
"""Errors that are apart by less, as a part of ours, are told as one."""


def _power(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def _exponent(x: Fraction) -> int:
    """The greatest e with 2**e <= abs(x), which is not zero."""
    found = abs(x.numerator).bit_length() - x.denominator.bit_length()
    return found if abs(x) >= _power(found) else found - 1


def _binade(x: Fraction, format: Format) -> int:
    """The exponent that numbers of the format have where x lies, which is the least one around zero."""
    return max(_exponent(x), format.min_exponent) if x else format.min_exponent


def ours(got: float, truth: Fraction, format: Format) -> Fraction | None:
    """By the spacing of the format's binade at the truth, floored at the least and capped at the greatest spacing."""
    number = _placed(got, truth, format)
    return None if number is None else abs(number - truth) / _spacing(truth, format)


def _spacing(truth: Fraction, format: Format) -> Fraction:
    return _power(min(_binade(truth, format), format.max_exponent) - format.precision + 1)


def _placed(got: float, truth: Fraction, format: Format) -> Fraction | None:
    """A result as a number: an infinity beside a truth in the last binade is the power of two after it."""
    if math.isfinite(got):
        return Fraction(got)
    beside = abs(truth) >= _power(format.max_exponent) and (got > 0) == (truth > 0)
    return Fraction(int(math.copysign(1, got))) * _power(format.max_exponent + 1) if beside else None


def jax(got: float, truth: Fraction, format: Format) -> Fraction | None:
    """Ours, but that a truth which rounds to an infinity is the power of two after the largest number, too."""
    number = _placed(got, truth, format)
    beyond = abs(truth) >= Fraction(format.largest) + _power(format.max_exponent - format.precision)
    if number is None:
        return None
    placed = _power(format.max_exponent + 1) * (1 if truth > 0 else -1) if beyond else truth
    return abs(number - placed) / _spacing(truth, format)


def jax_flushed(got: float, truth: Fraction, format: Format) -> Fraction | None:
    """JAX's where results are flushed: all between the least normal numbers is zero, one ulp from either of them."""
    least = _power(format.min_exponent)
    gap = least - _power(format.min_exponent - format.precision + 1)

    def contracted(x: Fraction) -> Fraction:
        return max(abs(x) - gap, Fraction(0)) * (1 if x > 0 else -1)

    number = _placed(got, truth, format)
    if number is None or math.isinf(got) or abs(truth) >= _power(format.max_exponent):
        return jax(got, truth, format)
    if abs(number) < least and abs(truth) < least:
        return Fraction(0)
    return abs(contracted(number) - contracted(truth)) / _spacing(truth, format)


def goldberg(got: float, truth: Fraction, format: Format) -> Fraction | None:
    """By the last place of the result, whatever the truth is."""
    if not math.isfinite(got):
        return None
    number = Fraction(got)
    return abs(number - truth) / _power(_binade(number, format) - format.precision + 1)


def kahan(got: float, truth: Fraction, format: Format) -> Fraction | None:
    """By the gap between the two numbers of the format that are nearest to the truth, be it one of them."""
    if not math.isfinite(got):
        return None
    step = _spacing(truth, format)
    below = abs(truth) // step * step
    # next above a power of two the number below it is nearer than the next one above
    exponent = _binade(below, format)
    power = below == _power(exponent) and format.min_exponent < exponent <= format.max_exponent
    halved = power and abs(truth) - below < step / 4
    return abs(Fraction(got) - truth) / (step / 2 if halved else step)


def harrison(got: float, truth: Fraction, format: Format) -> Fraction | None:
    """By the distance of the closest two numbers between which the truth lies, if exponents had no end."""
    if not math.isfinite(got) or not truth:
        return None
    exponent = _exponent(truth)
    exponent -= abs(truth) == _power(exponent)
    return abs(Fraction(got) - truth) / _power(exponent - format.precision + 1)


DEFINITIONS: dict[str, Callable[[float, Fraction, Format], Fraction | None]] = {
    "numcheck": ours,
    "jax": jax,
    "jax_ftz": jax_flushed,
    "goldberg": goldberg,
    "kahan": kahan,
    "harrison": harrison,
}
"""Each definition by its name in a row; None of a result of which it says nothing."""


def by_definition(got: float, truth: Enclosure, format: Format) -> dict[str, float]:
    """The error of a result by each definition that differs from ours, and ours; nothing where none does.

    The truth is one number. Where it is infinite or undefined, or the result is NaN, there is nothing to tell.
    """
    high, exponent = float(truth.high[0]), int(truth.exponent[0])
    if math.isnan(got) or not math.isfinite(high) or abs(exponent) > FURTHEST:
        return {}
    exact = (Fraction(high) + Fraction(float(truth.low[0]))) * _power(exponent)
    found = {name: told(got, exact, format) for name, told in DEFINITIONS.items()}
    own = found["numcheck"]
    if own is None:
        return {}
    apart = {
        name: error
        for name, error in found.items()
        if error is not None and abs(error - own) > Fraction(ALIKE) * own
    }
    return {name: _double(error) for name, error in ({"numcheck": own} | apart).items()} if apart else {}


def _double(error: Fraction) -> float:
    """The error as a double; by the last place of a zero an error may be too large for one."""
    try:
        return float(error)
    except OverflowError:
        return math.inf
