"""Where digits are lost inside a torch routine: every operator, forward and backward, beside a wider shadow.

`trace` runs a routine natively and, in lockstep, in a shadow of about 106 significand bits (an unevaluated
sum high + low of two float64) that starts from the same inputs; each floating operator leaves an `Operation`.
`blame` reads the record backwards from a wrong result. `emulate` runs a routine with every operator's result
rounded to a chosen significand and exponent range, so that widening one at a time shows what heals it.

Every tensor has a leading lanes axis N and lanes are independent. Both services see the operators below
autograd, so views, in-place operators, `torch.where`, `torch.autograd.Function` and the backward pass need no
cooperation.

What the shadow doesn't see: values that leave torch (`.item()`, `.numpy()`), random numbers (taken from the
native run), and the rounding inside one fused float64 operator (exp, matmul): + - * / sqrt and sums carry
their own rounding error. Torch takes another way through a few derivatives for any tensor subclass (prod):
there the traced gradient differs from a plain run's in its last bits.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import functools
import importlib
import linecache
import math
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple, final

import numpy as np
import torch
import torch.autograd.forward_ad as forward_ad
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from numcheck.formats import Format, format_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WIDENINGS: Final = (None, "range", "significand", "both")


class TraceError(RuntimeError):
    """An operator which can't be run in lockstep; the message names it. `emulate` may still work."""


@final
@dataclass(frozen=True)
class Operation:
    """One floating operator of a run, and what it did to the digits of each lane (the worst element counts).

    Errors are relative to the shadow: 0 where both agree (also on the same infinity or on NaN), inf where the
    native value is NaN, infinite or zero and the shadow's isn't.
    """

    name: str
    """The operator, as in "aten.sub.Tensor"."""
    where: str
    """"file.py:12": the innermost frame outside torch and this package's runners; in the backward pass the
    line of the forward operator whose derivative this is. Empty if unknown."""
    line: str
    """The text of that line."""
    phase: str
    """"forward" or "backward"."""
    operands: tuple[int, ...]
    """For each floating operand the operation that produced it, -1 for inputs and constants."""
    contributions: tuple[Floats, ...]
    """For each operand the relative error of the result which that operand's error explains."""
    error_in: Floats
    """Largest relative error among the operands."""
    error_out: Floats
    """Relative error of the result."""
    error_local: Floats
    """Relative error of the result against the same operator on the native operands in float64."""
    amplification: Floats
    """error_out over the larger of error_in and the unit roundoff; 1 where all digits were lost before."""
    bits_lost: Floats
    """Significand bits that were right in the operands and are wrong in the result; 0 .. precision."""
    cancelled_bits: Floats
    """Additions, subtractions, sums: leading bits of the operands that are gone from the result."""
    absorbed: Flags
    """An addition or subtraction returned one operand although the other was nonzero."""
    swallowed_bits: Floats
    """Additions, subtractions: trailing bits of the smaller operand for which the result had no room."""
    overflowed: Flags
    """Infinite result of finite operands."""
    overflowed_in_shadow: Flags
    """The shadow's result is infinite too."""
    pole: Flags
    """The infinite result is a division by zero or the logarithm of zero: no wider range would help."""
    underflowed: Flags
    """Zero or subnormal result that lost digits, out of operands that had not underflowed before."""
    vanished: Flags
    """Zero where no real number gives one: the shadow, which has float64's range, may have underflowed too."""
    born_nan: Flags
    """NaN out of NaN-free operands."""
    nan_kind: tuple[str, ...]
    """Per lane "0/0", "inf/inf", "0*inf", "inf-inf", "domain", or "" where no NaN was born."""
    diverged: Flags
    """A comparison (or index) came out differently in the shadow; the run followed the native side."""


@final
@dataclass(frozen=True)
class Repeat:
    """A line that ran several times on one call path: an iteration, perhaps one that didn't converge."""

    where: str
    line: str
    count: int
    change: Floats
    """Per lane the largest abs(last - previous) / max(abs(last), abs(previous)) over elements."""


@final
@dataclass(frozen=True)
class Sink:
    """A result of the run: what came out, and which operation made it."""

    name: str
    operation: int
    error: Floats
    """Error relative to max(abs(shadow), smallest normal); a shadow beyond the format counts as infinite."""
    nonfinite: Flags
    """The native result holds a NaN or an infinity on this lane."""
    nan: Flags


@final
@dataclass(frozen=True)
class Blame:
    """The operation that lost a lane's digits, and why."""

    operation: int
    """Index into `Trace.operations`."""
    cause: str
    """One of overflow, underflow, cancellation, absorption, nan_gradient, special_value, order."""
    bits: float
    """Significand bits lost at that operation."""
    path: tuple[int, ...]
    """The operations from the blamed lane's result back to where its error began."""


@final
@dataclass(frozen=True)
class Trace:
    """The record of one run; `output` and `gradients` are the native results."""

    operations: tuple[Operation, ...]
    output: Tensor
    gradients: Mapping[str, Tensor | None]
    """None where the output doesn't depend on the input differentiably."""
    repeated: tuple[Repeat, ...]
    lanes: int
    precision: int
    sinks: tuple[Sink, ...] = field(repr=False)

    def blame(self, of: str = "value") -> tuple[Blame | None, ...]:
        """Per lane what to blame for the digits that `of` ("value" or "grad") lost; None where none were."""
        if of not in ("value", "grad"):
            raise ValueError(f'blame of {of!r}: write of="value" or of="grad"')
        return tuple(_blame_lane(self, of, lane) for lane in range(self.lanes))


# --- the pair: one tensor, natively and in the shadow


@final
class _Pair(Tensor):
    """A tensor that holds the native value and the shadow high + low, under the native value's metadata."""

    native: Tensor
    high: Tensor
    low: Tensor
    origin: list[int]
    """The operation that last wrote this storage; one list shared by all views of it."""

    @staticmethod
    def __new__(cls: type["_Pair"], native: Tensor, high: Tensor, low: Tensor, origin: list[int]) -> "_Pair":
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


class _Operand(NamedTuple):
    """What one floating operand was just before its operator ran."""

    native: Tensor
    high: Tensor
    low: Tensor
    origin: int


def _lift(native: Tensor) -> _Pair:
    # A shadow that starts here doesn't know how the value came about: input, constant, or random number.
    return _Pair(native, native.double(), torch.zeros_like(native, dtype=torch.float64), [-1])


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


def _normalise(high: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.where(torch.isfinite(low) & torch.isfinite(high), low, 0.0)
    return _two_sum_finite(high, low)


def _two_sum_finite(high: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
    total, rest = _two_sum(high, low)
    return total, torch.where(torch.isfinite(rest), rest, 0.0)


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
        return torch.zeros(kept, dtype=torch.float64), torch.zeros(kept, dtype=torch.float64)
    return high[..., 0], low[..., 0]


_ADDITIVE: Final = frozenset({"add", "sub", "rsub"})
_SUMS: Final = frozenset(
    {"sum", "mean", "cumsum", "mm", "bmm", "mv", "dot", "addmm", "addmv", "baddbmm", "addcmul"}
)
_GATHERED: Final = frozenset({"gather", "index", "index_select", "amax", "amin", "max", "min"})
_PICKS: Final = frozenset(
    {"max", "min", "sort", "topk", "median", "nanmedian", "kthvalue", "mode", "cummax", "cummin"}
)
_NEVER_ZERO: Final = frozenset({"exp", "exp2", "sigmoid", "_softmax", "erfc"})
_ZERO_IS_A_POLE: Final = frozenset({"log", "log2", "log10", "reciprocal", "rsqrt", "digamma", "lgamma"})


def _normal_dims(x: Tensor, dim: Any) -> list[int]:
    if dim is None or dim == []:
        return list(range(x.ndim))
    return [d % x.ndim if x.ndim else 0 for d in ([dim] if isinstance(dim, int) else dim)] if x.ndim else []


def _terms(base: str, values: Sequence[Any], like: Tensor) -> tuple[Tensor, Tensor] | None:
    """The two numbers that an addition or subtraction meets, before alpha is applied to the second."""
    if len(values) < 2:
        return None
    first, second = (
        v if isinstance(v, Tensor) else torch.tensor(float(v), dtype=torch.float64, device=like.device)
        for v in values[:2]
    )
    return (second, first) if base == "rsub" else (first, second)


def _sharpen(
    base: str, args: Sequence[Any], kwargs: Mapping[str, Any], high: Tensor
) -> tuple[Tensor, Tensor]:
    """`high` again, and the rounding error that float64 made in computing it (0 if unknown)."""
    none = torch.zeros_like(high)
    plain = [a for a in args if not isinstance(a, (list, tuple))]
    numbers = all(isinstance(a, (Tensor, int, float)) for a in plain[:2])
    if base in _ADDITIVE and numbers:
        pair = _terms(base, plain, high)
        if pair is None:
            return high, none
        alpha = kwargs.get("alpha", plain[2] if len(plain) > 2 else 1)
        scaled, rest = _two_product(
            pair[1].double(), torch.tensor(float(alpha), dtype=torch.float64, device=high.device)
        )
        if alpha == 1:
            scaled, rest = pair[1].double(), none
        sign = 1.0 if base == "add" else -1.0
        total, more = _two_sum(pair[0].double(), sign * scaled)
        return total, more + sign * rest
    if base == "mul" and numbers and len(plain) == 2:
        pair = _terms(base, plain, high)
        return (high, none) if pair is None else _two_product(pair[0].double(), pair[1].double())
    if (
        base == "div" and numbers and len(plain) == 2 and kwargs.get("rounding_mode") is None
    ) or base == "reciprocal":
        pair = _terms("div", plain if base == "div" else [1.0, *plain], high)
        if pair is None:
            return high, none
        product, rest = _two_product(high, pair[1].double())
        return high, ((pair[0] - product) - rest) / pair[1]
    if base == "sqrt":
        product, rest = _two_product(high, high)
        return high, ((args[0] - product) - rest) / (2 * high)
    if base in ("sum", "mean"):
        x = args[0]
        dims = _normal_dims(x, args[1] if len(args) > 1 else kwargs.get("dim"))
        total, rest = _pairwise_sum(x, dims)
        count = math.prod(x.shape[d] for d in dims)
        if base == "mean" and count:
            quotient = total / count
            product, more = _two_product(quotient, torch.tensor(float(count), dtype=torch.float64))
            total, rest = quotient, (((total - product) - more) + rest) / count
        return total.reshape(high.shape), rest.reshape(high.shape)
    return high, none


# --- operators that torch runs as one, but that lose digits between their parts
# Each follows the native kernel's own order of operations, so the native result stays the same bit for bit.


def _reduce(loss: Tensor, reduction: int) -> Tensor:
    return loss if reduction == 0 else loss.mean() if reduction == 1 else loss.sum()


def _soft_margin_loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    return _reduce(x.neg().mul_(target).exp_().log1p_(), reduction)


def _soft_margin_loss_backward(grad: Tensor, x: Tensor, target: Tensor, reduction: int) -> Tensor:
    flipped = target.neg()
    z = torch.exp(flipped * x)
    inner = (flipped * z).mul_(1.0 / x.numel() if reduction == 1 else 1.0)
    return inner.div_(z.add_(1)).mul_(grad)


def _logsumexp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    dims = _normal_dims(x, dim)
    if not x.is_floating_point() or x.numel() == 0 or not dims:
        return torch.log(torch.sum(torch.exp(x), dims, keepdim))
    top = torch.amax(x, dims, keepdim=True)
    squeezed = top if keepdim else top.squeeze(dims)
    squeezed = squeezed.masked_fill(squeezed.abs() == math.inf, 0)
    return (
        torch.sum((x - top.masked_fill(top.abs() == math.inf, 0)).exp_(), dims, keepdim).log_().add_(squeezed)
    )


def _composite(func: Any) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        return func._op_dk(torch._C.DispatchKey.CompositeExplicitAutograd, *args, **kwargs)  # pyright: ignore

    return run


def _parts(func: Any) -> Callable[..., Any] | None:
    """The smaller operators that `func` is made of, if it is worth looking inside."""
    aten = torch.ops.aten
    if func is aten.soft_margin_loss.default:
        return _soft_margin_loss
    if func is aten.soft_margin_loss_backward.default:
        return _soft_margin_loss_backward
    if func is aten.logsumexp.default:
        return _logsumexp
    if func is aten.binary_cross_entropy_with_logits.default:
        return _composite(func)
    return None


# --- where an operator was called from

_TORCH: Final = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
_HERE: Final = os.path.dirname(os.path.abspath(__file__)) + os.sep
_RUNNERS: Final = frozenset(_HERE + name for name in ("trace.py", "measure.py", "diagnose.py"))
_MACHINERY: Final = tuple(
    _TORCH + name for name in ("_ops.py", "_tensor.py", "overrides.py", "utils", "_library", "autograd")
)


class _Place(NamedTuple):
    where: str
    line: str
    path: tuple[tuple[CodeType, int], ...]
    """The calls that led here, instruction by instruction: equal only for repetitions of a loop."""


_NOWHERE: Final = _Place("", "", ())


def _describe(frame: FrameType) -> tuple[str, str]:
    file, number = frame.f_code.co_filename, frame.f_lineno
    return f"{os.path.basename(file)}:{number}", linecache.getline(file, number).strip()


def _locate() -> _Place:
    """The routine's frames between this operator and `trace`; torch's own if the routine is torch's."""
    frame: FrameType | None = sys._getframe(1)
    inner: FrameType | None = None
    torch_inner: FrameType | None = None
    path: list[tuple[CodeType, int]] = []
    while frame is not None:
        name = frame.f_code.co_filename
        if name == __file__ and frame.f_code.co_name == "_call_routine":
            break
        if name.startswith(_TORCH):
            if torch_inner is None and not name.startswith(_MACHINERY):
                torch_inner = frame
        elif name not in _RUNNERS:
            inner = inner or frame
            path.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    best = inner or torch_inner
    return _NOWHERE if best is None else _Place(*_describe(best), tuple(path))


def _call_routine(run: Callable[[], Any]) -> Any:
    """The frame at which `_locate` stops."""
    return run()


# --- lockstep


def _is_floating(x: object) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


def _written(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    values: list[Any] = []
    for index, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            if index < len(args) and not argument.kwarg_only:
                values.append(args[index])
            elif argument.name in kwargs:
                values.append(kwargs[argument.name])
    return values


def _wide_dtype(x: Any) -> Any:
    return torch.float64 if isinstance(x, torch.dtype) and x.is_floating_point else x


def _argument(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], name: str, default: Any) -> Any:
    for index, argument in enumerate(func._schema.arguments):
        if argument.name == name:
            return args[index] if index < len(args) else kwargs.get(name, default)
    return default


class _LastResults:
    """The last two results of one instruction, for `Repeat`."""

    def __init__(self, place: _Place) -> None:
        self.place = place
        self.count = 0
        self.last: Tensor | None = None
        self.previous: Tensor | None = None

    def add(self, result: Tensor) -> None:
        self.count += 1
        self.previous, self.last = self.last, result.detach().clone()


@final
class _Lockstep(TorchDispatchMode):
    """Runs every operator natively and in the shadow, and writes down what happened."""

    def __init__(self, lanes: int) -> None:
        super().__init__()
        self.lanes = lanes
        self.phase = "forward"
        self.operations: list[Operation] = []
        self.places: dict[int, _Place] = {}
        self.repeats: dict[tuple[str, tuple[tuple[CodeType, int], ...]], _LastResults] = {}
        self.inside = 0
        self.zero = np.zeros(lanes)
        self.no = np.zeros(lanes, dtype=bool)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        parts = _parts(func)
        place = self._place()
        if parts is not None:
            self.inside += 1
            try:
                with self:
                    return parts(*args, **kwargs)
            finally:
                self.inside -= 1
        flat, spec = tree_flatten((args, kwargs))
        if any(isinstance(x, Tensor) and x.is_complex() for x in flat):
            raise TraceError(f"{func}: complex numbers have no shadow")
        written = _written(func, args, kwargs)
        traced = any(isinstance(x, _Pair) for x in flat)
        if traced and any(_is_floating(w) and not isinstance(w, _Pair) for w in written):
            raise TraceError(f"{func}: a traced value is written into a tensor made outside the routine")
        if not any(_is_floating(x) for x in flat) or (written and not traced):
            return self._wrap_constants(func(*args, **kwargs))
        lifted = [_lift(x) if _is_floating(x) and not isinstance(x, _Pair) else x for x in flat]
        seen = [id(w) for w in written]

        def native_arguments() -> tuple[Any, Any]:
            return tree_unflatten([x.native if isinstance(x, _Pair) else x for x in lifted], spec)

        if func.is_view:
            native_args, native_kwargs = native_arguments()
            return self._view(func, native_args, native_kwargs, lifted, spec)
        operands = [
            _Operand(x.native.clone(), x.high.clone(), x.low.clone(), x.origin[0])
            if id(x) in seen
            else _Operand(x.native, x.high, x.low, x.origin[0])
            for x in lifted
            if isinstance(x, _Pair)
        ]
        native_args, native_kwargs = native_arguments()
        native = func(*native_args, **native_kwargs)  # an exception here is the routine's own
        try:
            return self._shadow(func, native, lifted, spec, written, operands, place)
        except TraceError:
            raise
        except Exception as error:
            raise TraceError(
                f"{func}: no shadow for this operator ({type(error).__name__}: {error})"
            ) from error

    def _place(self) -> _Place:
        place = _locate()
        # Autograd numbers its nodes as it makes them, just before the operator runs: the number leads from a
        # backward operator to the line of the forward operator whose derivative it is.
        if self.phase == "forward":
            self.places.setdefault(torch.autograd._get_sequence_nr() - 1, place)
            return place
        if place.path:
            return place
        node: Any = torch._C._current_autograd_node()  # None while gradients are being added up
        return _NOWHERE if node is None else self.places.get(node._sequence_nr(), _NOWHERE)

    def _wrap_constants(self, result: Any) -> Any:
        flat, spec = tree_flatten(result)
        return tree_unflatten(
            [_lift(x) if _is_floating(x) and not isinstance(x, _Pair) else x for x in flat], spec
        )

    def _view(self, func: Any, native_args: Any, native_kwargs: Any, lifted: list[Any], spec: Any) -> Any:
        source = next(x for x in lifted if isinstance(x, _Pair))
        native = func(*native_args, **native_kwargs)
        sides: list[list[Any]] = []
        for side in ("high", "low"):
            a, k = tree_unflatten(
                [_wide_dtype(getattr(x, side) if isinstance(x, _Pair) else x) for x in lifted], spec
            )
            sides.append(tree_flatten(func(*a, **k))[0])
        flat, out_spec = tree_flatten(native)
        pairs = [
            _Pair(n, h, w, source.origin) if _is_floating(n) else n
            for n, h, w in zip(flat, sides[0], sides[1], strict=True)
        ]
        return tree_unflatten(pairs, out_spec)

    def _shadow(
        self,
        func: Any,
        native: Any,
        lifted: list[Any],
        spec: Any,
        written: list[Any],
        operands: list[_Operand],
        place: _Place,
    ) -> Any:
        flat_native, out_spec = tree_flatten(native)
        base = func._schema.name.split("::")[-1]
        if base.endswith("_") and not base.endswith("__"):
            base = base[:-1]
        if not any(_is_floating(x) for x in flat_native) and not written:
            self._record_divergence(func, flat_native, lifted, spec, operands, place)
            return native
        if base in ("empty_like", "zeros_like", "ones_like", "full_like") or base.startswith("new_"):
            return self._wrap_constants(native)
        if torch.Tag.nondeterministic_seeded in func.tags:
            if written:
                raise TraceError(f"{func}: random numbers written in place have no shadow")
            return self._wrap_constants(self._random(func, native, lifted))
        if base == "_unsafe_view":
            # The shadow's layout may differ from the native one's (column-major results of linear algebra).
            source = operands[0]
            high, low = source.high.reshape(native.shape), source.low.reshape(native.shape)
            return _Pair(native, high, low, [source.origin])
        if base == "clone":
            source = operands[0]
            return _Pair(native, source.high.clone(), source.low.clone(), [source.origin])
        highs, lows = _wide_call(func, base, lifted, spec, written, flat_native)
        local = _local_call(func, operands, lifted, spec)
        index = len(self.operations)
        if written:
            for w, high, low in zip(written, highs, lows, strict=True):
                if isinstance(w, _Pair):
                    if w.shape != w.native.shape:
                        raise TraceError(f"{func}: an output that changes its shape has no shadow")
                    w.high.copy_(high)
                    w.low.copy_(low)
            result_native, result_high, result_low = written[0].native, highs[0], lows[0]
        else:
            first = next(i for i, x in enumerate(flat_native) if _is_floating(x))
            result_native, result_high, result_low = flat_native[first], highs[first], lows[first]
            local = local[first : first + 1] if len(local) > first else []
        self._record(
            func,
            base,
            place,
            operands,
            lifted,
            spec,
            result_native,
            result_high,
            result_low,
            local[0] if local else None,
        )
        if place.path and self.phase == "forward" and not self.inside:
            self.repeats.setdefault((str(func), place.path), _LastResults(place)).add(result_native)
        if written:
            for w in written:
                if isinstance(w, _Pair):
                    w.origin[0] = index
            returns = len(func._schema.returns)
            return None if returns == 0 else written[0] if returns == 1 else tuple(written)
        pairs = [
            _Pair(n, h, w, [index]) if _is_floating(n) else n
            for n, h, w in zip(flat_native, highs, lows, strict=True)
        ]
        return tree_unflatten(pairs, out_spec)

    def _random(self, func: Any, native: Any, lifted: list[Any]) -> Any:
        if func is torch.ops.aten.native_dropout.default:
            raise TraceError(f"{func}: dropout in training mode has no shadow; trace it in evaluation mode")
        return native

    def _record_divergence(
        self,
        func: Any,
        native: list[Any],
        lifted: list[Any],
        spec: Any,
        operands: list[_Operand],
        place: _Place,
    ) -> None:
        # `_local_scalar_dense` and the like hand numbers to Python: nothing to compare lane by lane.
        if not operands or not all(isinstance(x, Tensor) for x in native):
            return
        args, kwargs = tree_unflatten(
            [_wide_dtype(x.high if isinstance(x, _Pair) else x) for x in lifted], spec
        )
        shadow = tree_flatten(func(*args, **kwargs))[0]
        diverged = np.zeros(self.lanes, dtype=bool)
        for n, s in zip(native, shadow, strict=True):
            if n.shape == s.shape:
                diverged |= self.any(n != s)
        if not diverged.any():
            return
        zero, no = self.zero, self.no
        self.operations.append(
            Operation(
                name=str(func),
                where=place.where,
                line=place.line,
                phase=self.phase,
                operands=tuple(o.origin for o in operands),
                contributions=tuple(self.worst(_relative(o.native, o.high, o.low)) for o in operands),
                error_in=zero,
                error_out=zero,
                error_local=zero,
                amplification=zero,
                bits_lost=zero,
                cancelled_bits=zero,
                absorbed=no,
                swallowed_bits=zero,
                overflowed=no,
                overflowed_in_shadow=no,
                pole=no,
                underflowed=no,
                vanished=no,
                born_nan=no,
                nan_kind=("",) * self.lanes,
                diverged=diverged,
            )
        )

    # Lane-wise reductions. A tensor without a lanes axis counts for every lane.

    def _by_lane(self, x: Tensor) -> Tensor:
        if x.numel() == 0:
            return torch.zeros((self.lanes, 1), dtype=x.dtype)
        if x.ndim and x.shape[0] == self.lanes:
            return x.reshape(self.lanes, -1)
        axes = [d for d in range(x.ndim) if x.shape[d] == self.lanes]
        if len(axes) == 1:
            return x.movedim(axes[0], 0).reshape(self.lanes, -1)
        if x.ndim and x.shape[0] % self.lanes == 0:
            return x.reshape(self.lanes, -1)  # lanes and another axis flattened into one
        return x.reshape(1, -1).expand(self.lanes, -1)

    def worst(self, x: Tensor) -> Floats:
        return self._by_lane(x).amax(1).double().cpu().numpy()

    def any(self, x: Tensor) -> Flags:
        return self._by_lane(x).any(1).cpu().numpy()

    def _record(
        self,
        func: Any,
        base: str,
        place: _Place,
        operands: list[_Operand],
        lifted: list[Any],
        spec: Any,
        native: Tensor,
        high: Tensor,
        low: Tensor,
        local: Tensor | None,
    ) -> None:
        number_format = format_of(native.dtype)
        roundoff, precision = number_format.unit_roundoff, number_format.precision
        out = native.double()
        pointwise = torch.Tag.pointwise in func.tags and all(_spreads(o.native, native) for o in operands)
        args, kwargs = tree_unflatten(
            [_wide_dtype(x) if not isinstance(x, _Pair) else o for x, o in _with_operands(lifted, operands)],
            spec,
        )

        errors = [_relative(o.native, o.high, o.low) for o in operands]
        error_out = _relative(native, high, low)
        if base == "where" and pointwise and isinstance(args[0], Tensor) and len(operands) == 2:
            # Only the branch that was taken counts.
            errors = [torch.where(args[0], errors[0], 0.0), torch.where(args[0], 0.0, errors[1])]
        error_in: Tensor
        if pointwise:
            error_in = torch.zeros_like(error_out)
            for e in errors:
                error_in = torch.maximum(error_in, e.expand_as(error_out))
        else:
            by_lane = np.max([self.worst(e) for e in errors], axis=0) if errors else self.zero
            error_in, error_out = torch.from_numpy(by_lane), torch.from_numpy(self.worst(error_out))
        amplification = error_out / error_in.clamp(min=roundoff)
        amplification = torch.where(error_in == math.inf, (error_out == math.inf).double(), amplification)
        bits = torch.log2(error_out.clamp(roundoff, 1.0) / error_in.clamp(roundoff, 1.0)).clamp(0, precision)

        contributions: list[Floats] = []
        scale = high.abs()
        for o, e in zip(operands, errors, strict=True):
            if pointwise and base in _ADDITIVE:
                difference = ((o.native.double() - o.high) - o.low).abs()
                e = torch.where(difference == 0, 0.0, difference / scale)
            if pointwise:
                e = e.expand_as(native)
            lane = self.worst(torch.nan_to_num(e, nan=math.inf, posinf=math.inf))
            # A NaN or an infinity that both sides share is no error, but it is what to follow.
            if not bool(torch.isfinite(o.native).all()):
                lane = np.where(self.any(~torch.isfinite(o.native)), math.inf, lane)
            contributions.append(lane)

        pair: tuple[Tensor, Tensor] | None = None
        if base in _ADDITIVE:
            natives = [a.native.double() if isinstance(a, _Operand) else a for a in args]
            if len(natives) > 1 and all(isinstance(a, (Tensor, int, float)) for a in natives[:2]):
                pair = _terms(base, natives, out)
        elif base in ("addcmul", "addcdiv"):
            a, b, c = (x.native.double() for x in args[:3])
            value = float(kwargs.get("value", 1))
            pair = (a, value * (b * c if base == "addcmul" else b / c))
        absorbed, swallowed, cancelled = self.no, self.zero, self.zero
        if pair is not None:
            alpha = kwargs.get("alpha", args[2] if len(args) > 2 and base in _ADDITIVE else 1)
            first, second = pair[0], pair[1] * float(alpha) if base in _ADDITIVE else pair[1]
            second = -second if base in ("sub", "rsub") else second
            finite = torch.isfinite(out)
            absorbed = self.any(
                finite & (((out == first) & (second != 0)) | ((out == second) & (first != 0)))
            )
            cancelled = self.worst(_bits_between(torch.maximum(first.abs(), second.abs()), out, precision))
            smaller = torch.minimum(first.abs(), second.abs())
            room = _bits_between(out, torch.where(smaller == 0, out, smaller), precision)
            swallowed = self.worst(torch.where(finite, room, 0.0))
        elif base in _SUMS:
            a, k = tree_unflatten(
                [
                    o.native.double().abs() if isinstance(x, _Pair) else _wide_dtype(x)
                    for x, o in _with_operands(lifted, operands)
                ],
                spec,
            )
            magnitude = func(*a, **k)
            if isinstance(magnitude, Tensor) and magnitude.shape == out.shape:
                cancelled = self.worst(_bits_between(magnitude, out, precision))

        no = self.no
        overflowed_lanes = in_shadow = pole = underflowed_lanes = born_lanes = no
        nan_kind = ("",) * self.lanes
        if not bool(torch.isfinite(out).all()):
            born = torch.isnan(out) & ~self._any_operand(operands, native, pointwise, torch.isnan)
            overflowed = torch.isinf(out) & ~self._any_operand(
                operands, native, pointwise, lambda t: ~torch.isfinite(t)
            )
            born_lanes, overflowed_lanes = self.any(born), self.any(overflowed)
            nan_kind = self._nan_kinds(base, args, born)
            in_shadow = self.any(overflowed & torch.isinf(high))
            pole = self.any(overflowed & _at_pole(base, args, out))
        error_local = self.zero
        if local is not None and local.shape == out.shape:
            errors_local = _relative(native, local, torch.zeros_like(local))
            error_local = self.worst(errors_local)
            smallest = number_format.smallest_normal
            # Sums of a format's numbers are exact where they are small; only a Python number that the format
            # doesn't hold, such as an epsilon, underflows in one.
            lossy = errors_local > roundoff
            small = (out.abs() < smallest) & (torch.maximum(local.abs(), high.abs()) < 2 * smallest) & lossy
            if bool(small.any()):
                before = self._any_operand(
                    operands, native, pointwise, lambda t: t.abs() < smallest, lossy=True
                )
                # In a fused operator an element may vanish that a wider range wouldn't have kept: it speaks first.
                lost_in_range = (errors_local >= 0.25) & ~small
                underflowed_lanes = self.any(small & ~before) & ~self.any(lost_in_range)
        self.operations.append(
            Operation(
                name=str(func),
                where=place.where,
                line=place.line,
                phase=self.phase,
                operands=tuple(o.origin for o in operands),
                contributions=tuple(contributions),
                error_in=self.worst(error_in),
                error_out=self.worst(error_out),
                error_local=error_local,
                amplification=self.worst(amplification),
                bits_lost=self.worst(bits),
                cancelled_bits=cancelled,
                absorbed=absorbed,
                swallowed_bits=swallowed,
                overflowed=overflowed_lanes,
                overflowed_in_shadow=in_shadow,
                pole=pole,
                underflowed=underflowed_lanes,
                vanished=self.any(_vanished(base, args, out)),
                born_nan=born_lanes,
                nan_kind=nan_kind,
                diverged=no,
            )
        )

    def _any_operand(
        self,
        operands: list[_Operand],
        native: Tensor,
        pointwise: bool,
        test: Callable[[Tensor], Tensor],
        lossy: bool = False,
    ) -> Tensor:
        """Where (per element, or per lane as far as that can be told) some operand passes `test`.

        `lossy` asks for more than the last digit's error besides.
        """
        found = torch.zeros_like(native, dtype=torch.bool)
        for o in operands:
            flags = test(o.native)
            if lossy:
                flags = flags & (_relative(o.native, o.high, o.low) > format_of(o.native.dtype).unit_roundoff)
            if pointwise:
                found = found | flags
            else:
                lanes = torch.from_numpy(self.any(flags)).to(native.device)
                if native.ndim and native.shape[0] == self.lanes:
                    found = found | lanes.reshape(-1, *[1] * (native.ndim - 1))
                else:
                    found = found | lanes.any()
        return found

    def _nan_kinds(self, base: str, args: Sequence[Any], born: Tensor) -> tuple[str, ...]:
        lanes = self.any(born)
        if not lanes.any():
            return ("",) * self.lanes
        tensors = [a.native for a in args if isinstance(a, _Operand)]
        kinds = np.full(self.lanes, "domain", dtype=object)
        if base == "div" and len(tensors) == 2:
            zero = self.any((tensors[0] == 0) & (tensors[1] == 0))
            kinds = np.where(zero, "0/0", "inf/inf").astype(object)
        elif base == "div":
            kinds[:] = "0/0" if len(tensors) == 1 and bool((tensors[0] == 0).any()) else "inf/inf"
        elif base == "mul":
            kinds[:] = "0*inf"
        elif base in _ADDITIVE or base in _SUMS or "softmax" in base:
            kinds[:] = "inf-inf"
        return tuple(str(k) if lane else "" for k, lane in zip(kinds, lanes, strict=True))

    def repeated(self) -> tuple[Repeat, ...]:
        by_line: dict[tuple[tuple[tuple[CodeType, int], ...], str], _LastResults] = {}
        for (_, path), results in self.repeats.items():
            if results.count > 1:
                # The last instruction of a line is what the line computes.
                key = (path[1:], results.place.where)
                known = by_line.get(key)
                if known is None or path[0][1] >= known.place.path[0][1]:
                    by_line[key] = results
        found: list[Repeat] = []
        for r in by_line.values():
            if r.last is None or r.previous is None or r.last.shape != r.previous.shape:
                continue
            last, previous = r.last.double(), r.previous.double()
            size = torch.maximum(last.abs(), previous.abs())
            same = (last == previous) | (last.isnan() & previous.isnan())
            change = torch.where(
                same, 0.0, torch.nan_to_num((last - previous).abs() / size, nan=math.inf, posinf=math.inf)
            )
            found.append(Repeat(r.place.where, r.place.line, r.count, self.worst(change)))
        return tuple(found)


def _with_operands(lifted: list[Any], operands: list[_Operand]) -> list[tuple[Any, Any]]:
    """Each flat argument beside its operand record (itself where it is none)."""
    rest = iter(operands)
    return [(x, next(rest)) if isinstance(x, _Pair) else (x, x) for x in lifted]


def _spreads(x: Tensor, result: Tensor) -> bool:
    try:
        return torch.broadcast_shapes(x.shape, result.shape) == result.shape
    except RuntimeError:
        return False


def _relative(native: Tensor, high: Tensor, low: Tensor) -> Tensor:
    n = native.double()
    difference = ((n - high) - low).abs()
    error = torch.where(difference == 0, 0.0, difference / high.abs())
    if bool(torch.isfinite(error).all()):
        return torch.where((n == 0) & (difference != 0), math.inf, error)
    same = (difference == 0) | torch.isinf(n) & (n == high) | torch.isnan(n) & torch.isnan(high)
    return torch.where(same, 0.0, torch.where(torch.isfinite(error) & (n != 0), error, math.inf))


def _bits_between(large: Tensor, result: Tensor, precision: int) -> Tensor:
    """How many binary exponents abs(result) lies below `large`; `precision` where the result is zero."""
    bits = (torch.frexp(large)[1] - torch.frexp(result)[1]).double()
    bits = torch.where((result == 0) & (large != 0), float(precision), bits)
    usable = torch.isfinite(large) & torch.isfinite(result) & (large != 0)
    return torch.where(usable, bits, 0.0).clamp(0, precision).expand_as(result)


def _at_pole(base: str, args: Sequence[Any], out: Tensor) -> Tensor:
    zero_at: Any = None
    numbers = [a.native if isinstance(a, _Operand) else a for a in args]
    if base in _ZERO_IS_A_POLE or base == "pow":
        zero_at = numbers[0]
    elif base in ("div", "addcdiv"):
        zero_at = numbers[-1] if base == "addcdiv" else numbers[1]
    elif base == "log1p":
        zero_at = numbers[0] + 1
    if isinstance(zero_at, Tensor):
        return (zero_at == 0).expand_as(out)
    return torch.full_like(out, isinstance(zero_at, (int, float)) and zero_at == 0, dtype=torch.bool)


def _vanished(base: str, args: Sequence[Any], out: Tensor) -> Tensor:
    """Zeros of operators that are never zero, and of products without a factor zero."""
    zero = (out == 0) & torch.tensor(base in _NEVER_ZERO or base in ("mul", "prod"))
    numbers = [a.native if isinstance(a, _Operand) else a for a in args]
    factors = numbers[:2] if base == "mul" else numbers[:1]
    for factor in factors if bool(zero.any()) else ():
        x = torch.as_tensor(factor)
        usable = torch.isfinite(x) & (x != 0) if base in ("mul", "prod") else torch.isfinite(x)
        if base == "prod":
            usable = usable.reshape(len(usable), -1).all(1).reshape(-1, *[1] * (out.ndim - 1))
        if usable.ndim and not _spreads(usable, out):
            return torch.zeros_like(zero)
        zero = zero & usable
    return zero


def _local_call(func: Any, operands: list[_Operand], lifted: list[Any], spec: Any) -> list[Any]:
    """The operator alone: float64 on the native operands."""
    args, kwargs = tree_unflatten(
        [
            o.native.double().clone() if isinstance(x, _Pair) else _wide_dtype(x)
            for x, o in _with_operands(lifted, operands)
        ],
        spec,
    )
    return tree_flatten(func(*args, **kwargs))[0]


def _wide_call(
    func: Any, base: str, lifted: list[Any], spec: Any, written: list[Any], native: list[Any]
) -> tuple[list[Any], list[Any]]:
    """The operator on the shadow's operands: its results' high and low parts.

    low follows to first order, by torch's own forward derivatives; an operator without one drops it.
    """
    seen = [id(w) for w in written]
    highs = [
        x.high.clone() if id(x) in seen else x.high if isinstance(x, _Pair) else _wide_dtype(x)
        for x in lifted
    ]
    args, kwargs = tree_unflatten(highs, spec)
    if base in _PICKS and len(native) == 2 and not written:
        # The native side decides which element is picked.
        dim = _argument(func, args, kwargs, "dim", -1)
        source = next(x for x in lifted if isinstance(x, _Pair))
        return _picked(source.high, native[1], dim), _picked(source.low, native[1], dim)
    tangents: list[Any] = []
    result: Any
    if any(isinstance(x, _Pair) and bool(x.low.any()) for x in lifted):
        result, tangents = _dual_call(func, lifted, seen, spec)
    else:
        result = func(*args, **kwargs)
    flat = tree_flatten(result)[0]
    if written:
        flat = flat[: len(written)]
    out_high: list[Any] = []
    out_low: list[Any] = []
    for i, value in enumerate(flat):
        if not _is_floating(value):
            out_high.append(value)
            out_low.append(value)
            continue
        high = value.double()
        low = tangents[i] if i < len(tangents) and tangents[i] is not None else torch.zeros_like(high)
        if i == 0:
            source_args, source_kwargs = tree_unflatten(
                [x.high if isinstance(x, _Pair) else _wide_dtype(x) for x in lifted], spec
            )
            sharp, rest = _sharpen(base, source_args, source_kwargs, high)
            if sharp.shape == high.shape:
                low = low + torch.where(torch.isfinite(rest), rest, 0.0)
                high = torch.where(torch.isfinite(sharp), sharp, high)
        high, low = _normalise(high, low)
        out_high.append(high)
        out_low.append(low)
    return out_high, out_low


def _picked(source: Tensor, indices: Tensor, dim: int) -> list[Any]:
    if source.ndim == 0:
        return [source.clone(), indices]
    dropped = indices.ndim < source.ndim
    values = source.gather(dim, indices.unsqueeze(dim) if dropped else indices)
    return [values.squeeze(dim) if dropped else values, indices]


# The dispatcher's state (keys included, keys excluded) where no operator is running: that of this import.
_OUTSIDE: Final = (torch._C._dispatch_tls_local_include_set(), torch._C._dispatch_tls_local_exclude_set())  # pyright: ignore


@functools.cache
def _load_forward_derivatives() -> None:
    # make_dual imports these on its first call, and torch's own use of torch.jit in them warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")


def _dual_call(func: Any, lifted: list[Any], seen: list[int], spec: Any) -> tuple[Any, list[Any]]:
    _load_forward_derivatives()

    def arguments(dual: bool) -> tuple[Any, Any]:
        flat: list[Any] = []
        for x in lifted:
            if isinstance(x, _Pair):
                high = x.high.clone() if id(x) in seen else x.high.detach()
                flat.append(forward_ad.make_dual(high, x.low.clone()) if dual else high)
            else:
                flat.append(_wide_dtype(x))
        return tree_unflatten(flat, spec)

    # Operators arrive here below autograd, and the forward derivatives live in it. Lifting single keys out of the
    # excluded ones isn't enough (operators on absent tangents then crash): the dispatcher's whole state is reset.
    try:
        with torch._C._ForceDispatchKeyGuard(*_OUTSIDE), forward_ad.dual_level():  # pyright: ignore
            args, kwargs = arguments(dual=True)
            result = func(*args, **kwargs)
            flat, out_spec = tree_flatten(result)
            primals: list[Any] = []
            tangents: list[Any] = []
            for value in flat:
                primal, tangent = forward_ad.unpack_dual(value) if _is_floating(value) else (value, None)
                primals.append(primal.detach().clone() if isinstance(primal, Tensor) else primal)
                tangents.append(tangent.detach().clone() if isinstance(tangent, Tensor) else None)
        return tree_unflatten(primals, out_spec), tangents
    except (NotImplementedError, RuntimeError):
        args, kwargs = arguments(dual=False)
        return func(*args, **kwargs), []


# --- tracing


def _lanes_of(arguments: Mapping[str, object]) -> int:
    for value in arguments.values():
        if isinstance(value, Tensor) and value.ndim:
            return value.shape[0]
    raise ValueError("nothing to trace: give at least one tensor argument with a leading lanes axis")


def _differentiable(arguments: Mapping[str, object], differentiate: Sequence[str]) -> None:
    for name in differentiate:
        if not _is_floating(arguments.get(name)):
            raise ValueError(
                f"cannot differentiate {name!r}: name floating tensor arguments, of {sorted(arguments)}"
            )


def trace(
    function: Callable[..., Any],
    arguments: Mapping[str, object],
    differentiate: Sequence[str] = (),
    cotangent: Tensor | None = None,
) -> Trace:
    """Run `function(**arguments)`, and its gradient by the arguments in `differentiate`, beside the shadow.

    `cotangent` has the output's shape and defaults to ones. Raises TraceError where an operator can't be run
    in lockstep; an exception of the routine itself passes through.
    """
    lanes = _lanes_of(arguments)
    _differentiable(arguments, differentiate)
    mode = _Lockstep(lanes)
    wrapped: dict[str, object] = {}
    for name, value in arguments.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            pair = _lift(value.detach().clone(memory_format=torch.contiguous_format))
            wrapped[name] = pair.requires_grad_() if name in differentiate else pair
        else:
            wrapped[name] = value
    with mode:
        output = _call_routine(lambda: function(**wrapped))
        if not isinstance(output, Tensor):
            raise TraceError(f"the routine returned {type(output).__name__}: return one tensor")
        gradients = _backward(
            mode, output, wrapped, differentiate, None if cotangent is None else _lift(cotangent.detach())
        )
    sinks = [_sink("value", output, mode)]
    sinks += [_sink(name, g, mode) for name, g in gradients.items() if g is not None]
    return Trace(
        operations=tuple(mode.operations),
        output=_native(output),
        gradients={name: None if g is None else _native(g) for name, g in gradients.items()},
        repeated=mode.repeated(),
        lanes=lanes,
        precision=format_of(output.dtype).precision if output.is_floating_point() else 53,
        sinks=tuple(sinks),
    )


def _native(x: Tensor) -> Tensor:
    return x.native.detach() if isinstance(x, _Pair) else x.detach()


def _backward(
    mode: _Lockstep | None,
    output: Tensor,
    arguments: Mapping[str, object],
    names: Sequence[str],
    cotangent: Tensor | None,
) -> dict[str, Tensor | None]:
    if not names or not output.requires_grad:
        return dict.fromkeys(names)
    if mode is not None:
        mode.phase = "backward"
    seed = torch.ones_like(output) if cotangent is None else cotangent
    inputs = [arguments[name] for name in names]
    found = _call_routine(lambda: torch.autograd.grad(output, inputs, seed, allow_unused=True))  # pyright: ignore
    return dict(zip(names, found, strict=True))


def _sink(name: str, result: Tensor, mode: _Lockstep) -> Sink:
    if not isinstance(result, _Pair):
        none = np.zeros(mode.lanes, dtype=bool)
        return Sink(name, -1, np.zeros(mode.lanes), none, none)
    number_format = format_of(result.native.dtype)
    n = result.native.double()
    top = number_format.largest * (1 + number_format.unit_roundoff)
    # What the format can't hold is not the routine's loss.
    high = torch.where(
        result.high.abs() > top,
        torch.copysign(torch.tensor(math.inf, dtype=torch.float64), result.high),
        result.high,
    )
    difference = torch.where(n == high, 0.0, ((n - high) - result.low).abs())
    error = difference / high.abs().clamp(min=number_format.smallest_normal)
    both_nan = torch.isnan(n) & torch.isnan(high)
    error = torch.where(
        both_nan | (difference == 0), 0.0, torch.nan_to_num(error, nan=math.inf, posinf=math.inf)
    )
    return Sink(
        name, result.origin[0], mode.worst(error), mode.any(~torch.isfinite(n)), mode.any(torch.isnan(n))
    )


# --- blame

# A result within this many unit roundoffs of the shadow has lost nothing worth explaining.
_FAITHFUL: Final = 4.0
# How far back a producer may lie from the operation that made its rounding visible.
_REACH: Final = 4


def _blame_lane(trace: Trace, of: str, lane: int) -> Blame | None:
    roundoff = 2.0**-trace.precision
    value = trace.sinks[0]
    candidates = [
        s
        for s in (trace.sinks[:1] if of == "value" else trace.sinks[1:])
        if s.operation >= 0 and (s.nonfinite[lane] or s.error[lane] > _FAITHFUL * roundoff)
    ]
    if not candidates:
        return None
    sink = max(candidates, key=lambda s: (bool(s.nan[lane]), bool(s.nonfinite[lane]), float(s.error[lane])))
    path, relevant = _follow(trace, sink.operation, lane)
    operations = trace.operations
    forward_holds = not value.nonfinite[lane] and not value.error[lane] > 0.5
    # From the source of the error towards the result: what happened first is the cause of what followed.
    for index in reversed(path):
        op = operations[index]
        if op.overflowed[lane] and not op.pole[lane]:
            later_nan = [
                i for i in path if operations[i].born_nan[lane] and operations[i].phase == "backward"
            ]
            if op.phase == "forward" and forward_holds and later_nan:
                # The value never used the infinity; only the derivative multiplied it by zero.
                return Blame(later_nan[-1], "nan_gradient", float(trace.precision), path)
            return Blame(index, "overflow", float(trace.precision), path)
        singular = op.pole[lane] and op.error_in[lane] <= _FAITHFUL * roundoff
        if op.born_nan[lane] or singular:
            outside = _left_the_range_before(trace, index, lane) if op.phase == "forward" else None
            if outside is not None:
                cause = "overflow" if operations[outside].overflowed[lane] else "underflow"
                return Blame(outside, cause, float(trace.precision), path)
            if op.error_in[lane] > 0.25 and any(
                operations[i].bits_lost[lane] >= 2 for i in path[path.index(index) + 1 :]
            ):
                continue  # the operand that makes it singular is itself the ruin of an earlier loss
            # The value may hold although a branch that it never took doesn't.
            hidden = of == "grad" and forward_holds
            cause = "nan_gradient" if op.phase == "backward" or hidden else "special_value"
            return Blame(index, cause, float(trace.precision), path)
    if not any(operations[i].error_out[lane] > 0 for i in path):
        return None
    lost = {
        i: _bits_lost_on_the_way(operations[i], error, roundoff, lane)
        for i, error in zip(path, relevant, strict=True)
    }
    culprit = max(reversed(path), key=lambda i: lost[i])
    op = operations[culprit]
    bits = lost[culprit]
    if op.underflowed[lane] or (
        op.error_in[lane] <= _FAITHFUL * roundoff and _producer_underflowed(trace, op, lane)
    ):
        return Blame(culprit, "underflow", bits, path)
    base = _base(op)
    if bits < 2.0:
        # Death by many small losses: no operation stands out, the chain does.
        additions = [i for i in path if _base(operations[i]) in _ADDITIVE or _base(operations[i]) in _SUMS]
        absorbing = [i for i in additions if operations[i].absorbed[lane]]
        if absorbing:
            return Blame(absorbing[-1], "absorption", bits, path)
        places = [operations[i].where for i in additions]
        if any(_base(operations[i]) in _SUMS for i in additions) or any(places.count(p) >= 3 for p in places):
            return Blame(culprit, "order", bits, path)
    if base in _SUMS:
        return Blame(culprit, "cancellation" if op.cancelled_bits[lane] >= 2 else "order", bits, path)
    return Blame(
        culprit, "absorption" if _absorbed_before(trace, culprit, lane) else "cancellation", bits, path
    )


def _base(op: Operation) -> str:
    return op.name.split(".")[1].rstrip("_")


def _producer_underflowed(trace: Trace, op: Operation, lane: int) -> bool:
    return any(i >= 0 and bool(trace.operations[i].underflowed[lane]) for i in op.operands)


def _follow(trace: Trace, start: int, lane: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """From a result backwards, each time to the operand that explains most of the error; with how much of the
    error of each result on the way reaches the end.

    A sum or a gathering may leave elements behind whose relative error is large and does no harm.
    """
    path, relevant = [start], [math.inf]
    while True:
        op = trace.operations[path[-1]]
        errors = [(float(c[lane]), i) for c, i in zip(op.contributions, op.operands, strict=True) if i >= 0]
        if not errors:
            return tuple(path), tuple(relevant)
        error, index = max(errors)
        if not error > 0:
            return tuple(path), tuple(relevant)
        path.append(index)
        gathered = _base(op) in _SUMS or _base(op) in _GATHERED
        relevant.append(min(error, float(op.error_out[lane]), relevant[-1]) if gathered else math.inf)


def _bits_lost_on_the_way(op: Operation, relevant: float, roundoff: float, lane: int) -> float:
    """Bits that an operation lost, as far as they bear on the result."""
    before, after = (min(max(float(e), roundoff), 1.0) for e in (op.error_in[lane], relevant))
    return min(float(op.bits_lost[lane]), max(0.0, math.log2(after / before)))


def _left_the_range_before(trace: Trace, start: int, lane: int) -> int | None:
    """The operation shortly before a pole or a NaN that overflowed or whose result vanished, if there is one."""
    front = [start]
    for _ in range(_REACH):
        front = [i for index in front for i in trace.operations[index].operands if i >= 0]
        for index in front:
            op = trace.operations[index]
            if op.underflowed[lane] or op.vanished[lane] or (op.overflowed[lane] and not op.pole[lane]):
                return index
    return None


def _absorbed_before(trace: Trace, culprit: int, lane: int) -> bool:
    """Whether an operation shortly before the culprit swallowed a term, on a branch with the error.

    Where a function magnifies what an addition left of its smaller term, as in log(1 + x), a part of it is enough.
    """
    function = _base(trace.operations[culprit]) not in _ADDITIVE
    front, seen = [culprit], {culprit}
    for _ in range(_REACH):
        following: list[int] = []
        for index in front:
            op = trace.operations[index]
            largest = max((float(c[lane]) for c in op.contributions), default=0.0)
            for c, i in zip(op.contributions, op.operands, strict=True):
                if i < 0 or i in seen or not float(c[lane]) > 0 or float(c[lane]) < 0.25 * largest:
                    continue
                before = trace.operations[i]
                if before.absorbed[lane]:
                    return True
                if function and before.swallowed_bits[lane] >= 2 and before.cancelled_bits[lane] < 2:
                    return True
                seen.add(i)
                following.append(i)
        front = following
    return False


# --- emulation


def _round_significand(x: Tensor, precision: int) -> Tensor:
    """Nearest float64 with `precision` significand bits, ties to even, on the bit pattern itself."""
    drop = 53 - precision
    if drop <= 0:
        return x
    bits = x.contiguous().view(torch.int64)
    # The carry may run from the significand into the exponent, up to infinity: just what rounding means.
    rounded = bits + ((1 << (drop - 1)) - 1) + ((bits >> drop) & 1)
    rounded = (rounded >> drop) << drop
    return torch.where(torch.isfinite(x), rounded.view(torch.float64), x)


def _narrow(x: Tensor, number_format: Format, widen: str | None) -> Tensor:
    if widen == "both" or number_format.precision >= 53:
        return x
    rounded = x if widen == "significand" else _round_significand(x, number_format.precision)
    if widen == "range":
        return rounded
    step = number_format.smallest_subnormal
    on_grid = torch.copysign(torch.round(x / step) * step, x)
    rounded = torch.where(x.abs() < number_format.smallest_normal, on_grid, rounded)
    infinite = torch.copysign(torch.full_like(x, math.inf), x)
    return torch.where(rounded.abs() > number_format.largest, infinite, rounded)


@final
class _Narrowed(TorchDispatchMode):
    """Runs every operator in float64 and rounds what comes out."""

    def __init__(self, number_format: Format, widen: str | None) -> None:
        super().__init__()
        self.format = number_format
        self.widen = widen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        parts = _parts(func)
        if parts is not None:
            with self:
                return parts(*args, **kwargs)
        written = _written(func, args, kwargs)
        flat, spec = tree_flatten((args, kwargs))
        wide = [
            x.double()
            if _is_floating(x) and x.dtype != torch.float64 and not any(x is w for w in written)
            else _wide_dtype(x)
            for x in flat
        ]
        wide_args, wide_kwargs = tree_unflatten(wide, spec)
        result = func(*wide_args, **wide_kwargs)
        if func.is_view and all(not _is_floating(x) or x.dtype == torch.float64 for x in flat):
            return result
        if written:
            for w in written:
                if _is_floating(w):
                    w.copy_(_narrow(w.double(), self.format, self.widen))
            return result
        values, out_spec = tree_flatten(result)
        return tree_unflatten(
            [_narrow(v.double(), self.format, self.widen) if _is_floating(v) else v for v in values], out_spec
        )


def emulate(
    function: Callable[..., Any],
    arguments: Mapping[str, object],
    differentiate: Sequence[str] = (),
    cotangent: Tensor | None = None,
    *,
    format: str | torch.dtype | Format,
    widen: str | None = None,
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The output and gradients, in float64, of a routine whose every operator rounds its result as told.

    `widen` says what is given more room than `format` has: "range" (the significand is the format's, the
    exponents float64's), "significand" (the other way round: infinite beyond the largest number, the format's
    grid of subnormals), "both" (plain float64), or None: an emulation of the format itself.

    Reductions round once, at the end. Code that reads the tensors' dtype sees float64, and a cast to another
    floating dtype rounds to `format` too.
    """
    if widen not in WIDENINGS:
        raise ValueError(f"widen={widen!r}: write one of {', '.join(map(repr, WIDENINGS))}")
    _differentiable(arguments, differentiate)
    wide: dict[str, object] = {}
    for name, value in arguments.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            double = value.detach().to(torch.float64, copy=True)
            wide[name] = double.requires_grad_() if name in differentiate else double
        else:
            wide[name] = value
    with _Narrowed(format_of(format), widen):
        output = function(**wide)
        if not isinstance(output, Tensor):
            raise TraceError(f"the routine returned {type(output).__name__}: return one tensor")
        gradients = _backward(
            None, output, wide, differentiate, None if cotangent is None else cotangent.detach().double()
        )
    return output.detach(), {name: None if g is None else g.detach() for name, g in gradients.items()}
