"""Derivatives of a formula over any arithmetic.

Arrays of reals remember their origin; `gradient` walks the origins backwards. The rules are written with the
operations of `arrays` themselves, so that a derivative is traced too and can be differentiated again.

Sources of the rules: elementary calculus; NIST DLMF 5.15.1 (digamma), 25.11.17 (Hurwitz zeta), 7.10 (the error
function), 10.6.1 and 10.29.1 (Bessel functions), 10.51.1 and 10.51.2 (spherical ones).
"""

import heapq
import itertools
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from numcheck.reals import arrays as m
from numcheck.reals.arithmetic import NO, UNDECIDED, YES, States
from numcheck.reals.arrays import Reals

Part = Reals | None
Rule = Callable[..., Part | tuple[Part, ...]]
"""The adjoints of an operation's operands, of the cotangent, the output, the operands and the parameters."""


def traced(x: Reals) -> Reals:
    """The same numbers as a variable to differentiate by."""
    return Reals(x.arithmetic, x.data, None, True, x.masked)


def gradient(output: Reals, cotangent: Reals, inputs: Sequence[Reals]) -> list[Reals | None]:
    """Derivative of `sum(cotangent * output)` by each of `inputs`; None where the output does not depend on one."""
    wanted = {x.serial for x in inputs}
    pending = {output.serial: (output, cotangent)}
    queue = [-output.serial]
    found: dict[int, Reals] = {}
    while queue:
        node, adjoint = pending.pop(-heapq.heappop(queue))
        if node.serial in wanted:
            found[node.serial] = adjoint
        if node.origin is None:
            continue
        operands = node.origin.operands
        parts = RULES[node.origin.operation](adjoint, node, *operands, *node.origin.parameters)
        for operand, part in zip(operands, parts if isinstance(parts, tuple) else (parts,), strict=True):
            if part is None or not operand.traced:
                continue
            part = unbroadcast(part, operand.shape)
            if operand.serial in pending:
                part = pending[operand.serial][1] + part
            else:
                heapq.heappush(queue, -operand.serial)
            pending[operand.serial] = operand, part
    return [found.get(x.serial) for x in inputs]


def unbroadcast(x: Reals, shape: tuple[int, ...]) -> Reals:
    """`x` summed over the axes along which an operand of `shape` was repeated."""
    if x.shape == shape:
        return x
    extra = x.ndim - len(shape)
    repeated = (i for i, size in enumerate(shape, extra) if size == 1 and x.shape[i] != 1)
    axes = (*range(extra), *repeated)
    return m.reshape(m.apply("sum", x, parameters=(axes,)), shape) if axes else m.reshape(x, shape)


def absent(like: Reals, shape: tuple[int, ...]) -> Reals:
    """Derivatives that do not exist because nothing was selected: they absorb every factor."""
    return Reals(like.arithmetic, like.arithmetic.absent((like.lanes, *shape)), masked=True)


def one_hot(like: Reals, hot: np.ndarray) -> Reals:
    """One where `hot`, absent elsewhere: the cotangent that picks components."""
    masked = not hot.all()  # plain arithmetic is quicker
    return Reals(like.arithmetic, like.arithmetic.hot(hot), masked=masked)


@dataclass(frozen=True, eq=False)
class Ties:
    """The ties that derivatives meet, and which of two that tie counts as the larger."""

    lanes: np.ndarray
    """Which lanes met one, decided or not: an interval is told there."""
    compared: dict[int, tuple[Reals, Reals, States]] = field(default_factory=dict)
    """What was compared, and where it was equal, by the serial of what came of it."""
    sides: Mapping[int, np.ndarray] = field(default_factory=dict)
    """By the same, 1 where the first counts as the larger and -1 where the second does; 0 leaves the interval."""


_TIES: list[Ties] = []
"""Those that are asked for now."""


@contextmanager
def ties(lanes: int, sides: Mapping[int, np.ndarray] | None = None) -> Generator[Ties]:
    """The ties that derivatives of so many lanes meet that are taken here, some of them decided by `sides`."""
    met = Ties(np.zeros(lanes, dtype=bool), sides=sides or {})
    _TIES.append(met)
    try:
        yield met
    finally:
        _TIES.pop()


def _side(out: Reals, x: Reals, y: Reals, tied: States) -> np.ndarray | None:
    """Which of two numbers counts as the larger where they tie, if that is decided."""
    for met in _TIES[-1:]:
        if x.arithmetic.some(tied == YES):
            met.compared[out.serial] = x, y, tied
            return met.sides.get(out.serial)
    return None


def _between(
    ct: Reals, smooth: Reals, tied: States, low: int, high: int, side: np.ndarray | None = None
) -> Reals:
    """`smooth`, but ct times the interval [low, high] at a tie, and what can be said where the tie is undecided.

    Of a tie that `side` decides it is ct times the one end or the other.
    """
    for state, known in ((YES, ct.arithmetic.interval), (UNDECIDED, ct.arithmetic.doubt)):
        here = tied == state
        if ct.arithmetic.some(here):
            for met in _TIES[-1:]:
                met.lanes[:] |= np.asarray(here).reshape(len(here), -1).any(axis=1)
            smooth = _chosen(here, ct * Reals(ct.arithmetic, known(low, high)), smooth)
    for sign, share in ((1, high), (-1, low)) if side is not None else ():
        end = ct * share if share else absent(ct, ct.shape)
        smooth = _chosen((tied == YES) & (side == sign), end, smooth)
    return smooth


def _chosen(condition: States, x: Reals, y: Reals) -> Reals:
    """x where the condition, which is decided everywhere, holds."""
    return m.apply("select", x, y, parameters=(condition * YES,))


def _select(ct: Reals, out: Reals, x: Reals, y: Reals, states: States) -> tuple[Reals, Reals]:
    nothing = absent(ct, ct.shape)
    left = _chosen(states == YES, ct, nothing)
    right = _chosen(states == NO, ct, nothing)
    undecided = (states == UNDECIDED) * UNDECIDED
    return _between(ct, left, undecided, 0, 1), _between(ct, right, undecided, 0, 1)


def _extremum(operation: str) -> Rule:
    # At a tie each side gets a share in [0, 1]: the interval between the one-sided derivatives.
    def rule(ct: Reals, out: Reals, x: Reals, y: Reals) -> tuple[Reals, Reals]:
        tied = m.compare("eq", x, y).states
        left, right = _select(ct, out, x, y, m.compare(operation, x, y).states)
        side = _side(out, x, y, tied)
        if side is None:
            return _between(ct, left, tied, 0, 1), _between(ct, right, tied, 0, 1)
        side = side if operation == "gt" else -side
        return _between(ct, left, tied, 0, 1, side), _between(ct, right, tied, 0, 1, -side)

    return rule


def _absolute(ct: Reals, out: Reals, x: Reals) -> Reals:
    signed = _chosen(m.compare("gt", x, 0).states == YES, ct, -ct)
    tied = m.compare("eq", x, 0).states
    return _between(ct, signed, tied, -1, 1, _side(out, x, m.zeros_like(x), tied))


def _kept(reduced: Reals, x: Reals, axes: tuple[int, ...]) -> Reals:
    """What is left of x after a reduction, with axes of length 1 for those that it took."""
    return m.reshape(reduced, tuple(1 if i in axes else size for i, size in enumerate(x.shape)))


def _norm(ct: Reals, out: Reals, x: Reals, axes: tuple[int, ...]) -> Reals:
    ct, length = _kept(ct, x, axes), _kept(out, x, axes)
    tied = m.compare("eq", length, 0).states
    tied = ct.arithmetic.broadcast(tied, (tied.shape[0], *x.shape))
    return _between(m.broadcast(ct, x.shape), ct * (x / length), tied, -1, 1)


def _concatenate(ct: Reals, out: Reals, *parts: Any) -> tuple[Reals, ...]:
    *operands, axis = parts
    stops = itertools.accumulate(x.shape[axis] for x in operands)
    places = (slice(stop - x.shape[axis], stop) for x, stop in zip(operands, stops, strict=True))
    return tuple(m.index(ct, (slice(None),) * axis + (place,)) for place in places)


def _permute(ct: Reals, out: Reals, x: Reals, order: Any, axis: int) -> Reals:
    return m.apply("permute", ct, parameters=(order.argsort(-1), axis))


def _sort(ct: Reals, out: Reals, x: Reals, order: Any, undecided: States) -> Reals:
    # Equal elements may stand in any order: each takes all between its own cotangent and those of its equals.
    size = out.shape[-1]
    if ct.arithmetic.some(m.compare("eq", out[..., 1:], out[..., :-1]).states != NO):
        given = [ct[..., i] for i in range(size)]
        taken = list(given)
        for i, j in itertools.permutations(range(size), 2):
            tied = m.compare("eq", out[..., i], out[..., j]).states
            moved = given[j] - given[i]
            taken[i] = taken[i] + _between(moved, absent(moved, moved.shape), tied, 0, 1)
        ct = m.stack(taken, -1)
    return _permute(ct, out, x, order, x.ndim - 1)


def _pi(x: Reals) -> Reals:
    return m.apply("times_pi", m.as_reals(1, x.arithmetic))


def _inverse(x: Reals) -> Reals:
    """1 / x, with plus infinity at 0: for an x that is never negative, the slope of a root."""
    return m.apply("inverse", x)


def _slope_of_power(out: Reals, x: Reals, y: Reals) -> Reals:
    """By the exponent: x**y * log(x), and 0 for the powers of zero, which are all zero."""
    nothing = m.compare("eq", x, 0) & m.compare("gt", y, 0)
    slope = out * m.logarithm(x)
    if not x.arithmetic.some(nothing.states == YES):
        return slope
    shape = np.broadcast_shapes(nothing.states.shape[1:], slope.shape)
    return _chosen(nothing.states == YES, m.zeros_like(m.broadcast(slope, shape)), m.broadcast(slope, shape))


def _stepwise(jump: Callable[[Reals, Reals], m.Decision]) -> Rule:
    """Constant between its jumps, whatever is made of it; at a jump there is no slope."""

    def rule(ct: Reals, out: Reals, x: Reals) -> Reals:
        return m.apply("select", ct / 0, absent(ct, ct.shape), parameters=(jump(x, out).states,))

    return rule


def _erf_run_back(y: Reals) -> Reals:
    """One over the slope of erf at y."""
    return m.apply("sqrt", _pi(y)) / 2 * m.apply("exp", y * y)


def _cylinder(name: str, sign: int) -> Callable[..., Reals]:
    """Half of the neighbour of one order less, plus or minus half of that of one order more."""

    def rule(ct: Reals, out: Reals, x: Reals, n: int) -> Reals:
        lower, upper = (m.apply(name, x, parameters=(n + by,)) for by in (-1, 1))
        return ct * ((lower + sign * upper) / 2)

    return rule


def _spherical(ct: Reals, out: Reals, x: Reals, n: int) -> Reals:
    upper = (n + 1) * m.apply("spherical_j", x, parameters=(n + 1,))
    rest = n * m.apply("spherical_j", x, parameters=(n - 1,)) - upper if n else -upper
    return ct * (rest / (2 * n + 1))


def _zeta(s: m.Operand, x: Reals, k: int) -> Reals:
    """The kth derivative by s of Hurwitz's zeta function."""
    return m.apply("zeta", s, x, parameters=(k,))


def _zeta_rule(ct: Reals, out: Reals, s: Reals, x: Reals, k: int) -> tuple[Part, Part]:
    by_x = s * _zeta(s + 1, x, k) + (k * _zeta(s + 1, x, k - 1) if k else 0) if x.traced else None
    return ct * _zeta(s, x, k + 1) if s.traced else None, None if by_x is None else -(ct * by_x)


def _scatter(ct: Reals, out: Reals, x: Reals, key: Any) -> Reals:
    scattered = m.apply("scatter", ct, parameters=(key, x.shape))
    scattered.masked = True  # what was not selected is absent
    return scattered


RULES: dict[str, Rule] = {
    "add": lambda ct, out, x, y: (ct, ct),
    "sub": lambda ct, out, x, y: (ct, -ct if y.traced else None),
    "mul": lambda ct, out, x, y: (ct * y if x.traced else None, ct * x if y.traced else None),
    "div": lambda ct, out, x, y: (ct / y if x.traced else None, -(ct * (out / y)) if y.traced else None),
    "neg": lambda ct, out, x: -ct,
    "power": lambda ct, out, x, n: ct * (n * x ** (n - 1)) if n else None,
    "pow": lambda ct, out, x, y: (
        ct * (y * x ** (y - 1)),
        ct * _slope_of_power(out, x, y) if y.traced else None,
    ),
    "exp": lambda ct, out, x: ct * out,
    "expm1": lambda ct, out, x: ct * m.apply("exp", x),
    "log": lambda ct, out, x: ct / x,
    "log1p": lambda ct, out, x: ct / (1 + x),
    "sqrt": lambda ct, out, x: ct * _inverse(2 * out),
    "cbrt": lambda ct, out, x: ct * _inverse(3 * (out * out)),
    "rsqrt": lambda ct, out, x: -(ct * (out / (2 * x))),
    "inverse": lambda ct, out, x: -(ct * (out * out)),
    "sin": lambda ct, out, x: ct * m.apply("cos", x),
    "cos": lambda ct, out, x: -(ct * m.apply("sin", x)),
    "asin": lambda ct, out, x: ct * m.apply("rsqrt", 1 - x * x),
    "acos": lambda ct, out, x: -(ct * m.apply("rsqrt", 1 - x * x)),
    "atan": lambda ct, out, x: ct / (1 + x * x),
    "atan2": lambda ct, out, y, x: (ct * (x / (x * x + y * y)), -(ct * (y / (x * x + y * y)))),
    "sinh": lambda ct, out, x: ct * m.apply("cosh", x),
    "cosh": lambda ct, out, x: ct * m.apply("sinh", x),
    "tanh": lambda ct, out, x: ct / m.apply("cosh", x) ** 2,
    "asinh": lambda ct, out, x: ct / m.apply("sqrt", 1 + x * x),
    "acosh": lambda ct, out, x: ct * m.apply("rsqrt", x * x - 1),
    "atanh": lambda ct, out, x: ct / (1 - x * x),
    "erf": lambda ct, out, x: ct * (2 * m.apply("exp", -x * x) / m.apply("sqrt", _pi(x))),
    "erfc": lambda ct, out, x: -(ct * (2 * m.apply("exp", -x * x) / m.apply("sqrt", _pi(x)))),
    "erfcx": lambda ct, out, x: ct * (2 * (x * out) - 2 / m.apply("sqrt", _pi(x))),
    "erfinv": lambda ct, out, x: ct * _erf_run_back(out),
    "erfcinv": lambda ct, out, x: -(ct * _erf_run_back(out)),
    "entr": lambda ct, out, x: -(ct * (m.apply("log", x) + 1)),
    "gamma": lambda ct, out, x: ct * (out * m.apply("digamma", x)),
    "lgamma": lambda ct, out, x: ct * m.apply("digamma", x),
    "digamma": lambda ct, out, x: ct * _zeta(2, x, 0),
    "zeta": _zeta_rule,
    "bessel_i": _cylinder("bessel_i", 1),
    "bessel_j": _cylinder("bessel_j", -1),
    "bessel_y": _cylinder("bessel_y", -1),
    "bessel_ie": lambda ct, out, x, n: _cylinder("bessel_ie", 1)(ct, out, x, n) - _absolute(ct * out, out, x),
    "spherical_j": _spherical,
    "times_pi": lambda ct, out, x: ct * _pi(x),
    "floor": _stepwise(lambda x, out: m.equal(x, out)),
    "ceil": _stepwise(lambda x, out: m.equal(x, out)),
    "trunc": _stepwise(lambda x, out: m.equal(x, out) & ~m.equal(out, 0)),
    # what is as large as its successor is an infinity, at which the others have no slope either
    "round": _stepwise(lambda x, out: m.equal(abs(x - out), Fraction(1, 2)) | m.equal(x, x + 1)),
    "abs": _absolute,
    "maximum": _extremum("gt"),
    "minimum": _extremum("lt"),
    "select": _select,
    "pin": lambda ct, out, x, found: (ct, None),
    "sum": lambda ct, out, x, axes: m.broadcast(_kept(ct, x, axes), x.shape),
    "norm": _norm,
    "index": _scatter,
    "scatter": lambda ct, out, x, key, shape: m.index(ct, key),
    "reshape": lambda ct, out, x, shape: m.reshape(ct, x.shape),
    "transpose": lambda ct, out, x: m.transpose(ct),
    "broadcast": lambda ct, out, x, shape: ct,  # unbroadcast sums the repeats
    "concatenate": _concatenate,
    "permute": _permute,
    "sort": _sort,
}
