"""Functions of the shadow to its full width: torch's float64 functions have 53 bits, and fused ones lose more inside.

`accurate` evaluates a rule of the table in ball arithmetic and gives the result back as an unevaluated sum of two
doubles. It takes some microseconds for each number, so the shadow asks for it only where 53 bits leave a question open.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.operators.pairs import Wide
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import Reals
from numcheck.reals.enclosures import enclosure
from numcheck.reals.precision import precision

BITS = 320
"""Far more than two doubles hold: what a rule subtracts may cancel down to float64's smallest numbers."""


def accurate(rule: Callable[..., Reals], along: bool, operands: Sequence[Any]) -> Wide:
    """The result of a rule on numbers (high, low) and plain numbers, in the schema's order; `along` as in its row."""
    return _along(rule, operands) if along else _pointwise(rule, operands)


def _pointwise(rule: Callable[..., Reals], operands: Sequence[Any]) -> Wide:
    shape = torch.broadcast_shapes(*(x[0].shape for x in operands if isinstance(x, tuple)))
    flat = [
        tuple(side.broadcast_to(shape).reshape(-1) for side in x) if isinstance(x, tuple) else x
        for x in operands
    ]
    with precision(BITS):
        return _pair(rule(*(_reals(*x) if isinstance(x, tuple) else x for x in flat)), shape)


def _along(rule: Callable[..., Reals], operands: Sequence[Any]) -> Wide:
    dim = next(x for x in operands if isinstance(x, int))
    moved = [tuple(side.movedim(dim, -1) for side in x) for x in operands if isinstance(x, tuple)]
    shape = moved[0][0].shape
    with precision(BITS):
        rows = [_reals(*(side.reshape(-1, shape[-1]) for side in x)) for x in moved]
        high, low = _pair(rule(*rows), shape)
    return high.movedim(-1, dim), low.movedim(-1, dim)


def _reals(high: Tensor, low: Tensor) -> Reals:
    a, b = (ARB.lift(np.ascontiguousarray(side.cpu().numpy(), dtype=np.float64)) for side in (high, low))
    return Reals(ARB, np.where(b == 0, a, a + b))


def _pair(result: Reals, shape: Sequence[int]) -> Wide:
    found = enclosure(result.data)
    exponent = np.clip(found.exponent, -5000, 5000).astype(np.int32)
    with np.errstate(all="ignore"):
        high, low = (np.ldexp(part, exponent) for part in (found.high, found.low))
    return torch.from_numpy(high).reshape(shape), torch.from_numpy(low).reshape(shape)
