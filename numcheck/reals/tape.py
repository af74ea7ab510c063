"""Derivatives of a formula over any arithmetic.

Arrays of reals remember their origin; `gradient` walks the origins backwards. The rules are written with the
operations of `arrays` themselves, so that a derivative is traced too and can be differentiated again.

Sources of the rules: elementary calculus; digamma and Hurwitz zeta: NIST DLMF 5.15.1 and 25.11.17.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from numcheck.reals import arrays as m
from numcheck.reals.arithmetic import NO, UNDECIDED, YES, States
from numcheck.reals.arrays import Origin, Reals

Rule = Callable[[Reals, Reals, Origin], tuple[Reals | None, ...]]


def traced(x: Reals) -> Reals:
    """The same numbers as a variable to differentiate by."""
    return Reals(x.arithmetic, x.data, None, True, x.masked)


def gradient(output: Reals, cotangent: Reals, inputs: Sequence[Reals]) -> list[Reals | None]:
    """Derivative of `sum(cotangent * output)` by each of `inputs`; None where the output does not depend on one."""
    wanted = {x.serial for x in inputs}
    adjoints: dict[int, Reals] = {output.serial: cotangent}
    pending = {output.serial: output}
    queue = [-output.serial]
    found: dict[int, Reals] = {}
    while queue:
        serial = -heapq.heappop(queue)
        node = pending.pop(serial)
        adjoint = adjoints.pop(serial)
        if serial in wanted:
            found[serial] = adjoint
        if node.origin is None:
            continue
        for operand, part in zip(
            node.origin.operands, RULES[node.origin.operation](adjoint, node, node.origin), strict=True
        ):
            if part is None or not operand.traced:
                continue
            part = unbroadcast(part, operand.shape)
            if operand.serial in adjoints:
                adjoints[operand.serial] = adjoints[operand.serial] + part
            else:
                adjoints[operand.serial] = part
                pending[operand.serial] = operand
                heapq.heappush(queue, -operand.serial)
    return [found.get(x.serial) for x in inputs]


def unbroadcast(x: Reals, shape: tuple[int, ...]) -> Reals:
    """`x` summed over the axes along which an operand of `shape` was repeated."""
    if x.shape == shape:
        return x
    extra = x.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + i for i, size in enumerate(shape) if size == 1 and x.shape[extra + i] != 1
    )
    return m.reshape(m.apply("sum", x, parameters=(axes,)), shape) if axes else m.reshape(x, shape)


def absent(like: Reals, shape: tuple[int, ...]) -> Reals:
    """Derivatives that do not exist because nothing was selected: they absorb every factor."""
    return Reals(like.arithmetic, like.arithmetic.absent((like.lanes, *shape)), masked=True)


def one_hot(like: Reals, hot: np.ndarray) -> Reals:
    """One where `hot`, absent elsewhere: the cotangent that picks components."""
    return Reals(
        like.arithmetic, like.arithmetic.hot(hot), masked=not hot.all()
    )  # plain arithmetic is quicker


def _between(ct: Reals, smooth: Reals, tied: States, low: int, high: int) -> Reals:
    """`smooth`, but ct times the interval [low, high] at a tie, and what can be said where the tie is undecided."""
    for state, known in ((YES, ct.arithmetic.interval), (UNDECIDED, ct.arithmetic.doubt)):
        here = tied == state
        if ct.arithmetic.some(here):
            slope = Reals(ct.arithmetic, known(low, high))
            smooth = _chosen(here, ct * slope, smooth)
    return smooth


def _chosen(condition: States, x: Reals, y: Reals) -> Reals:
    """x where the condition, which is decided everywhere, holds."""
    return m.apply("select", x, y, parameters=(x.arithmetic.where(condition, YES, NO),))


def _select(states: States, ct: Reals) -> tuple[Reals, Reals]:
    nothing = absent(ct, ct.shape)
    left = _chosen(states == YES, ct, nothing)
    right = _chosen(states == NO, ct, nothing)
    undecided = ct.arithmetic.where(states == UNDECIDED, UNDECIDED, NO)
    return _between(ct, left, undecided, 0, 1), _between(ct, right, undecided, 0, 1)


def _extremum(ct: Reals, origin: Origin, operation: str) -> tuple[Reals, Reals]:
    # At a tie each side gets a share in [0, 1]: the interval between the one-sided derivatives.
    x, y = origin.operands
    tied = m.compare("eq", x, y).states
    left, right = _select(m.compare(operation, x, y).states, ct)
    return _between(ct, left, tied, 0, 1), _between(ct, right, tied, 0, 1)


def _absolute(ct: Reals, x: Reals) -> Reals:
    positive = m.compare("gt", x, 0).states
    signed = _chosen(positive == YES, ct, -ct)
    return _between(ct, signed, m.compare("eq", x, 0).states, -1, 1)


def _norm(ct: Reals, out: Reals, origin: Origin) -> Reals:
    (x,), (axes,) = origin.operands, origin.parameters
    kept = tuple(1 if i in axes else size for i, size in enumerate(x.shape))
    ct, length = m.reshape(ct, kept), m.reshape(out, kept)
    tied = m.compare("eq", length, 0).states
    tied = ct.arithmetic.broadcast(tied, (tied.shape[0], *x.shape))
    return _between(m.broadcast(ct, x.shape), ct * (x / length), tied, -1, 1)


def _pow(ct: Reals, out: Reals, origin: Origin) -> tuple[Reals, Reals | None]:
    x, y = origin.operands
    return ct * (y * x ** (y - 1)), ct * (out * m.apply("log", x)) if y.traced else None


def _sum(ct: Reals, origin: Origin) -> Reals:
    (x,), (axes,) = origin.operands, origin.parameters
    kept = tuple(1 if i in axes else size for i, size in enumerate(x.shape))
    return m.broadcast(m.reshape(ct, kept), x.shape)


def _concatenate(ct: Reals, origin: Origin) -> tuple[Reals, ...]:
    (axis,), start, parts = origin.parameters, 0, []
    for operand in origin.operands:
        stop = start + operand.shape[axis]
        parts.append(m.index(ct, (slice(None),) * axis + (slice(start, stop),)))
        start = stop
    return tuple(parts)


def _permute(ct: Reals, origin: Origin) -> Reals:
    order, axis = origin.parameters
    return m.apply("permute", ct, parameters=(ct.arithmetic.inverse(order), axis))


def _sort(ct: Reals, out: Reals, origin: Origin) -> Reals:
    # Equal elements may stand in any order: each takes all between its own cotangent and those of its equals.
    order, axis = origin.parameters
    size = out.shape[-1]
    if ct.arithmetic.some(m.compare("eq", out[..., 1:], out[..., :-1]).states != NO):
        given = [ct[..., i] for i in range(size)]
        taken = list(given)
        for i, j in itertools.permutations(range(size), 2):
            tied = m.compare("eq", out[..., i], out[..., j]).states
            moved = given[j] - given[i]
            taken[i] = taken[i] + _between(moved, absent(moved, moved.shape), tied, 0, 1)
        ct = m.stack(taken, axis)
    return m.apply("permute", ct, parameters=(ct.arithmetic.inverse(order), axis))


def _pi(x: Reals) -> Reals:
    return m.apply("times_pi", m.as_reals(1, x.arithmetic))


def _scatter(ct: Reals, origin: Origin) -> Reals:
    (x,), (key,) = origin.operands, origin.parameters
    scattered = m.apply("scatter", ct, parameters=(key, x.shape))
    scattered.masked = True  # what was not selected is absent
    return scattered


def _one(rule: Callable[[Reals, Reals, Reals], Reals]) -> Rule:
    """A rule for a function of one array: (cotangent, input, output) to the input's adjoint."""
    return lambda ct, out, origin: (rule(ct, origin.operands[0], out),)


def _two(rule: Callable[[Reals, Reals, Reals, Reals], tuple[Reals, Reals]]) -> Rule:
    """A rule for an operation on two arrays: (cotangent, x, y, output) to both adjoints."""
    return lambda ct, out, origin: rule(ct, origin.operands[0], origin.operands[1], out)


RULES: dict[str, Rule] = {
    "add": lambda ct, out, origin: (ct, ct),
    "sub": lambda ct, out, origin: (ct, -ct if origin.operands[1].traced else None),
    "mul": lambda ct, out, origin: (
        ct * origin.operands[1] if origin.operands[0].traced else None,
        ct * origin.operands[0] if origin.operands[1].traced else None,
    ),
    "div": lambda ct, out, origin: (
        ct / origin.operands[1] if origin.operands[0].traced else None,
        -(ct * (out / origin.operands[1])) if origin.operands[1].traced else None,
    ),
    "neg": _one(lambda ct, x, y: -ct),
    "power": lambda ct, out, origin: (
        ct * (origin.parameters[0] * origin.operands[0] ** (origin.parameters[0] - 1))
        if origin.parameters[0]
        else None,
    ),
    "pow": _pow,
    "exp": _one(lambda ct, x, y: ct * y),
    "expm1": _one(lambda ct, x, y: ct * m.apply("exp", x)),
    "log": _one(lambda ct, x, y: ct / x),
    "log1p": _one(lambda ct, x, y: ct / (1 + x)),
    "sqrt": _one(lambda ct, x, y: ct / (2 * y)),
    "rsqrt": _one(lambda ct, x, y: -(ct * (y / (2 * x)))),
    "sin": _one(lambda ct, x, y: ct * m.apply("cos", x)),
    "cos": _one(lambda ct, x, y: -(ct * m.apply("sin", x))),
    "atan": _one(lambda ct, x, y: ct / (1 + x * x)),
    "atan2": _two(lambda ct, y, x, out: (ct * (x / (x * x + y * y)), -(ct * (y / (x * x + y * y))))),
    "sinh": _one(lambda ct, x, y: ct * m.apply("cosh", x)),
    "cosh": _one(lambda ct, x, y: ct * m.apply("sinh", x)),
    "tanh": _one(lambda ct, x, y: ct / m.apply("cosh", x) ** 2),
    "asinh": _one(lambda ct, x, y: ct / m.apply("sqrt", 1 + x * x)),
    "atanh": _one(lambda ct, x, y: ct / (1 - x * x)),
    "erf": _one(lambda ct, x, y: ct * (2 * m.apply("exp", -x * x) / m.apply("sqrt", _pi(x)))),
    "erfc": _one(lambda ct, x, y: -(ct * (2 * m.apply("exp", -x * x) / m.apply("sqrt", _pi(x))))),
    "lgamma": _one(lambda ct, x, y: ct * m.apply("digamma", x)),
    "digamma": _one(lambda ct, x, y: ct * m.binary("zeta", 2, x)),
    "zeta": _two(lambda ct, s, x, out: (None, -(ct * (s * m.binary("zeta", s + 1, x))))),  # type: ignore[arg-type, return-value]
    "times_pi": _one(lambda ct, x, y: ct * _pi(x)),
    "abs": _one(lambda ct, x, y: _absolute(ct, x)),
    "maximum": lambda ct, out, origin: _extremum(ct, origin, "gt"),
    "minimum": lambda ct, out, origin: _extremum(ct, origin, "lt"),
    "select": lambda ct, out, origin: _select(origin.parameters[0], ct),
    "pin": lambda ct, out, origin: (ct, None),
    "sum": lambda ct, out, origin: (_sum(ct, origin),),
    "norm": lambda ct, out, origin: (_norm(ct, out, origin),),
    "index": lambda ct, out, origin: (_scatter(ct, origin),),
    "scatter": lambda ct, out, origin: (m.index(ct, origin.parameters[0]),),
    "reshape": lambda ct, out, origin: (m.reshape(ct, origin.operands[0].shape),),
    "transpose": lambda ct, out, origin: (
        m.apply("transpose", ct, parameters=(tuple(np.argsort(origin.parameters[0]).tolist()),)),
    ),
    "broadcast": lambda ct, out, origin: (ct,),  # unbroadcast sums the repeats
    "concatenate": lambda ct, out, origin: _concatenate(ct, origin),
    "permute": lambda ct, out, origin: (_permute(ct, origin),),
    "sort": lambda ct, out, origin: (_sort(ct, out, origin),),
}
