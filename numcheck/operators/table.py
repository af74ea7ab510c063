"""A row for each of torch's operators about which something is known: all that is asked about it, in adjacent lines.

To add an operator, write its row here; `rows` says what a row may tell. Operators of which the same is known share
one. Rows stand by kind and within a kind by name, each after the rules that it brings along. Rules of accurate
functions are mathematics: at the bits that they are evaluated with, none has to be clever, but for exponentials
beside 1.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from numcheck.operators import pairs
from numcheck.operators.exact import rules
from numcheck.operators.rows import ROWS, Operator, Terms, operator
from numcheck.reals import vocabulary as m
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import Reals, as_reals


def row_of(name: str) -> Operator:
    """The row of an operator; without one nothing is known about it but its name."""
    return ROWS.get(name) or Operator(name)


def how_to_tell(name: str) -> str:
    """What to do where the parts of an operator are missing."""
    if name in ROWS:
        return f'add parts=... to its row operator("{name}", ...) in numcheck/operators/table.py'
    return f'add a row operator("{name}", parts=...) to numcheck/operators/table.py'


_at_zero, _at_zero_divisor = itemgetter(0), itemgetter(-1)


def _usable(factor: Any) -> NDArray[np.bool_]:
    return np.isfinite(factor) & np.not_equal(factor, 0)


def _two_factors(x: Sequence[Any], result: NDArray[Any]) -> Sequence[NDArray[np.bool_]]:
    return [_usable(factor) for factor in x[:2]]


# --- filled: nothing of the operand is in the result

operator(
    "empty_like full_like new_empty new_empty_strided new_full new_ones new_zeros ones_like zeros_like",
    constant=True,
)


# --- moved: the operand's numbers, or some of them, in another place

operator("cat flip roll select_backward slice_backward stack", rounds=False, moves=True)
operator("clone _unsafe_view", copies=True, moves=True)
operator("constant_pad_nd diag_embed masked_select repeat repeat_interleave take tril triu", moves=True)
operator("copy fill", rounds=False, exact=rules.copied)
operator("gather index index_select", gathers=True, rounds=False, moves=True)
operator("index_put", rounds=False, exact=rules.put_at)
operator("masked_fill", rounds=False)
operator("scatter", rounds=False, exact=rules.scattered)
operator("scatter_add", rounds=False, exact=rules.added_by_scatter)
operator("_to_copy", rounds=False, exact=rules.cast)
operator("unique_dim", exact=rules.distinct_rows)
operator("zero", rounds=False, exact=rules.zeroed)


# --- chosen: by size, sign or condition

operator("abs", rounds=False, exact=m.abs)
operator("amax", gathers=True, rounds=False, exact=rules.largest)
operator("amin", gathers=True, rounds=False, exact=rules.smallest)
operator("argmax", exact=rules.place_of_maximum)
operator("argmin", exact=rules.place_of_minimum)
operator("clamp", rounds=False, exact=rules.clamp)
operator("clamp_max", rounds=False, exact=m.minimum)
operator("clamp_min", rounds=False, exact=m.maximum)
operator("cummax cummin mode nanmedian", picks=True)
operator("hardshrink_backward softshrink_backward", exact=rules.shrink_backward)
operator("kthvalue", picks=True, exact=rules.placed)
operator("max", picks=True, gathers=True, exact=rules.maximum_of)
operator("maximum", rounds=False, exact=m.maximum)
operator("median", picks=True, exact=rules.middle)
operator("min", picks=True, gathers=True, exact=rules.minimum_of)
operator("minimum", rounds=False, exact=m.minimum)
operator("neg", rounds=False, exact=lambda x: -x)
operator("relu", rounds=False, exact=lambda x: m.maximum(x, 0))
operator("sgn", exact=rules.sign)
operator("sign", rounds=False, exact=rules.sign)
operator("sort", picks=True, exact=rules.in_order)
operator("threshold", rounds=False, exact=rules.threshold)
operator("threshold_backward", exact=rules.threshold_backward)
operator("topk", picks=True, exact=rules.topmost)
operator("where", chooses=True, rounds=False, exact=rules.chosen)


# --- asked: what comes out is no number

operator("eq", exact=lambda x, y: x == y)
operator("ge", exact=lambda x, y: x >= y)
operator("gt", exact=lambda x, y: x > y)
operator("isfinite", exact=rules.is_a_number)
operator("isinf", exact=rules.is_inf)
operator("isnan", exact=rules.is_nan)
operator("le", exact=lambda x, y: x <= y)
operator("lt", exact=lambda x, y: x < y)
operator("ne", exact=rules.differs)
operator("signbit", exact=rules.has_sign)


# --- arithmetic


def _plus(x: Sequence[Any], keywords: Mapping[str, Any]) -> Terms:
    return x[0], x[1], float(keywords.get("alpha", x[2] if len(x) > 2 else 1))


def _minus(x: Sequence[Any], keywords: Mapping[str, Any]) -> Terms:
    first, second, factor = _plus(x, keywords)
    return first, second, -factor


def _minus_from(x: Sequence[Any], keywords: Mapping[str, Any]) -> Terms:
    return _minus([x[1], x[0], *x[2:]], keywords)


def _plus_product(x: Sequence[Any], keywords: Mapping[str, Any]) -> Terms:
    return x[0], x[1] * x[2], float(keywords.get("value", 1))


def _plus_quotient(x: Sequence[Any], keywords: Mapping[str, Any]) -> Terms:
    return x[0], x[1] / x[2], float(keywords.get("value", 1))


operator("add", additive=_plus)
operator("addcdiv", fused=_plus_quotient, pole=_at_zero_divisor)
operator("addcmul", fused=_plus_product, sums=True)
operator("ceil", exact=rules.ceil)
operator(
    "div",
    wide=pairs.wide_quotient,
    pole=_at_zero_divisor,
    factors=_two_factors,
    plain=True,
    exact=rules.quotient,
)
operator("floor", exact=rules.floor)
operator("fmod", exact=rules.fmod)
operator("mul", wide=pairs.wide_product, factors=_two_factors, plain=True, exact=lambda x, y: x * y)
operator("reciprocal", wide=pairs.wide_reciprocal, pole=_at_zero, exact=lambda x: 1 / x)
operator("remainder", exact=rules.remainder)
operator("round", exact=rules.nearest)
operator("rsub", additive=_minus_from)
operator("sub", additive=_minus)
operator("trunc", exact=rules.truncated)


# --- sums and products of many


def _factors_of_lanes(x: Sequence[Any], result: NDArray[Any]) -> Sequence[NDArray[np.bool_]]:
    usable = _usable(x[0]).reshape(len(x[0]), -1).all(1)
    return [usable.reshape(-1, *[1] * (result.ndim - 1))]


operator("addmm addmv baddbmm", sums=True, exact=rules.plus_matrix_product)
operator("bmm dot mm mv", sums=True, exact=rules.matrix_product)
operator("cumprod", exact=rules.running_product)
operator("cumsum", sums=True, exact=rules.running_sum)
operator("mean", sums=True, wide=pairs.wide_mean, exact=rules.mean)
operator("prod", factors=_factors_of_lanes, exact=rules.product)
operator("sum", sums=True, wide=pairs.wide_total, exact=rules.total)
operator("var", exact=rules.variance)


# --- powers, exponentials, logarithms


def _log1p_exp(x: Reals) -> Reals:
    return m.log1p(m.exp(x))


def _logsumexp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    dims = pairs.axes_of(x, dim)
    if not x.is_floating_point() or x.numel() == 0 or not dims:
        return torch.log(torch.sum(torch.exp(x), dims, keepdim))
    top = torch.amax(x, dims, keepdim=True)
    top = top.masked_fill(top.abs() == math.inf, 0)
    rest = torch.sum((x - top).exp_(), dims, keepdim).log_()
    return rest.add_(top if keepdim else top.squeeze(dims))


def _power(x: Reals | float, y: Reals | float) -> Reals:
    if isinstance(y, float) and y.is_integer():
        y = int(y)
    return x**y  # type: ignore[operator, return-value]


operator("exp", accurate=m.exp, never_zero=True, plain=True)
operator("exp2", accurate=m.exp2, never_zero=True, plain=True)
operator("expm1", accurate=m.expm1)
operator("hypot", accurate=m.hypot, squares=True)
operator("log", accurate=m.log, pole=_at_zero)
operator("log10", accurate=m.log10, pole=_at_zero)
operator("log1p", accurate=m.log1p, pole=lambda x: x[0] + 1)
operator("log2", accurate=m.log2, pole=_at_zero)
operator("logaddexp", accurate=lambda x, y: m.maximum(x, y) + _log1p_exp(-m.abs(x - y)))
operator("logsumexp", parts=_logsumexp)
operator("pow", accurate=_power, exact=_power, pole=_at_zero)
operator("rsqrt", accurate=m.rsqrt, exact=m.rsqrt, pole=_at_zero)
operator("sqrt", wide=pairs.wide_root, exact=m.sqrt)


# --- circular and hyperbolic functions

operator("acos", accurate=m.acos)
operator("acosh", accurate=m.acosh)
operator("asin", accurate=m.asin)
operator("asinh", accurate=m.asinh)
operator("atan", accurate=m.atan)
operator("atan2", accurate=m.atan2)
operator("atanh", accurate=m.atanh)
operator("cos", accurate=m.cos)
operator("cosh", accurate=m.cosh)
operator("sin", accurate=m.sin)
operator("sinc", accurate=m.sinc)
operator("sinh", accurate=m.sinh)
operator("tan", accurate=m.tan)
operator("tanh", accurate=m.tanh)
operator("tanh_backward", accurate=lambda ct, y: ct * (1 - y * y))


# --- the error function, the normal distribution, the gamma function, Bessel functions

operator("digamma", accurate=m.digamma, pole=_at_zero)
operator("erf", accurate=m.erf)
operator("erfc", accurate=m.erfc, never_zero=True)
operator("erfinv", accurate=m.erfinv)
operator("i0", accurate=m.i0)
operator("lgamma", accurate=m.lgamma, pole=_at_zero)
operator("polygamma", accurate=m.polygamma, pole=_at_zero)
operator("special_bessel_j0", accurate=m.j0)
operator("special_bessel_j1", accurate=m.j1)
operator("special_bessel_y0", accurate=m.y0, pole=_at_zero)
operator("special_bessel_y1", accurate=m.y1, pole=_at_zero)
operator("special_entr", accurate=m.entr)
operator("special_erfcx", accurate=m.erfcx)
operator("special_i0e", accurate=m.i0e)
operator("special_i1", accurate=m.i1)
operator("special_i1e", accurate=m.i1e)
operator("special_log_ndtr", accurate=m.log_ndtr)
operator("special_ndtr", accurate=m.ndtr)
operator("special_ndtri", accurate=m.ndtri)
operator("special_spherical_bessel_j0", accurate=lambda x: m.where(x == 0, 1, m.sin(x) / x))
operator("special_zeta", accurate=m.zeta)


# --- activations


def _tanh_of_gelu(x: Reals) -> tuple[Reals, Reals]:
    # the constant as the kernels write it: 0.044715 in doubles
    k = m.sqrt(2 / as_reals(m.pi(), ARB))
    return k * (x + 0.044715 * x**3), k * (1 + 3 * 0.044715 * x**2)


def _gelu(x: Reals, approximate: str = "none") -> Reals:
    if approximate == "none":
        return x * m.ndtr(x)
    u, _ = _tanh_of_gelu(x)
    return x / (1 + m.exp(-2 * u))


def _gelu_backward(ct: Reals, x: Reals, approximate: str = "none") -> Reals:
    if approximate == "none":
        density = m.exp(-x * x / 2) / m.sqrt(2 * as_reals(m.pi(), ARB))
        return ct * (m.ndtr(x) + x * density)
    u, slope = _tanh_of_gelu(x)
    p = 1 / (1 + m.exp(-2 * u))
    return ct * (p + 2 * x * slope * p / (1 + m.exp(2 * u)))


def _sigmoid(x: Reals) -> Reals:
    return 1 / (1 + m.exp(-x))


def _silu_backward(ct: Reals, x: Reals) -> Reals:
    p = _sigmoid(x)
    return ct * (p + x * p / (1 + m.exp(x)))


def _softplus(x: Reals, beta: float = 1, threshold: float = 20) -> Reals:
    return m.where(x * beta > threshold, x, m.log1p(m.exp(x * beta)) / beta)


def _softplus_backward(ct: Reals, x: Reals, beta: float, threshold: float) -> Reals:
    return ct * m.where(x * beta > threshold, 1, _sigmoid(x * beta))


operator("gelu", accurate=_gelu)
operator("gelu_backward", accurate=_gelu_backward)
operator("log_sigmoid log_sigmoid_forward", accurate=lambda x: -_log1p_exp(-x))
operator("log_sigmoid_backward", accurate=lambda ct, x, buffer: ct * _sigmoid(-x))
operator("mish", accurate=lambda x: x * m.tanh(_log1p_exp(x)))
operator("sigmoid", accurate=_sigmoid, never_zero=True)
operator("sigmoid_backward", accurate=lambda ct, y: ct * (y * (1 - y)))
operator("silu", accurate=lambda x: x * _sigmoid(x))
operator("silu_backward", accurate=_silu_backward)
operator("softplus", accurate=_softplus)
operator("softplus_backward", accurate=_softplus_backward)


# --- softmax


def _total(x: Reals) -> Reals:
    """The sum of each row, which keeps its axis."""
    return m.reshape(m.sum(x, -1), (1,))


def _log_softmax(x: Reals) -> Reals:
    rest = x - m.reshape(m.max(x), (1,))
    return rest - m.log(_total(m.exp(rest)))


operator("_log_softmax", accurate=_log_softmax, along=True)
operator("_log_softmax_backward_data", accurate=lambda ct, y: ct - m.exp(y) * _total(ct), along=True)
operator("_softmax", accurate=lambda x: m.exp(_log_softmax(x)), along=True, never_zero=True)
operator("_softmax_backward_data", accurate=lambda ct, y: y * (ct - _total(ct * y)), along=True)


# --- lengths, and what is divided by them

operator(
    "batch_norm_backward _batch_norm_no_update _batch_norm_with_update cudnn_batch_norm"
    " cudnn_batch_norm_backward _foreach_norm _fused_rms_norm_backward native_batch_norm"
    " native_batch_norm_backward _native_batch_norm_legit _native_batch_norm_legit_functional"
    " _native_batch_norm_legit_no_training native_group_norm native_group_norm_backward native_layer_norm"
    " native_layer_norm_backward norm renorm _weight_norm_interface _weight_norm_interface_backward",
    squares=True,
)
operator("_cdist_forward", exact=rules.distances)
operator("linalg_vector_norm", squares=True, exact=rules.length)


# --- losses


def _cross_entropy_with_logits(*args: Any, **kwargs: Any) -> Tensor:
    func: Any = torch.ops.aten.binary_cross_entropy_with_logits.default
    return func._op_dk(torch._C.DispatchKey.CompositeExplicitAutograd, *args, **kwargs)


def _soft_margin_loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    loss = x.neg().mul_(target).exp_().log1p_()
    return loss if reduction == 0 else loss.mean() if reduction == 1 else loss.sum()


def _soft_margin_loss_backward(grad: Tensor, x: Tensor, target: Tensor, reduction: int) -> Tensor:
    flipped = target.neg()
    z = torch.exp(flipped * x)
    inner = (flipped * z).mul_(1.0 / x.numel() if reduction == 1 else 1.0)
    return inner.div_(z.add_(1)).mul_(grad)


operator("binary_cross_entropy_with_logits", parts=_cross_entropy_with_logits)
operator("soft_margin_loss", parts=_soft_margin_loss)
operator("soft_margin_loss_backward", parts=_soft_margin_loss_backward)


# --- without a shadow

operator("native_dropout", refused="dropout in training mode has no shadow; trace it in evaluation mode")
