"""What a row about one of torch's operators may tell: the questions that a run and the readers of its record ask.

A rule gets the operator's arguments in the schema's order and its keyword arguments by name. Most facts are false of
most operators; a row states those that are true.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Concatenate, Final, ParamSpec, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from numcheck.operators.pairs import Wide
from numcheck.reals.arrays import Reals

Terms = tuple[Any, Any, float]
"""Two numbers and the factor of the second."""

P = ParamSpec("P")


@final
@dataclass(frozen=True, kw_only=True)
class Operator:
    """What is known about an operator."""

    name: str = field(kw_only=False)
    """Without namespace, overload and the mark of the in-place variant: "sub"."""

    # How it runs beside its shadow.
    constant: bool = False
    """Nothing of its operands' numbers is in its result."""
    copies: bool = False
    """Its result holds its operand's numbers, all and in their order: nothing to write down."""
    picks: bool = False
    """It returns elements of its operand and their indices."""
    parts: Callable[..., Tensor] | None = None
    """The smaller operators that it is made of, where digits are lost between them; in the native kernel's own order of
    operations, so that the native result stays the same bit for bit."""
    moves: bool = False
    """Each element of its result is one of an operand's, or zero: it may be run on their places."""
    exact: Callable[..., Any] | None = None
    """Itself on exact numbers, where `accurate` or `additive` does not say it; see `exact.rules`."""
    refused: str = ""
    """Why it has no shadow, and what to do instead."""

    # Its rounding error in the shadow.
    rounds: bool = True
    """False if it moves numbers or chooses among them, and rounds none in a shadow of any width."""
    wide: Callable[[Sequence[Any], Mapping[str, Any]], Wide | None] | None = None
    """Its result, and to first order what float64 leaves of it; None where the keywords make it another function."""
    accurate: Callable[..., Reals] | None = None
    """The function itself, for each element of the result one of each operand."""
    along: bool = False
    """`accurate` takes whole rows along the axis that is an argument."""

    # What the digits of its operands are to those of its result.
    additive: Callable[[Sequence[Any], Mapping[str, Any]], Terms] | None = None
    """(first, second, factor) of first + factor * second, which it returns."""
    fused: Callable[[Sequence[Any], Mapping[str, Any]], Terms] | None = None
    """The same, where it makes the second term itself."""
    sums: bool = False
    """It adds up elements, or products of them."""
    gathers: bool = False
    """Each element of the result is one of the operand's: others, however wrong, do no harm."""
    chooses: bool = False
    """Its first argument tells from which of two operands an element comes."""

    # What its result says about the format's range.
    plain: bool = False
    """It rounds nothing but its result: no part of that can sink below the format's range."""
    squares: bool = False
    """It adds up squares, which sink below the format's range before the result does: lengths and norms."""
    never_zero: bool = False
    """It is zero for no finite number: where it is, it has vanished."""
    factors: Callable[[Sequence[Any], NDArray[Any]], Sequence[NDArray[np.bool_]]] | None = None
    """Of a product or quotient: where each of its factors is finite and not zero."""
    pole: Callable[[Sequence[Any]], Any] | None = None
    """A number that is zero where the operator divides by zero or takes a function's value at its pole."""

    @property
    def adds(self) -> bool:
        """It adds, two numbers or many."""
        return self.additive is not None or self.sums


ROWS: Final[dict[str, Operator]] = {}
"""The rows, by the operator's name."""


def _registered(made: Callable[Concatenate[str, P], Operator]) -> Callable[Concatenate[str, P], None]:
    def operator(names: str, *args: P.args, **kwargs: P.kwargs) -> None:
        for name in names.split():
            if name in ROWS:
                raise ValueError(
                    f"operator {name!r} has a row: write what is new about it there, not into a second"
                )
            ROWS[name] = made(name, *args, **kwargs)

    return operator


operator: Final = _registered(Operator)
"""Write down what is known about operators, their names with spaces between, once; ValueError if one has a row."""
