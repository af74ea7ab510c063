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
from typing import Any, Final, NamedTuple, final

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from numcheck.trace.accurate import accurate

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
class Pair(Tensor):
    """A tensor that holds the native value and the shadow high + low, under the native value's metadata."""

    native: Tensor
    high: Tensor
    low: Tensor
    origin: list[int]
    """The operation that last wrote this storage; one list shared by all views of it."""

    @staticmethod
    def __new__(cls: type["Pair"], native: Tensor, high: Tensor, low: Tensor, origin: list[int]) -> "Pair":
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
        return pair

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
    return Pair(native, high, torch.zeros_like(high), [-1])


def lift_all(tree: Any) -> Any:
    """The same lists, tuples and numbers with every floating tensor in them a pair."""
    return tree_map(_lift_leaf, tree)


def _lift_leaf(x: Any) -> Any:
    return lift(x) if is_floating(x) and not isinstance(x, Pair) else x


def relative_error(native: Tensor, high: Tensor, low: Tensor) -> Tensor:
    """Per element abs(native - shadow) / abs(shadow).

    0 where both agree (also on the same infinity or on NaN), inf where native is NaN, infinite or zero and the
    shadow isn't.
    """
    n = native.double()
    difference = ((n - high) - low).abs()
    error = torch.where(difference == 0, 0.0, difference / high.abs())
    if bool(torch.isfinite(error).all()):
        return torch.where((n == 0) & (difference != 0), math.inf, error)
    same = (difference == 0) | torch.isinf(n) & (n == high) | torch.isnan(n) & torch.isnan(high)
    return torch.where(same, 0.0, torch.where(torch.isfinite(error) & (n != 0), error, math.inf))


# --- the call: one operator about to run on pairs


class Operand(NamedTuple):
    """What one floating operand was just before its operator ran."""

    native: Tensor
    high: Tensor
    low: Tensor
    origin: int
    written: bool
    """The operator writes its result here."""


@final
@dataclass(frozen=True, eq=False)
class Call:
    """An operator and its arguments, in which every floating tensor is a pair."""

    func: Any
    stem: str
    """Its name without namespace, overload and the mark of the in-place variant: "sub" for aten.sub_.Tensor."""
    flat: Sequence[Any]
    spec: Any
    """`flat` are the leaves of the tree of arguments, `spec` is its shape."""
    operands: Sequence[Operand]
    """One for each pair in `flat`, in that order."""
    written: Sequence[Any]
    """The arguments that the operator writes to."""

    def native_arguments(self) -> tuple[Any, Any]:
        """The arguments and keyword arguments of the native run."""
        return tree_unflatten([x.native if isinstance(x, Pair) else x for x in self.flat], self.spec)

    def arguments(self, side: Callable[[Operand], Any]) -> tuple[Any, Any]:
        """The arguments and keyword arguments of a float64 run: `side` of each operand in its place."""
        operands = iter(self.operands)
        leaves = [side(next(operands)) if isinstance(x, Pair) else wide_dtype(x) for x in self.flat]
        return tree_unflatten(leaves, self.spec)


def call_of(func: Any, flat: Sequence[Any], spec: Any, written: Sequence[Any]) -> Call:
    """The call of `func` on the leaves `flat`; what it will overwrite is copied now."""
    pairs = [_lift_leaf(x) for x in flat]
    targets = {id(x) for x in written}
    operands = [
        Operand(x.native.clone(), x.high.clone(), x.low.clone(), x.origin[0], True)
        if id(x) in targets
        else Operand(x.native, x.high, x.low, x.origin[0], False)
        for x in pairs
        if isinstance(x, Pair)
    ]
    return Call(func, stem_of(str(func)), pairs, spec, operands, written)


def stem_of(name: str) -> str:
    """An operator's name without namespace, overload and the mark of the in-place variant."""
    return name.split(".")[1].rstrip("_")


def written_by(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments that an operator writes to, by its schema."""
    values: list[Any] = []
    for index, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            if index < len(args) and not argument.kwarg_only:
                values.append(args[index])
            elif argument.name in kwargs:
                values.append(kwargs[argument.name])
    return values


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
    low = torch.where(torch.isfinite(low) & torch.isfinite(high), low, 0.0)
    total, rest = _two_sum(high, low)
    return total, torch.where(torch.isfinite(rest), rest, 0.0)


def _dims(x: Tensor, dim: Any) -> list[int]:
    """The axes that a reduction's argument `dim` means, counted from the front."""
    if x.ndim == 0:
        return []
    if dim is None or dim == []:
        return list(range(x.ndim))
    return [d % x.ndim for d in ([dim] if isinstance(dim, int) else dim)]


def terms(stem: str, arguments: Sequence[Any], like: Tensor) -> tuple[Tensor, Tensor]:
    """The two numbers that an arithmetic operator meets, in its own order; alpha is not applied yet."""
    first, second = (
        v if isinstance(v, Tensor) else torch.tensor(float(v), dtype=torch.float64, device=like.device)
        for v in arguments[:2]
    )
    return (second, first) if stem == "rsub" else (first, second)


def alpha_of(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> float:
    """The factor of an addition's or subtraction's second term."""
    return float(keywords.get("alpha", arguments[2] if len(arguments) > 2 else 1))


def _sharpened(
    stem: str, args: Sequence[Any], kwargs: Mapping[str, Any], high: Tensor
) -> tuple[Tensor, Tensor]:
    """`high` again, and the rounding error that float64 made in computing it (0 if unknown)."""
    none = torch.zeros_like(high)
    if stem in ADDITIVE:
        first, second = (x.double() for x in terms(stem, args, high))
        alpha, rest = alpha_of(args, kwargs), none
        if alpha != 1:
            second, rest = _two_product(second, torch.tensor(alpha, dtype=torch.float64, device=high.device))
        sign = 1.0 if stem == "add" else -1.0
        total, more = _two_sum(first, sign * second)
        return total, more + sign * rest
    if stem == "mul":
        first, second = terms(stem, args, high)
        return _two_product(first.double(), second.double())
    if (stem == "div" and kwargs.get("rounding_mode") is None) or stem == "reciprocal":
        first, second = terms(stem, args if stem == "div" else [1.0, *args], high)
        product, rest = _two_product(high, second.double())
        return high, ((first - product) - rest) / second
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
    tangents: list[Any] = []
    if any(bool(o.low.any()) for o in call.operands):
        results, tangents = _dual_call(call)
    else:
        results = _high_call(call)
    if call.written:
        results = results[: len(call.written)]
    exact = None if noise is None else _accurate(call, lambda o: (o.high, o.low))
    highs: list[Any] = []
    lows: list[Any] = []
    for i, value in enumerate(results):
        if not is_floating(value):
            highs.append(value)
            lows.append(value)
            continue
        high = value.double()
        low = tangents[i] if i < len(tangents) and tangents[i] is not None else torch.zeros_like(high)
        if i == 0 and exact is not None and exact[0].shape == high.shape:
            high, low = exact
        elif i == 0:
            args, kwargs = call.arguments(lambda o: o.high)
            sharp, rest = _sharpened(call.stem, args, kwargs, high)
            if sharp.shape == high.shape:
                low = low + torch.where(torch.isfinite(rest), rest, 0.0)
                high = torch.where(torch.isfinite(sharp), sharp, high)
        if noise is not None and call.stem not in _EXACT:
            low = low + high * noise.like(high)
        high, low = _normalised(high, low)
        highs.append(high)
        lows.append(low)
    return highs, lows


def local_call(call: Call, sharp: bool) -> list[Any]:
    """The operator alone, without what came before it: float64 on the native operands."""
    args, kwargs = call.arguments(lambda o: o.native.double().clone())
    results = tree_flatten(call.func(*args, **kwargs))[0]
    exact = _accurate(call, _native_pair) if sharp else None
    if exact is not None and exact[0].shape == results[0].shape:
        results[0] = exact[0]
    return results


def _native_pair(o: Operand) -> tuple[Tensor, Tensor]:
    double = o.native.double()
    return double, torch.zeros_like(double)


def _accurate(call: Call, side: Callable[[Operand], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor] | None:
    args, kwargs = call.arguments(side)
    return accurate(call.stem, [*args, *kwargs.values()])


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
    return tree_flatten(call.func(*args, **kwargs))[0]


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
            for value in tree_flatten(call.func(*args, **kwargs))[0]:
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
