"""Functions of the shadow to its full width: torch's float64 functions have 53 bits, and fused ones lose more inside.

`accurate` evaluates an operator in ball arithmetic and gives the result back as an unevaluated sum of two doubles. It
takes some microseconds for each number, so the shadow asks for it only where 53 bits leave a question open. Sums,
products and quotients need none of it: the shadow carries their rounding errors itself.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.reals import vocabulary as m
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import Reals, as_reals, constant
from numcheck.reals.settle import enclosure, precision

BITS = 320
"""Far more than two doubles hold: what a rule here subtracts may cancel down to float64's smallest numbers."""

Pair = tuple[Tensor, Tensor]


def accurate(base: str, operands: Sequence[Any]) -> Pair | None:
    """The result of an aten operator on pairs (high, low) and plain numbers; None where there is no rule for it.

    `base` is the operator's name without overload; operands are the arguments in the schema's order, a pair for each
    floating tensor.
    """
    rule = _POINTWISE.get(base)
    if rule is not None:
        return _pointwise(rule, operands)
    rule = _ALONG.get(base)
    return None if rule is None else _along(rule, operands)


def _pointwise(rule: Callable[..., Reals], operands: Sequence[Any]) -> Pair:
    shape = torch.broadcast_shapes(*(x[0].shape for x in operands if isinstance(x, tuple)))
    flat = [
        tuple(side.broadcast_to(shape).reshape(-1) for side in x) if isinstance(x, tuple) else x
        for x in operands
    ]
    with precision(BITS):
        return _pair(rule(*(_reals(*x) if isinstance(x, tuple) else x for x in flat)), shape)


def _along(rule: Callable[..., Reals], operands: Sequence[Any]) -> Pair:
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


def _pair(result: Reals, shape: Sequence[int]) -> Pair:
    found = enclosure(result.data)
    exponent = np.clip(found.exponent, -5000, 5000).astype(np.int32)
    with np.errstate(all="ignore"):
        high, low = (np.ldexp(part, exponent) for part in (found.high, found.low))
    return torch.from_numpy(high).reshape(shape), torch.from_numpy(low).reshape(shape)


# Rules, as mathematics: at `BITS` bits none of them has to be clever, but for exponentials beside 1 -----------------


def _sigmoid(x: Reals) -> Reals:
    return 1 / (1 + m.exp(-x))


def _softplus(x: Reals, beta: float = 1, threshold: float = 20) -> Reals:
    return m.where(x * beta > threshold, x, m.log1p(m.exp(x * beta)) / beta)


def _softplus_backward(ct: Reals, x: Reals, beta: float, threshold: float) -> Reals:
    return ct * m.where(x * beta > threshold, 1, _sigmoid(x * beta))


def _normal_distribution(x: Reals) -> Reals:
    return m.erfc(-x * m.rsqrt(constant(ARB, 2))) / 2


def _tanh_of_gelu(x: Reals) -> tuple[Reals, Reals]:
    # the constant as the kernels write it: 0.044715 in doubles
    k = m.sqrt(2 / as_reals(m.pi(), ARB))
    return k * (x + 0.044715 * x**3), k * (1 + 3 * 0.044715 * x**2)


def _gelu(x: Reals, approximate: str = "none") -> Reals:
    if approximate == "none":
        return x * _normal_distribution(x)
    u, _ = _tanh_of_gelu(x)
    return x / (1 + m.exp(-2 * u))


def _gelu_backward(ct: Reals, x: Reals, approximate: str = "none") -> Reals:
    if approximate == "none":
        density = m.exp(-x * x / 2) / m.sqrt(2 * as_reals(m.pi(), ARB))
        return ct * (_normal_distribution(x) + x * density)
    u, slope = _tanh_of_gelu(x)
    p = 1 / (1 + m.exp(-2 * u))
    return ct * (p + 2 * x * slope * p / (1 + m.exp(2 * u)))


def _silu_backward(ct: Reals, x: Reals) -> Reals:
    p = _sigmoid(x)
    return ct * (p + x * p / (1 + m.exp(x)))


def _log1p_exp(x: Reals) -> Reals:
    return m.log1p(m.exp(x))


def _power(x: Reals | float, y: Reals | float) -> Reals:
    if isinstance(y, float) and y.is_integer():
        y = int(y)
    return x**y  # type: ignore[operator, return-value]


def _log_softmax(x: Reals) -> Reals:
    largest = m.max(x)
    rest = x - m.reshape(largest, (1,))
    return rest - m.reshape(m.log(m.sum(m.exp(rest), -1)), (1,))


_POINTWISE: dict[str, Callable[..., Reals]] = {
    **{name: getattr(m, name) for name in "exp expm1 log log1p rsqrt sin cos tan sinh cosh tanh".split()},
    **{name: getattr(m, name) for name in "asinh atanh atan erf erfc lgamma digamma atan2".split()},
    "exp2": lambda x: m.exp(x * m.log(constant(ARB, 2))),
    "log2": m.log2,
    "log10": lambda x: m.log(x) / m.log(constant(ARB, 10)),
    "pow": _power,
    "sigmoid": _sigmoid,
    "sigmoid_backward": lambda ct, y: ct * (y * (1 - y)),
    "tanh_backward": lambda ct, y: ct * (1 - y * y),
    "softplus": _softplus,
    "softplus_backward": _softplus_backward,
    "log_sigmoid": lambda x: -_log1p_exp(-x),
    "log_sigmoid_forward": lambda x: -_log1p_exp(-x),
    "log_sigmoid_backward": lambda ct, x, buffer: ct * _sigmoid(-x),
    "silu": lambda x: x * _sigmoid(x),
    "silu_backward": _silu_backward,
    "mish": lambda x: x * m.tanh(_log1p_exp(x)),
    "gelu": _gelu,
    "gelu_backward": _gelu_backward,
    "special_ndtr": _normal_distribution,
    "special_log_ndtr": lambda x: m.log(_normal_distribution(x)),
    "logaddexp": lambda x, y: m.maximum(x, y) + _log1p_exp(-m.abs(x - y)),
}
_ALONG: dict[str, Callable[..., Reals]] = {
    "_log_softmax": _log_softmax,
    "_softmax": lambda x: m.exp(_log_softmax(x)),
    "_log_softmax_backward_data": lambda ct, y: ct - m.exp(y) * m.reshape(m.sum(ct, -1), (1,)),
    "_softmax_backward_data": lambda ct, y: y * (ct - m.reshape(m.sum(ct * y, -1), (1,))),
}
