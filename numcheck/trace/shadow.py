"""A number twice: natively, and as high + low of two float64, about 106 significand bits; and torch's operators on it.

`Pair` is the tensor that holds both sides, `Call` an operator about to run on pairs. `wide_call` runs it on the
shadow: the high part by the operator itself in float64, the low part by the operator's forward derivative, and for
+ - * / sqrt and sums the rounding error of float64 too, exactly. `parts_of` opens the operators that lose digits
inside.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import functools
import importlib
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch
import torch.autograd.forward_ad as forward_ad
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._pytree import tree_map

from numcheck.trace.accurate import accurate

Floats = NDArray[np.float64]

ADDITIVE: Final = frozenset({"add", "sub", "rsub"})
SUMS: Final = frozenset(
    {"sum", "mean", "cumsum", "mm", "bmm", "mv", "dot", "addmm", "addmv", "baddbmm", "addcmul"}
)
_PICKS: Final = frozenset(
    {"max", "min", "sort", "topk", "median", "nanmedian", "kthvalue", "mode", "cummax", "cummin"}
)


class TraceError(RuntimeError):
    """An operator which can't be run in lockstep; the message names it. `emulate` may still work."""


# --- the pair: one tensor, natively and in the shadow


@final
@dataclass
class Origin:
    """Who last wrote a storage; one object, shared by all views of it."""

    operation: int = -1
    """Index of the operation; -1 for inputs and constants."""
    writes: int = 0
    """How often the storage has been overwritten."""


@final
class Pair(Tensor):
    """A tensor that holds the native value and the shadow high + low, under the native value's metadata."""

    native: Tensor
    high: Tensor
    low: Tensor
    origin: Origin
    measured: tuple[int, Floats] | None
    """The relative error, and after how many writes it was measured."""

    @staticmethod
    def __new__(
        cls: type["Pair"],
        native: Tensor,
        high: Tensor,
        low: Tensor,
        origin: Origin,
    ) -> "Pair":
        pair = Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls,
            native.size(),
            strides=native.stride(),
            storage_offset=native.storage_offset(),
            dtype=native.dtype,
            layout=native.layout,
            device=native.device,
            requires_grad=False,
        )
        pair.native, pair.high, pair.low, pair.origin = native, high, low, origin
        pair.measured = None
        return pair

    def relative_error(self) -> Floats:
        """`relative_error` of its parts, measured once for all the operators that it goes into."""
        if self.measured is None or self.measured[0] != self.origin.writes:
            parts = floats(self.native), floats(self.high), floats(self.low)
            self.measured = self.origin.writes, relative_error(*parts)
        return self.measured[1]

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"traced {self.native!r}"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise TraceError(f"{func}: a traced tensor was used outside its trace")

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore


def is_floating(x: object) -> bool:
    """Whether `x` is a tensor of some floating-point format."""
    return isinstance(x, Tensor) and x.is_floating_point()


def lift(native: Tensor) -> Pair:
    """A shadow that starts here and doesn't know how the value came about: input, constant, or random number."""
    # A copy even of float64: an operator that writes in place must find each side as it was.
    high = native.to(torch.float64, copy=True)
    return Pair(native, high, torch.zeros_like(high), Origin())


def lift_all(tree: Any) -> Any:
    """The same lists, tuples and numbers with every floating tensor in them a pair."""
    return tree_map(_lift_leaf, tree)


def _lift_leaf(x: Any) -> Any:
    return lift(x) if is_floating(x) and not isinstance(x, Pair) else x


def floats(x: Tensor) -> Floats:
    """A plain tensor in float64, for the measures: numpy takes a third of torch's time on some hundred numbers."""
    return x.double().cpu().numpy()


def relative_error(native: Floats, high: Floats, low: Floats) -> Floats:
    """Per element abs(native - shadow) / abs(shadow).

    0 where both agree (also on the same infinity or on NaN), inf where native is NaN, infinite or zero and the
    shadow isn't.
    """
    with np.errstate(all="ignore"):
        difference = np.abs((native - high) - low)
        if not difference.any():  # a NaN counts as a difference
            return difference
        error = np.where(difference == 0, 0.0, difference / np.abs(high))
    finite = np.isfinite(error)
    if finite.all():
        return np.where((native == 0) & (difference != 0), np.inf, error)
    same = (difference == 0) | np.isinf(native) & (native == high) | np.isnan(native) & np.isnan(high)
    return np.where(same, 0.0, np.where(finite & (native != 0), error, np.inf))


# --- the call: one operator about to run on pairs


@final
@dataclass(frozen=True, eq=False)
class Operand:
    """What one floating operand was just before its operator ran."""

    native: Tensor
    high: Tensor
    low: Tensor
    origin: int
    pair: Pair
    written: bool
    """The operator writes its result into the pair: the parts here are copies of what it held before."""

    @functools.cached_property
    def numbers(self) -> Floats:
        """Its native numbers in float64."""
        return floats(self.native)

    @functools.cached_property
    def error(self) -> Floats:
        """Its relative error, elementwise."""
        if self.written:
            return relative_error(self.numbers, floats(self.high), floats(self.low))
        return self.pair.relative_error()


@final
@dataclass(frozen=True, eq=False)
class Call:
    """An operator and its arguments, in which every floating tensor is a pair."""

    func: Any
    name: str
    """As in "aten.sub_.Tensor"."""
    stem: str
    """The name without namespace, overload and the mark of the in-place variant: "sub"."""
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    operands: Sequence[Operand]
    """One for each pair among the arguments, in their order."""
    written: Sequence[Any]
    """The arguments that the operator writes to."""

    def native_arguments(self) -> tuple[Any, Any]:
        """The arguments and keyword arguments of the native run."""
        return _mapped(lambda x: x.native if isinstance(x, Pair) else x, self.args, self.kwargs)

    def arguments(self, side: Callable[[Operand], Any]) -> tuple[Any, Any]:
        """The arguments and keyword arguments of a float64 run: `side` of each operand in its place."""
        operands = iter(self.operands)
        return _mapped(
            lambda x: side(next(operands)) if isinstance(x, Pair) else wide_dtype(x), self.args, self.kwargs
        )


def call_of(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], written: Sequence[Any]) -> Call:
    """The call of `func`; what it will overwrite is copied now."""
    args, kwargs = _mapped(_lift_leaf, args, kwargs)
    targets = {id(x) for x in written}
    operands = [
        Operand(x.native.clone(), x.high.clone(), x.low.clone(), x.origin.operation, x, True)
        if id(x) in targets
        else Operand(x.native, x.high, x.low, x.origin.operation, x, False)
        for x in leaves((*args, *kwargs.values()))
        if isinstance(x, Pair)
    ]
    name, stem = _names_of(func)
    return Call(func, name, stem, args, kwargs, operands, written)


def leaves(tree: Any) -> list[Any]:
    """What stands in the lists and tuples of an operator's arguments or results; torch's own takes all kinds of trees,
    and ten times as long.
    """
    if not isinstance(tree, list | tuple):
        return [tree]
    return [x for branch in tree for x in (leaves(branch) if isinstance(branch, list | tuple) else (branch,))]


def _mapped(
    leaf: Callable[[Any], Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """An operator's arguments with every leaf replaced, in order."""

    def branch(tree: Any) -> Any:
        return [branch(x) if isinstance(x, list | tuple) else leaf(x) for x in tree]

    return branch(args), dict(zip(kwargs, branch(kwargs.values()), strict=True)) if kwargs else {}


@functools.cache
def _names_of(func: Any) -> tuple[str, str]:
    """An operator's name and stem."""
    name = str(func)
    return name, name.split(".")[1].rstrip("_")


def written_by(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments that an operator writes to, by its schema."""
    values: list[Any] = []
    for index, name, by_name_alone in _written_arguments(func):
        if index < len(args) and not by_name_alone:
            values.append(args[index])
        elif name in kwargs:
            values.append(kwargs[name])
    return values


@functools.cache
def _written_arguments(func: Any) -> tuple[tuple[int, str, bool], ...]:
    """Position and name of the arguments that an operator writes to, and whether only the name can give each."""
    return tuple(
        (index, argument.name, argument.kwarg_only)
        for index, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )


def wide_dtype(x: Any) -> Any:
    """float64 for a floating dtype, anything else as it is."""
    return torch.float64 if isinstance(x, torch.dtype) and x.is_floating_point else x


# --- exact pieces of the shadow's arithmetic


def _two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    # Knuth's TwoSum: a + b == total + rest exactly, whatever the magnitudes.
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def _two_product(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    # Dekker's product with Veltkamp's splitting. Beyond 2**996 that overflows; the NaN rest is dropped later.
    product = a * b
    a_big, b_big = a * 134217729.0, b * 134217729.0
    a_high = a_big - (a_big - a)
    b_high = b_big - (b_big - b)
    a_low, b_low = a - a_high, b - b_high
    rest = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return product, rest


def _pairwise_sum(x: Tensor, dims: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Sum over `dims` (kept out of the result) as high + low, by halving."""
    order = [d for d in range(x.ndim) if d not in dims]
    x = x.permute(*order, *dims)
    kept = x.shape[: len(order)]
    high = x.reshape(*kept, -1) if dims else x.unsqueeze(-1)
    low = torch.zeros_like(high)
    while high.shape[-1] > 1:
        if high.shape[-1] % 2:
            high, low = (torch.nn.functional.pad(t, (0, 1)) for t in (high, low))
        half = high.shape[-1] // 2
        total, rest = _two_sum(high[..., :half], high[..., half:])
        high, low = total, low[..., :half] + low[..., half:] + rest
    if high.shape[-1] == 0:
        return x.new_zeros(kept), x.new_zeros(kept)
    return high[..., 0], low[..., 0]


def _normalised(high: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
    """The same sum with `low` below the last digit of `high`; what isn't finite has no low part."""
    total, rest = _two_sum(high, _finite(low))
    return total, _finite(rest)


def _dims(x: Tensor, dim: Any) -> list[int]:
    """The axes that a reduction's argument `dim` means, counted from the front."""
    if x.ndim == 0:
        return []
    if dim is None or dim == []:
        return list(range(x.ndim))
    return [d % x.ndim for d in ([dim] if isinstance(dim, int) else dim)]


def alpha_of(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> float:
    """The factor of an addition's or subtraction's second term."""
    return float(keywords.get("alpha", arguments[2] if len(arguments) > 2 else 1))


def _arithmetic(call: Call) -> tuple[Tensor, Tensor] | None:
    """+ - * / of the shadow, not yet normalised: the operator on the high parts; its rounding error and its
    differential on the low parts. None for other operators.
    """
    stem = call.stem
    if stem not in ADDITIVE and stem != "mul" and stem != "div":
        return None
    if call.kwargs.get("rounding_mode") is not None:
        return None
    args, kwargs = call.arguments(lambda o: (o.high, o.low))
    (a, a_low), (b, b_low) = (_wide_term(x) for x in args[:2])
    if stem == "mul":
        product, rest = _two_product(a, b)
        return product, (b_low * a + a_low * b) + _finite(rest)
    if stem == "div":
        quotient = a / b
        product, rest = _two_product(quotient, b)
        return quotient, (a_low - b_low * quotient) / b + _finite(((a - product) - rest) / b)
    if stem == "rsub":
        a, a_low, b, b_low = b, b_low, a, a_low
    alpha, rest = alpha_of(args, kwargs), None
    if alpha != 1:
        b, rest = _two_product(b, torch.tensor(alpha, dtype=torch.float64, device=b.device))
        b_low = b_low * alpha
    total, more = _two_sum(a, b if stem == "add" else -b)
    if rest is not None:
        more = more + rest if stem == "add" else more - rest
    return total, (a_low + b_low if stem == "add" else a_low - b_low) + _finite(more)


def _wide_term(x: Any) -> tuple[Tensor, Tensor | float]:
    """What an arithmetic operator meets at one place, as high and low: a pair, a plain tensor or a number."""
    if isinstance(x, tuple):
        return x
    high = x.double() if isinstance(x, Tensor) else torch.tensor(float(x), dtype=torch.float64)
    return high, 0.0


def _finite(rest: Tensor) -> Tensor:
    """A rounding error, zero where its computation left float64's range."""
    return rest.nan_to_num(0.0, 0.0, 0.0)


def _sharpened(
    stem: str, args: Sequence[Any], kwargs: Mapping[str, Any], high: Tensor
) -> tuple[Tensor, Tensor]:
    """`high` again, and the rounding error that float64 made in computing it (0 if unknown)."""
    none = torch.zeros_like(high)
    if stem == "reciprocal":
        product, rest = _two_product(high, args[0])
        return high, ((1 - product) - rest) / args[0]
    if stem == "sqrt":
        product, rest = _two_product(high, high)
        return high, ((args[0] - product) - rest) / (2 * high)
    if stem in ("sum", "mean"):
        x = args[0]
        dims = _dims(x, args[1] if len(args) > 1 else kwargs.get("dim"))
        total, rest = _pairwise_sum(x, dims)
        count = math.prod(x.shape[d] for d in dims)
        if stem == "mean" and count:
            quotient = total / count
            product, more = _two_product(quotient, torch.tensor(float(count), dtype=torch.float64))
            total, rest = quotient, (((total - product) - more) + rest) / count
        return total.reshape(high.shape), rest.reshape(high.shape)
    return high, none


# --- an operator on the shadow


_EXACT: Final = frozenset(
    {
        "neg",
        "abs",
        "sign",
        "where",
        "maximum",
        "minimum",
        "clamp",
        "clamp_min",
        "clamp_max",
        "relu",
        "threshold",
    }
    | {
        "amax",
        "amin",
        "gather",
        "index",
        "index_select",
        "cat",
        "stack",
        "masked_fill",
        "copy",
        "fill",
        "zero",
    }
    | {"scatter", "scatter_add", "index_put", "slice_backward", "select_backward", "_to_copy", "flip", "roll"}
)
"""Operators that move numbers or choose among them, and round none in a shadow of any width."""


@final
class Noise:
    """Random relative errors of either sign, between half of a size and all of it; the same in every run."""

    def __init__(self, size: float) -> None:
        self.size = size
        self.generator = torch.Generator().manual_seed(0)

    def like(self, x: Tensor) -> Tensor:
        """As many of them as `x` has elements."""
        drawn = 2 * torch.rand(x.shape, dtype=torch.float64, generator=self.generator) - 1
        return (self.size / 2 * (drawn + drawn.sign())).to(x.device)


def wide_call(call: Call, native: Sequence[Any], noise: Noise | None) -> tuple[list[Any], list[Any]]:
    """The operator on the shadow's operands: its results' high and low parts. `native` are its native results.

    low follows to first order, by torch's own forward derivatives; an operator without one drops it. `noise` asks for
    functions as wide as the shadow itself, and every rounded result is shaken in its last digits (Monte Carlo
    arithmetic, Parker 1997): what cancels down to the shadow's own rounding then cannot agree with anything by chance.
    """
    if call.stem in _PICKS and len(native) == 2 and not call.written:
        # The native side decides which element is picked.
        source, dim = call.operands[0], _dim_argument(call)
        return _picked(source.high, native[1], dim), _picked(source.low, native[1], dim)
    arithmetic = _arithmetic(call)
    if arithmetic is not None:
        results, lows = [arithmetic[0]], [arithmetic[1]]
    elif any(bool(o.low.any()) for o in call.operands):
        results, lows = _dual_call(call)
    else:
        results, lows = _high_call(call), []
    if call.written:
        results = results[: len(call.written)]
    exact = None if noise is None or arithmetic is not None else _accurate(call, lambda o: (o.high, o.low))
    pairs: list[tuple[Any, Any]] = []
    for i, value in enumerate(results):
        if not is_floating(value):
            pairs.append((value, value))
            continue
        high = value.double()
        low = lows[i] if i < len(lows) and lows[i] is not None else torch.zeros_like(high)
        if i == 0 and exact is not None and exact[0].shape == high.shape:
            high, low = exact
        elif i == 0 and arithmetic is None:
            args, kwargs = call.arguments(lambda o: o.high)
            sharp, rest = _sharpened(call.stem, args, kwargs, high)
            if sharp.shape == high.shape:
                low = low + _finite(rest)
                high = torch.where(torch.isfinite(sharp), sharp, high)
        if noise is not None and call.stem not in _EXACT:
            low = low + high * noise.like(high)
        pairs.append(_normalised(high, low))
    return [high for high, _ in pairs], [low for _, low in pairs]


def local_call(call: Call) -> list[Any]:
    """The operator alone, without what came before it: float64 on the native operands."""
    args, kwargs = call.arguments(lambda o: o.native.double().clone() if o.written else o.native.double())
    return leaves(call.func(*args, **kwargs))


def accurate_local(call: Call) -> Tensor | None:
    """The first result of `local_call` in ball arithmetic; None where there is no rule for the operator."""
    exact = _accurate(call, _native_pair)
    return None if exact is None else exact[0]


def _native_pair(o: Operand) -> tuple[Tensor, Tensor]:
    double = o.native.double()
    return double, torch.zeros_like(double)


def _accurate(call: Call, side: Callable[[Operand], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor] | None:
    args, kwargs = call.arguments(side)
    exact = accurate(call.stem, [*args, *kwargs.values()])
    device = call.operands[0].native.device
    return None if exact is None else (exact[0].to(device), exact[1].to(device))


def _dim_argument(call: Call) -> int:
    args, kwargs = call.native_arguments()
    position = [argument.name for argument in call.func._schema.arguments].index("dim")
    return args[position] if position < len(args) else kwargs.get("dim", -1)


def _picked(source: Tensor, indices: Tensor, dim: int) -> list[Any]:
    dropped = indices.ndim < source.ndim
    values = source.gather(dim, indices.unsqueeze(dim) if dropped else indices)
    return [values.squeeze(dim) if dropped else values, indices]


def _high_call(call: Call) -> list[Any]:
    args, kwargs = call.arguments(lambda o: o.high.clone() if o.written else o.high)
    return leaves(call.func(*args, **kwargs))


# The dispatcher's state (keys included, keys excluded) where no operator is running: that of this import.
_OUTSIDE: Final = (torch._C._dispatch_tls_local_include_set(), torch._C._dispatch_tls_local_exclude_set())  # pyright: ignore


@functools.cache
def _load_forward_derivatives() -> None:
    # make_dual imports these on its first call, and torch's own use of torch.jit in them warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")


def _dual_call(call: Call) -> tuple[list[Any], list[Any]]:
    """The operator on high as value and low as tangent: results and their tangents, none of these if it has no
    forward derivative.
    """
    _load_forward_derivatives()

    def dual(o: Operand) -> Tensor:
        # one number may stand for many (an expanded view), which a tangent cannot: both get memory of their own
        plain = torch.contiguous_format
        return forward_ad.make_dual(o.high.clone(memory_format=plain), o.low.clone(memory_format=plain))

    # Operators arrive here below autograd, and the forward derivatives live in it. Lifting single keys out of the
    # excluded ones isn't enough (operators on absent tangents then crash): the dispatcher's whole state is reset.
    try:
        with torch._C._ForceDispatchKeyGuard(*_OUTSIDE), forward_ad.dual_level():  # pyright: ignore
            args, kwargs = call.arguments(dual)
            primals: list[Any] = []
            tangents: list[Any] = []
            for value in leaves(call.func(*args, **kwargs)):
                primal, tangent = forward_ad.unpack_dual(value) if is_floating(value) else (value, None)
                primals.append(primal.detach().clone() if isinstance(primal, Tensor) else primal)
                tangents.append(tangent.detach().clone() if isinstance(tangent, Tensor) else None)
        return primals, tangents
    except (NotImplementedError, RuntimeError):
        return _high_call(call), []


# --- operators that torch runs as one, but that lose digits between their parts
# Each follows the native kernel's own order of operations, so the native result stays the same bit for bit.


def parts_of(func: Any) -> Callable[..., Any] | None:
    """The smaller operators that `func` is made of, if it is worth looking inside."""
    aten = torch.ops.aten
    if func is aten.soft_margin_loss.default:
        return _soft_margin_loss
    if func is aten.soft_margin_loss_backward.default:
        return _soft_margin_loss_backward
    if func is aten.logsumexp.default:
        return _logsumexp
    if func is aten.binary_cross_entropy_with_logits.default:
        composite: Any = torch._C.DispatchKey.CompositeExplicitAutograd
        return functools.partial(func._op_dk, composite)
    return None


def _reduced(loss: Tensor, reduction: int) -> Tensor:
    return loss if reduction == 0 else loss.mean() if reduction == 1 else loss.sum()


def _soft_margin_loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    return _reduced(x.neg().mul_(target).exp_().log1p_(), reduction)


def _soft_margin_loss_backward(grad: Tensor, x: Tensor, target: Tensor, reduction: int) -> Tensor:
    flipped = target.neg()
    z = torch.exp(flipped * x)
    inner = (flipped * z).mul_(1.0 / x.numel() if reduction == 1 else 1.0)
    return inner.div_(z.add_(1)).mul_(grad)


def _logsumexp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    dims = _dims(x, dim)
    if not x.is_floating_point() or x.numel() == 0 or not dims:
        return torch.log(torch.sum(torch.exp(x), dims, keepdim))
    top = torch.amax(x, dims, keepdim=True)
    squeezed = top if keepdim else top.squeeze(dims)
    squeezed = squeezed.masked_fill(squeezed.abs() == math.inf, 0)
    return (
        torch.sum((x - top.masked_fill(top.abs() == math.inf, 0)).exp_(), dims, keepdim).log_().add_(squeezed)
    )
