"""A routine's own code, executed without rounding: the mode in which every operator has exact operands and results.

Comparisons are decided exactly, so that the run follows the branches that real numbers take. A lane in which one could
not be decided at the present precision is *open*; nothing that comes out of it there proves anything.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from types import CellType, FunctionType
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from numcheck.operators.calls import Mode, known, leaves, mapped, parts_of, undisturbed, written_by
from numcheck.operators.exact.numbers import EXACT, balls_of, quotients_of, reals
from numcheck.operators.exact.rules import Open
from numcheck.operators.exact.tensor import Exact, InexactError, joined, lift, lifted, made_of
from numcheck.operators.lockstep import gradients_of, output_of, variables
from numcheck.operators.pairs import is_floating
from numcheck.operators.record import Flags, Ints, Lanes
from numcheck.operators.rows import Operator
from numcheck.reals import subnormals
from numcheck.reals.arb import ARB
from numcheck.reals.arithmetic import UNDECIDED, YES
from numcheck.reals.arrays import Decision, Reals

_MOST: Final = 100_000
"""Operators of a run: some ten seconds."""


@dataclass(frozen=True, eq=False)
class Executed:
    """What a routine gives in exact arithmetic: balls, (lanes, n), of its value or of its gradient."""

    numbers: np.ndarray
    open: Flags
    """Lanes in which a comparison could not be decided."""
    operators: int
    """How many ran."""


def execute(
    function: Callable[..., Any],
    arguments: Mapping[str, object],
    differentiate: Sequence[str] = (),
    *,
    component: Ints | None = None,
) -> Executed:
    """Run `function(**arguments)` in exact arithmetic at the present precision; its gradients where they are asked for.

    Arguments and `component` are as in `trace`. Numbers that a routine writes down in Python (0.1, or 1 / 3) are what
    they are in float64, and so is what Python makes of those alone. Raises InexactError where an operator has no exact
    rule, or a number leaves torch in another way than by `item`, `tolist` or `float`; an exception of the routine
    itself passes through.
    """
    leading = next(x for x in arguments.values() if isinstance(x, Tensor) and x.ndim)
    lanes = Lanes(len(leading))
    mode = undisturbed(_Exactly)(lanes)
    given = variables(arguments, differentiate, lift)
    with subnormals.as_found(), mode:
        output = output_of(_with_exact_floats(function), given, component)
        slopes = gradients_of(output, given, differentiate)
    results = [output] if not differentiate else [slopes[name] for name in differentiate]
    shapes = [output.shape] if not differentiate else [given[name].shape for name in differentiate]
    parts = [_numbers(x, shape).reshape(lanes.count, -1) for x, shape in zip(results, shapes, strict=True)]
    return Executed(np.concatenate(parts, axis=1), mode.open, mode.operators)


def _numbers(result: Tensor | None, shape: Sequence[int]) -> np.ndarray:
    """A result's numbers as balls; zeros where there is none."""
    exact = lifted(torch.zeros(tuple(shape)) if result is None else result)
    return balls_of((exact if isinstance(exact, Exact) else lift(exact)).numbers)


# --- Python's own numbers


def _with_exact_floats(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a `float` and a `math` that keep exact tensors exact: Python's own would round them.

    So are the functions of its own file that it calls, and those that it is wrapped around.
    """
    names: dict[int, dict[str, Any]] = {}
    made: dict[int, FunctionType] = {}

    def copied(value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):  # a plan of how to call one
            inside = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
            functions = {name: copied(one) for name, one in inside.items() if isinstance(one, FunctionType)}
            return replace(value, **functions) if functions else value
        if not isinstance(value, FunctionType) or value.__module__.partition(".")[0] == "torch":
            return value
        if id(value) in made:
            return made[id(value)]
        theirs, cells = value.__globals__, [CellType() for _ in value.__closure__ or ()]
        own = names.setdefault(id(theirs), {})
        copy = FunctionType(value.__code__, own, value.__name__, value.__defaults__, tuple(cells))
        made[id(value)], copy.__kwdefaults__ = copy, value.__kwdefaults__
        for cell, before in zip(cells, value.__closure__ or (), strict=True):
            cell.cell_contents = copied(before.cell_contents)
        if not own:
            own |= theirs | {"float": _Float}
            for name, one in theirs.items():
                if one is math:
                    own[name] = _Mathematics()
                elif isinstance(one, FunctionType) and one.__globals__ is theirs:
                    own[name] = copied(one)
        return copy

    return copied(function)


class _FloatOfAnything(type):
    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, float)

    def __call__(cls, x: Any = 0.0) -> Any:
        return x.item() if isinstance(x, Exact) else float(x)


class _Float(metaclass=_FloatOfAnything):
    """Python's `float`, but of an exact tensor that itself."""


class _Mathematics:
    """The module `math`, but for exact tensors torch's function of the same name."""

    def __getattr__(self, name: str) -> Any:
        native = getattr(math, name)
        if not callable(native):
            return native

        def call(*args: Any) -> Any:
            if not any(isinstance(x, Exact) for x in args) or not hasattr(torch, name):
                return native(*args)
            return getattr(torch, name)(*(x if isinstance(x, Exact) else torch.as_tensor(x) for x in args))

        return call


# --- operators


class _Exactly(Mode):
    """Runs every operator on exact numbers."""

    def __init__(self, lanes: Lanes) -> None:
        super().__init__()
        self.lanes = lanes
        self.open = lanes.filled(False)
        self.operators = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        flat = leaves((*args, *kwargs.values()))
        if any(isinstance(x, Tensor) and x.is_complex() for x in flat):
            raise InexactError(f"{func}: complex numbers have no exact rule")
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise InexactError(f"{func}: random numbers are no function of the inputs")
        if not any(is_floating(x) for x in flat):
            return tree_map(lifted, func(*args, **kwargs))
        self.operators += 1
        if self.operators > _MOST:
            raise InexactError(f"it runs more than {_MOST:,} operators")
        written = written_by(func, args, kwargs)
        if any(is_floating(x) and not isinstance(x, Exact) for x in written):
            raise InexactError(f"{func}: writes into a tensor made outside the routine")
        args, kwargs = mapped(lifted, args, kwargs)
        _, row = known(func)
        if func.is_view and not func._can_decompose():
            return _viewed(func, args, kwargs)
        if row.constant:
            return tree_map(lifted, func(*_stand_ins(args), **kwargs))
        found = self._found(func, row, args, kwargs)
        if not written:
            return found
        for target, made in zip(written, found if isinstance(found, list | tuple) else [found], strict=False):
            if isinstance(target, Exact):
                target.write(lifted(made).numbers)
            else:
                target.copy_(made)
        return written[0] if len(written) == 1 else written

    def _found(self, func: Any, row: Operator, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """An operator's results, by the first of the ways in which something is known of it."""
        if row.moves and not any(isinstance(x, float) and x for x in leaves((*args, *kwargs.values()))):
            return _moved(func, [_all_exact(x) for x in args], kwargs)
        rule = row.exact or (row.additive and _sum_of(row)) or (row.fused and _sum_of(row))
        if rule:
            pointwise = torch.Tag.pointwise in func.tags
            told = rule(
                *_as_reals(args, pointwise),
                **dict(zip(kwargs, _as_reals([*kwargs.values()], pointwise), strict=True)),
            )
            return self._made(told, func, args, kwargs)
        if row.accurate is not None:
            return self._made(_accurate(row, [*args, *kwargs.values()]), func, args, kwargs)
        with self:
            if (parts := parts_of(func)) is not None:
                return parts(*args, **kwargs)
            found = func.decompose(*args, **kwargs)
            if found is not NotImplemented:
                return found
            decomposed = _decompositions().get(_functional(func))
            if decomposed is not None:
                return decomposed(*args, **kwargs)
        raise InexactError(f"{func}: has no exact rule")

    def _made(self, told: Any, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What a rule has told, as the operator returns it: tensors under the dtypes that it gives them."""
        if isinstance(told, Reals) and torch.Tag.pointwise in func.tags:
            dtypes = {x.dtype for x in args if isinstance(x, Exact)}
            if len(dtypes) == 1 and not any(isinstance(x, torch.dtype) for x in kwargs.values()):
                return made_of(
                    told.data[0], *dtypes
                )  # what torch would say, and takes a third of the time to say
        several = told if isinstance(told, tuple) else (told,)
        made: list[Any] = []
        for one in several:
            if isinstance(one, Open):
                self.open |= self.lanes.any(one.flags)
            elif isinstance(one, Decision):
                states = one.states[0]
                self.open |= self.lanes.any(states == UNDECIDED)
                made.append(torch.from_numpy(np.asarray(states == YES)))
            else:
                made.append(one)
        if any(isinstance(one, Reals) for one in made):
            native = written_by(func, args, kwargs) or leaves(func(*_stand_ins(args), **kwargs))
            made += [reals(np.full(x.shape, EXACT.nothing)) for x in native[len(made) :]]
            made = [
                made_of(one.data[0], x.dtype, x.device) if isinstance(one, Reals) else one
                for one, x in zip(made, native, strict=False)
            ]
        return tuple(made) if len(made) > 1 else made[0]


def _stand_ins(args: Sequence[Any]) -> list[Any]:
    """The arguments with plain tensors of ones in place of exact ones: what the operator then returns has the shape and
    the dtype of its result.
    """
    given, _ = mapped(lambda x: torch.ones(x.shape, dtype=x.dtype) if isinstance(x, Exact) else x, args, {})
    return given


def _functional(func: Any) -> Any:
    """The variant of an operator that writes nowhere; itself, where that is so."""
    if not func._schema.is_mutable:
        return func
    packet = getattr(getattr(torch.ops, func.namespace), func._opname.rstrip("_"), None)
    overload = func._overloadname.removesuffix("out").rstrip("_") or "default"
    return getattr(packet, overload, func)


@functools.cache
def _decompositions() -> Mapping[Any, Callable[..., Any]]:
    from torch._decomp import (
        decomposition_table,
    )  # takes a tenth of a second, and most runs have rules for all

    return decomposition_table


def _viewed(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A view of the same numbers: of their places."""
    (source,) = [x for x in leaves((*args, *kwargs.values())) if isinstance(x, Exact)]
    if func._overloadname == "dtype":
        raise InexactError(f"{func}: the bits of an exact number are not told")
    args, kwargs = mapped(lambda x: x.places if isinstance(x, Exact) else x, args, kwargs)
    return tree_map(lambda x: Exact(source.store, x, source.dtype, source.device), func(*args, **kwargs))


def _all_exact(arg: Any) -> Any:
    """A list of tensors that are joined, all of them exact where one is; anything else as it is."""
    joins = isinstance(arg, list) and any(isinstance(x, Exact) for x in arg)
    return (
        [lift(x) if isinstance(x, Tensor) and not isinstance(x, Exact) else x for x in arg] if joins else arg
    )


def _moved(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The result of an operator that moves numbers: it moves their places in a list of them all, where 0 is a zero."""
    sources = [x for x in leaves((*args, *kwargs.values())) if isinstance(x, Exact)]
    starts = iter(np.cumsum([1, *(x.numel() for x in sources)]).tolist())

    def places(x: Any) -> Any:
        if not isinstance(x, Exact):
            return torch.int64 if isinstance(x, torch.dtype) and x.is_floating_point else x
        return next(starts) + torch.arange(x.numel()).reshape(x.shape)

    moved = func(*mapped(places, args, {})[0], **mapped(places, [], kwargs)[1])
    numbers, first = joined(sources), sources[0]
    return tree_map(lambda x: made_of(numbers[x.numpy()], first.dtype, first.device), moved)


def _sum_of(row: Operator) -> Callable[..., Reals]:
    """The rule of an operator that adds two terms, of which it may make the second."""

    def rule(*args: Any, **kwargs: Any) -> Reals:
        terms = row.additive or row.fused
        assert terms is not None
        first, second, factor = terms(args, kwargs)
        return first + (second if factor == 1 else factor * second)

    return rule


def _as_reals(args: Sequence[Any], pointwise: bool) -> list[Any]:
    """Exact tensors as arrays of reals; other tensors too, where every element takes part by itself."""

    def one(x: Any) -> Any:
        if isinstance(x, Exact):
            return reals(x.numbers)
        return reals(lift(x).numbers) if pointwise and isinstance(x, Tensor) else x

    return mapped(one, args, {})[0]


def _accurate(row: Operator, operands: Sequence[Any]) -> Reals:
    """A function in balls, element by element or along an axis; what it has exactly, as exp(0), is a quotient again."""
    assert row.accurate is not None

    def balls(x: Exact) -> Reals:
        numbers = np.asarray(balls_of(x.numbers), dtype=object)
        if not row.along:
            return Reals(ARB, numbers[np.newaxis])
        return Reals(ARB, np.moveaxis(numbers, dim, -1).reshape(-1, numbers.shape[dim]))

    dim = next((x for x in operands if isinstance(x, int)), 0)
    shape = next(x.shape for x in operands if isinstance(x, Exact))
    if row.along and not shape:
        raise InexactError(f"{row.name}: a single number has no axis")
    given = [
        balls(x) if isinstance(x, Exact) else x for x in operands if isinstance(x, Exact) or not row.along
    ]
    found = np.asarray(quotients_of(row.accurate(*given).data), dtype=object)
    if not row.along:
        return reals(np.asarray(found[0], dtype=object))
    moved = tuple(np.moveaxis(np.empty(shape), dim, -1).shape)
    return reals(np.moveaxis(found.reshape(moved), -1, dim))
