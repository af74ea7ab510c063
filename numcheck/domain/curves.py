"""Named increasing curves on [0, 1], which a formula takes as a setting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from numcheck.domain.one_of import OneOf


@dataclass(frozen=True)
class Curve:
    """An increasing curve from (0, 0) to (1, 1), known by its name.

    `curve(x)` and `curve.derivative(x)` use only + - * / and integer powers of their argument and small
    integers, so they are exact on exact numbers (reals, `Fraction`) and work on tensors alike.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in _SHAPES:
            raise ValueError(f"unknown curve {self.name!r}: write one of {', '.join(_SHAPES)}")

    def __str__(self) -> str:
        return self.name

    def __call__(self, x: Any) -> Any:
        """Height of the curve at x in [0, 1]."""
        return _SHAPES[self.name].height(x)

    def derivative(self, x: Any) -> Any:
        """Slope of the curve at x in [0, 1]; zero at the flat points of some."""
        return _SHAPES[self.name].slope(x)

    @property
    def inverse(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The function on tensors that finds the x at which the curve has a given height in [0, 1]."""
        return _SHAPES[self.name].inverse


@dataclass(frozen=True)
class _Shape:
    height: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    inverse: Callable[[torch.Tensor], torch.Tensor]


def _cube_root(y: torch.Tensor) -> torch.Tensor:
    return y.sign() * y.abs() ** (1 / 3)


_SHAPES: Mapping[str, _Shape] = {
    "line": _Shape(lambda x: x * 1, lambda x: x**0, lambda y: y * 1),
    "square": _Shape(lambda x: x**2, lambda x: 2 * x, lambda y: y.sqrt()),
    "cube": _Shape(lambda x: x**3, lambda x: 3 * x**2, _cube_root),
    "ninth": _Shape(lambda x: x**9, lambda x: 9 * x**8, lambda y: y ** (1 / 9)),
    "late_cube": _Shape(
        lambda x: 1 - (1 - x) ** 3, lambda x: 3 * (1 - x) ** 2, lambda y: 1 - _cube_root(1 - y)
    ),
    "smoothstep": _Shape(
        lambda x: x * x * (3 - 2 * x),
        lambda x: 6 * x * (1 - x),
        # sin(3 t) = 3 sin t - 4 sin(t)**3 with sin t = 1/2 - x
        lambda y: 0.5 - ((1 - 2 * y).asin() / 3).sin(),
    ),
    # x / (x + c (1 - x)) for c = 4 and c = 1/4, each the inverse of the other
    "slow_start": _Shape(
        lambda x: x / (4 - 3 * x), lambda x: 4 / (4 - 3 * x) ** 2, lambda y: 4 * y / (1 + 3 * y)
    ),
    "quick_start": _Shape(
        lambda x: 4 * x / (1 + 3 * x), lambda x: 4 / (1 + 3 * x) ** 2, lambda y: y / (4 - 3 * y)
    ),
    # 4 (x - 1/2)**3 + 1/2: flat exactly at 1/2, where a Newton iteration likes to begin
    "plateau": _Shape(
        lambda x: ((2 * x - 1) ** 3 + 1) / 2,
        lambda x: 3 * (2 * x - 1) ** 2,
        lambda y: (1 + _cube_root(2 * y - 1)) / 2,
    ),
}

CURVES: tuple[Curve, ...] = tuple(Curve(name) for name in _SHAPES)
"""All named curves."""


def curve(*names: str) -> OneOf:
    """A setting: one of the named increasing curves on [0, 1], all of `CURVES` where none is named."""
    return OneOf(tuple(Curve(name) for name in names) or CURVES)
