"""What a formula promises of itself, its known values and its laws, held against its truth before it judges.

Arb decides: balls are made narrower until each digit and each law is proved or disproved. mpmath has to agree with the
values, for a wrong arithmetic could prove a wrong formula right.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, fmpq

from numcheck.declaration.formulas import Formula, Known, Law
from numcheck.declaration.mistakes import mistake
from numcheck.declaration.words import UsageError
from numcheck.domain import Points, discrete
from numcheck.formats import FORMATS, format_of
from numcheck.reals.arb import ARB, INF, is_infinite, is_undefined
from numcheck.reals.arithmetic import NO, UNDECIDED, YES, BeyondError
from numcheck.reals.arrays import VariesError, as_reals
from numcheck.reals.enclosures import ContradictionError
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.precision import precision, precisions
from numcheck.truth.batches import describe, groups, lifted

POINTS = 8
"""Points of each size at which a law is looked at in every run; the tests of a formula may take more."""
ENOUGH = 1024
"""Bits at which a law that is neither proved nor disproved is left open: that it is false is what would be told."""
CLOSE = 2.0**-60
"""What a narrow ball is open, beside its size."""
NOTHING = arb((1, -400))
"""What is no farther from zero is zero to a law."""
EXACT = FORMATS[0]
"""The format in which arguments of known values are read."""


class PromiseError(UsageError):
    """A known value or a law is not true of the formula that states it."""


def expect_promises(formula: Formula) -> None:
    """PromiseError, in one line with the declared and the true value, where a known value or a law is false.

    A formula whose promises have been kept is not asked again. Raises ContradictionError where Arb and mpmath differ.
    """
    _expect_kept(formula, tuple(formula.laws.values()))


@functools.cache
def _expect_kept(formula: Formula, laws: tuple[Law, ...]) -> None:
    for known in formula.known:
        _expect_in_domain(formula, known.arguments)
        _expect_known(formula, known)
    for law in laws:
        parts = ((points, rows) for points in _law_points(formula) for rows in groups(formula, points))
        says = [_expect_law(formula, law, points.select(rows)) for points, rows in parts]
        if not any(says):
            raise PromiseError(
                f"{formula.name}: its law {law.name} promises nothing: a side of it has no value at any point of the "
                "domains"
            )


# Known values -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Digits:
    """Numbers that a decimal text stands for: those that it is the rounding of, or of which it has the first digits.

    Of an infinity both ends are that.
    """

    low: Fraction | float
    high: Fraction | float

    def hold(self, ball: Any) -> int:
        """Whether the number that a ball encloses is one of them."""
        if is_infinite(ball):
            return YES if self.low == (INF if ball > 0 else -INF) else NO
        if not ball.is_finite():
            return NO if is_undefined(ball) else UNDECIDED
        if isinstance(self.low, float) or isinstance(self.high, float):
            return NO
        low, high = (arb(fmpq(end.numerator, end.denominator)) for end in (self.low, self.high))
        if ball < low or ball > high:
            return NO
        if ball >= low and ball <= high:
            return YES
        size = abs(ball) if self.low == self.high else high - low
        return (
            YES if ball.rad() <= CLOSE * size.upper() else UNDECIDED
        )  # at an end of them no precision decides


def digits(text: str) -> Digits:
    """What a decimal text stands for. An integer without a point is exact. Raises ValueError for what is no number."""
    if text.strip() in ("inf", "-inf"):
        return Digits(float(text), float(text))
    number = Fraction(text.strip())
    mantissa, _, exponent = text.strip().lower().partition("e")
    _, point, decimals = mantissa.partition(".")
    if not (point or exponent):
        return Digits(number, number)
    unit = Fraction(10) ** (int(exponent or 0) - len(decimals))
    if number == 0:
        return Digits(-unit, unit)
    away = unit if number > 0 else -unit
    low, high = sorted((number - away / 2, number + away))
    return Digits(low, high)


def known_texts(formula: Formula, arguments: tuple[Any, ...], count: int = 30) -> list[str]:
    """The formula's numbers there, each to `count` right digits, fewer where those are all; PromiseError for none."""
    point = formula.at(arguments, EXACT)
    for bits in precisions():
        with precision(bits):
            balls = _balls(formula, point)
            if any(map(is_undefined, balls)):
                break
            texts = [_text(ball, count) for ball in balls]
        if None not in texts:
            return [text for text in texts if text is not None]
    raise PromiseError(f"{formula.name} has no value, or none that can be proved, at {describe(point)}")


def _text(ball: Any, count: int) -> str | None:
    """The ball in as many decimal digits; None where they are not proved, or the formula has no value."""
    if is_infinite(ball):
        return "inf" if ball > 0 else "-inf"
    if not ball.is_finite():
        return None
    if ball.is_exact() and ball.is_integer():
        return str(ball.fmpz())
    text = str(ball.str(count, radius=False))
    if ball.is_exact():
        return text if "e" in text else text.rstrip("0")
    proved = text.partition("e")[0].strip("-").replace(".", "").lstrip("0")
    return text if len(proved) >= count else None


def _expect_in_domain(formula: Formula, arguments: tuple[Any, ...]) -> None:
    """PromiseError where real inputs or labels lie outside; a rate or a curve may be known of that is never drawn."""
    choices = discrete(formula.inputs)
    drawn = tuple(
        argument
        if name not in choices or isinstance(argument, int | str | None)
        else choices[name].choices(None)[0]
        for name, argument in zip(formula.inputs, arguments, strict=True)
    )
    if not formula.holds(drawn, formula.at(drawn, EXACT), EXACT):
        raise PromiseError(
            f"{formula.name}: its known value at {arguments} lies outside of the inputs' domains: widen those, or take "
            "another"
        )


def _expect_known(formula: Formula, known: Known) -> None:
    written = known.value.split(",")
    try:
        stated = [digits(text) for text in written]
    except ValueError:
        raise PromiseError(
            f"{formula.name}: the known value {known.value!r} is no decimal number: write "
            f"{_correct(formula, known, len(written))}"
        ) from None
    point = formula.at(known.arguments, EXACT)
    for bits in precisions():
        with precision(bits):
            balls = _balls(formula, point)
            if len(stated) > len(balls):
                raise PromiseError(
                    f"{formula.name}: a known value at {known.arguments} has {len(stated)} numbers, "
                    f"the formula {len(balls)}"
                )
            kept = [one.hold(ball) for one, ball in zip(stated, balls, strict=False)]
        if NO in kept:
            raise PromiseError(
                f"{formula.name}: its known value at {known.arguments} is declared as {known.value}, but the formula "
                f"gives {_correct(formula, known, len(written))}"
            )
        if UNDECIDED not in kept:
            return _expect_same(formula, point, balls[: len(stated)], bits)
    raise PromiseError(
        f"{formula.name}: its known value at {known.arguments} cannot be proved at any precision: take another point"
    )


def _correct(formula: Formula, known: Known, count: int) -> str:
    """What should be written in place of a known value."""
    try:
        return ",".join(known_texts(formula, known.arguments)[:count])
    except PromiseError:
        return "no value there"


def _balls(formula: Formula, point: Points) -> list[Any]:
    return list(as_reals(formula(*lifted(formula, point, ARB, False).values()), ARB).data.flat)


def _expect_same(formula: Formula, point: Points, balls: Sequence[Any], bits: int) -> None:
    """ContradictionError where mpmath, at more and more bits, is not beside what Arb has enclosed."""
    for more in (bits, 4 * bits, 16 * bits):
        with precision(more):
            try:
                theirs = as_reals(formula(*lifted(formula, point, MP, False).values()), MP).data.flat
            except BeyondError:  # mpmath would take longer than its opinion is worth
                return
            apart = [(x, ball) for x, ball in zip(theirs, balls, strict=False) if not _beside(x, ball)]
        if not apart:
            return
    number, ball = apart[0]
    raise ContradictionError(
        f"{formula.name}: Arb proves {ball.str(20, radius=False)}, but mpmath has "
        f"{CONTEXT.nstr(number, 20)} at {describe(point)}"
    )


def _beside(number: Any, ball: Any) -> bool:
    """Whether a number of mpmath's is one that a ball holds, or nearly; of an infinity, that itself."""
    if is_infinite(ball):
        return bool(number == (INF if ball > 0 else -INF))
    if not CONTEXT.isfinite(number):
        return False
    mantissa, exponent = CONTEXT.mpf(number).man_exp
    exact = arb((int(CONTEXT.sign(number)) * int(mantissa), int(exponent)))
    return bool(abs(exact - ball.mid()) <= ball.rad() + CLOSE * abs(ball).upper())


# Laws -------------------------------------------------------------------------------------------------------------


def _law_points(formula: Formula) -> Iterator[Points]:
    """A few points of each size, spread over what is drawn in the widest format that a check takes by default."""
    for points in formula.points(format_of("float32"), 16 * POINTS, 0):
        yield points.select(points.spread(POINTS))


def _expect_law(formula: Formula, law: Law, points: Points) -> bool:
    """PromiseError where a law is false at some points; whether both of its sides have a value at any of them."""
    says = False
    for bits in precisions():
        with precision(bits):
            try:
                equal, tight, told = law_holds(formula, law, points)
            except VariesError as error:  # the law or the formula branches on two choices together
                if len(points) == 1:
                    raise mistake(f"law {law.name}", law.function, error) from error
                alone = [_expect_law(formula, law, points.select([row])) for row in range(len(points))]
                return any(alone)
        if not equal.all():
            raise PromiseError(f"{formula.name}: {_broken(formula, law, points.select(~equal), bits)}")
        says = says or bool(told.any())
        points = points.select(~tight)
        if not len(points) or bits >= ENOUGH:
            break
    return says


def law_holds(formula: Formula, law: Law, points: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At which points both sides of a law may be equal, and where they are enclosed so closely that this says much.

    And where it says anything: where both sides have a value, in one element at least.
    """
    left, right = _sides(formula, law, points)
    shape = np.broadcast_shapes(left.shape, right.shape)
    pairs = zip(np.broadcast_to(left, shape).flat, np.broadcast_to(right, shape).flat, strict=True)
    equal, tight, told = np.ones(shape, dtype=bool), np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for k, (a, b) in enumerate(pairs):
        if is_undefined(a) or is_undefined(b):
            continue  # outside of what the formula defines
        told.flat[k] = True
        equal.flat[k] = a.overlaps(b)
        open_, size = a.rad() + b.rad(), abs(a).upper() + abs(b).upper()
        tight.flat[k] = open_.is_finite() and bool(open_ <= CLOSE * size + NOTHING)
    # sides that hang on no input are those of one point
    of_points = (part.reshape(shape[0], -1).all(1) for part in (equal, tight))
    equal, tight = (np.broadcast_to(part, (len(points),)) for part in of_points)
    return equal, tight, told


def _sides(formula: Formula, law: Law, points: Points) -> tuple[np.ndarray, np.ndarray]:
    sides = law(formula, *lifted(formula, points, ARB, False).values())
    left, right = (as_reals(side, ARB).data for side in sides)
    return left, right


def _broken(formula: Formula, law: Law, points: Points, bits: int) -> str:
    """What is false of a law at the first of some points."""
    with precision(bits):
        pairs = np.broadcast(*_sides(formula, law, points))
        left, right = next(
            [a.str(20, radius=False), b.str(20, radius=False)] for a, b in pairs if not a.overlaps(b)
        )
    doc = " ".join(law.doc.split())
    return f"its law {law.name} ({doc}) is false: {left} is not {right} at {describe(points)}"
