"""Roots of increasing functions, differentiable in what those close over."""

import functools
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any

from numcheck.reals.arrays import Number, Reals, apply, as_reals, zeros_like
from numcheck.reals.tape import gradient, traced


def root(function: Callable[[Reals], Reals], low: Reals | Number, high: Reals | Number) -> Reals:
    """The x in [low, high] at which an increasing `function` is zero, as a proved enclosure.

    Where the function is not below zero at `low` or not above at `high`, the nearer end. Derivatives with respect to
    everything that `function` closes over follow from the implicit function theorem.
    """
    # The arithmetic encloses the root itself. Two Newton steps from that root, traced with the root held constant, then
    # have the root's first and second derivatives (each step doubles the order to which a power series of the root in
    # the parameters is right), and the enclosure replaces the value that they would only widen.
    probe = function(low if isinstance(low, Reals) else _like(function, low))
    arithmetic = probe.arithmetic

    def evaluate(data: Any) -> Any:
        return function(Reals(arithmetic, data)).data

    lanes = probe.data.shape
    ends = [arithmetic.broadcast(as_reals(end, arithmetic).data, lanes) for end in (low, high)]
    found = Reals(arithmetic, arithmetic.root(evaluate, *ends))
    if not probe.traced:
        return found
    step = found
    for _ in range(2):
        x = traced(step) if not step.traced else step
        residual = function(x)
        slope = gradient(residual, zeros_like(residual) + 1, [x])[0]
        if slope is None:
            raise ValueError("m.root needs a function of its argument")
        # The value of every later use must be the enclosure, not this widened step: pin keeps the derivatives.
        step = apply("pin", step - residual / slope, found)
    return step


def _like(function: Callable[[Reals], Reals], number: Any) -> Reals:
    for found in _reals_within(function, 6):
        return as_reals(number, found.arithmetic)
    raise ValueError("m.root's function must use at least one of the formula's inputs")


def _reals_within(thing: Any, depth: int) -> Iterator[Reals]:
    """The arrays that a function closes over, directly or in other functions and containers."""
    parts: Iterable[Any] = ()
    match thing:
        case Reals():
            yield thing
        case tuple() | list():
            parts = thing
        case dict():
            parts = thing.values()
        case functools.partial():
            parts = (thing.func, *thing.args, *thing.keywords.values())
        case FunctionType():
            parts = (*(cell.cell_contents for cell in thing.__closure__ or ()), *(thing.__defaults__ or ()))
        case _:
            pass
    for part in parts if depth else ():
        yield from _reals_within(part, depth - 1)
