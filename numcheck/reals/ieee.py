"""What IEEE 754 makes of a formula in float64, signs of zeros included: which side of zero it takes, and no proof.

Reals have one zero and floating-point numbers have two; 1/x, a logarithm's argument and the angle of a point tell them
apart. This arithmetic asks only *whether* a formula hangs on such a sign, and which way; the number itself is proved
elsewhere (`truth.signs`). Of a function that torch doesn't have it knows nothing, which is a NaN.

Source: IEEE 754-2019, sections 6.3 and 9.2.
"""

import math
import operator
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import torch

from numcheck.reals.arithmetic import NO, YES, ObjectArithmetic, added_up, exactly, masking

ABSENT: Any = np.float64(0)
NAN = np.float64("nan")


def _number(value: object) -> Any:
    return value if value is ABSENT else np.float64(float(exactly(value)))


_lift: Any = np.frompyfunc(_number, 1, 1)


def _through_torch(function: Callable[..., torch.Tensor] | None, *operands: Any) -> Any:
    """A function of torch's, of every element; NaN where there is none."""
    parts = np.broadcast_arrays(*operands)
    if function is None:
        return _lift(np.full(parts[0].shape, np.nan))
    found = function(*(torch.from_numpy(part.astype(np.float64)) for part in parts))
    return np.asarray(_lift(found.numpy()), dtype=object)


def _of_torch(name: str) -> Callable[..., torch.Tensor] | None:
    return getattr(torch, name, None) or getattr(torch.special, name, None)


def _gamma(x: Any) -> float:
    if x == 0:
        return math.copysign(math.inf, x)
    try:
        return math.gamma(x)
    except (ValueError, OverflowError):
        return math.inf if x > 0 else math.nan


FUNCTIONS: dict[str, Any] = {
    name: np.frompyfunc(lambda x, function=function: np.float64(function(np.float64(x))), 1, 1)
    for name, function in {
        "cbrt": np.cbrt,
        "gamma": _gamma,
        "inverse": lambda x: 1 / x,
        "times_pi": lambda x: x * np.pi,
    }.items()
}
"""What torch has no function for, or another one of that name."""


def _pow(x: Any, y: Any) -> Any:
    return np.float_power(x, y)


OPERATORS: dict[str, Any] = {
    name: np.frompyfunc(function, 2, 1)
    for name, function in {
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "div": operator.truediv,
        "pow": _pow,
        "power": _pow,
    }.items()
}
MASKED = OPERATORS | masking(ABSENT, operator.add, operator.sub, operator.mul, operator.truediv)


def _nowhere(*bracket: Any) -> Generator[Any, Any, Any]:
    """A root has no zero whose sign could matter."""
    yield from ()
    return NAN


class IeeeArithmetic(ObjectArithmetic):
    """Float64 as IEEE 754 has it, in object arrays. Stateless; `IEEE` is its only instance."""

    name = "ieee"
    zero, one, nothing = ABSENT, np.float64(1), NAN
    search = staticmethod(_nowhere)

    def lift(self, values: Any) -> Any:
        return np.asarray(_lift(np.asarray(values)), dtype=object)

    def unary(self, name: str, x: Any, *parameters: int) -> Any:
        if parameters:  # of a family torch has but few members
            return _through_torch(None, x)
        return FUNCTIONS[name](x) if name in FUNCTIONS else _through_torch(_of_torch(name), x)

    def binary(self, name: str, x: Any, y: Any, *parameters: int) -> Any:
        return OPERATORS[name](x, y) if name in OPERATORS else _through_torch(_of_torch(name), x, y)

    def masked(self, name: str, x: Any, y: Any) -> Any:
        return MASKED[name](x, y) if name in MASKED else _through_torch(_of_torch(name), x, y)

    def sum(self, x: Any, axes: tuple[int, ...], masked: bool) -> Any:
        return added_up(MASKED["add"], x, axes)

    def compare(self, name: str, x: Any, y: Any) -> np.ndarray:
        return np.where(getattr(operator, name)(x, y).astype(bool), YES, NO).astype(np.int8)

    def select(self, decision: np.ndarray, x: Any, y: Any) -> Any:
        return np.where(decision == YES, x, y)

    def interval(self, low: int, high: int) -> Any:
        return self.lift([(low + high) / 2])

    def doubt(self, low: int, high: int) -> Any:
        return self.interval(low, high)

    def order(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.argsort(x.astype(np.float64), axis=-1, kind="stable"), np.zeros(x.shape[:-1], dtype=bool)

    def given(self, x: Any, value: Any) -> Any:
        return np.where(np.isnan(value.astype(np.float64)), NAN, x)

    def forgiven(self, terms: Sequence[Any], lanes: int) -> np.ndarray:
        return np.zeros(lanes)


IEEE = IeeeArithmetic()
