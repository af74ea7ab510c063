"""What a call of an operator is: its name and row, its operands on both sides, what it writes to."""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from numcheck.operators.pairs import Floats, Pair, floats, lifted, relative_error
from numcheck.operators.rows import Operator
from numcheck.operators.table import row_of


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
    row: Operator
    """What is known about it."""
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    operands: Sequence[Operand]
    """One for each pair among the arguments, in their order."""
    written: Sequence[Any]
    """The arguments that the operator writes to."""

    def native_result(self) -> Any:
        """What the native run returns, as it returns it."""
        args, kwargs = mapped(lambda x: x.native if isinstance(x, Pair) else x, self.args, self.kwargs)
        return self.func(*args, **kwargs)

    def arguments(self, side: Callable[[Operand], Any]) -> tuple[Any, Any]:
        """The arguments and keyword arguments of a float64 run: `side` of each operand in its place."""
        operands = iter(self.operands)
        return mapped(
            lambda x: side(next(operands)) if isinstance(x, Pair) else wide_dtype(x), self.args, self.kwargs
        )

    def results(self, side: Callable[[Operand], Any]) -> list[Any]:
        """What a float64 run returns, with `side` of each operand in its place."""
        args, kwargs = self.arguments(side)
        return leaves(self.func(*args, **kwargs))


def call_of(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], written: Sequence[Any]) -> Call:
    """The call of `func`; what it will overwrite is copied now."""
    args, kwargs = mapped(lifted, args, kwargs)
    targets = {id(x) for x in written}
    operands = [
        Operand(x.native.clone(), x.high.clone(), x.low.clone(), x.origin.operation, x, True)
        if id(x) in targets
        else Operand(x.native, x.high, x.low, x.origin.operation, x, False)
        for x in leaves((*args, *kwargs.values()))
        if isinstance(x, Pair)
    ]
    name, row = known(func)
    return Call(func, name, row, args, kwargs, operands, written)


class Mode(TorchDispatchMode):
    """A dispatch mode that does not load torch's compiler, which takes as long as torch itself; see `undisturbed`."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


M = TypeVar("M", bound=Mode)


def undisturbed(mode: type[M]) -> type[M]:
    """The mode, kept from the compiler where that is loaded: a compiled routine would have it compile the mode too."""
    return _kept_from_the_compiler(mode) if "torch._dynamo" in sys.modules else mode


@functools.cache
def _kept_from_the_compiler(mode: type[Any]) -> Any:
    own = {
        "__torch_dispatch__": mode.__torch_dispatch__,
        "_should_skip_dynamo": classmethod(lambda cls: True),
    }
    return type(mode.__name__, (mode,), own)


_BRANCHES = (list, tuple)  # `list | tuple` would be made anew for each question


def leaves(tree: Any) -> list[Any]:
    """What stands in the lists and tuples of an operator's arguments or results; torch's own takes all kinds of trees,
    and ten times as long.
    """
    if not isinstance(tree, _BRANCHES):
        return [tree]
    return [x for branch in tree for x in (leaves(branch) if isinstance(branch, _BRANCHES) else (branch,))]


def mapped(
    leaf: Callable[[Any], Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """An operator's arguments with every leaf replaced, in order."""

    def branch(tree: Any) -> Any:
        return [branch(x) if isinstance(x, _BRANCHES) else leaf(x) for x in tree]

    return branch(args), dict(zip(kwargs, branch(kwargs.values()), strict=True)) if kwargs else {}


@functools.cache
def known(func: Any) -> tuple[str, Operator]:
    """An operator's name, as in "aten.sub_.Tensor", and its row."""
    name = str(func)
    return name, row_of(name.split(".")[1].rstrip("_"))


def parts_of(func: Any) -> Callable[..., Any] | None:
    """The smaller operators that `func` is made of, if it is worth looking inside."""
    name, row = known(func)
    return row.parts if name.endswith(".default") else None


def written_by(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments that an operator writes to, by its schema."""
    return [
        args[index] if index < len(args) else kwargs[name]
        for index, name in _written_arguments(func)
        if index < len(args) or name in kwargs
    ]


@functools.cache
def _written_arguments(func: Any) -> tuple[tuple[int, str], ...]:
    """Position and name of the arguments that an operator writes to: what it takes by name alone stands last."""
    return tuple(
        (index, argument.name)
        for index, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )


def wide_dtype(x: Any) -> Any:
    """float64 for a floating dtype, anything else as it is."""
    return torch.float64 if isinstance(x, torch.dtype) and x.is_floating_point else x
