"""How the inputs of a formula stand to each other at every point: a condition that holds, or inputs made of others."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from numcheck.declaration.words import DeclarationError, told_of
from numcheck.domain import Column, Domain, Points, discrete
from numcheck.formats import Format

Relation = Callable[..., Any]
"""A function of some of the inputs, by name: columns of doubles (or of whole numbers), point by point.

It returns a mask of the points at which the relation holds, or new columns for some of the inputs.
"""

PATIENCE = 32
"""So many times the points that are wanted are drawn to find as many at which a condition holds."""


def check_relation(name: str, relation: Relation, inputs: Mapping[str, Domain]) -> None:
    """Refuse a relation of what is no input."""
    if not callable(relation):
        raise DeclarationError(f"{name}: write relation=lambda low, high: low <= high, not {relation!r}")
    unknown = [parameter for parameter in inspect.signature(relation).parameters if parameter not in inputs]
    if unknown:
        raise DeclarationError(
            f"{name}: its relation takes {', '.join(unknown)}; write a function of some of {', '.join(inputs)}"
        )


def related(
    name: str, relation: Relation, inputs: Mapping[str, Domain], points: Points, format: Format
) -> tuple[Points, np.ndarray]:
    """The points with the inputs that the relation makes, and at which it holds and these lie in their domains."""
    taken = list(inspect.signature(relation).parameters)
    try:
        given = relation(**{one: _wide(points.columns[one]) for one in taken})
    except Exception as error:  # the user's function may raise anything
        raise DeclarationError(f"{name}: its relation raised {told_of(error)}") from error
    if not isinstance(given, Mapping):
        holds = torch.as_tensor(given)
        if holds.dtype != torch.bool or holds.shape != (len(points),):
            raise DeclarationError(
                f"{name}: its relation gave {holds.dtype} of shape {tuple(holds.shape)}; return one bool for each "
                "point, such as low <= high, or the inputs that it makes, such as {'high': low + width}"
            )
        return points, holds.numpy()
    columns, inside = dict(points.columns), np.ones(len(points), dtype=np.bool_)
    for one, made in given.items():
        if one not in inputs or one in discrete(inputs):
            raise DeclarationError(
                f"{name}: its relation makes {one}, which is no number among {', '.join(inputs)}"
            )
        before = points.columns[one]
        assert isinstance(before, torch.Tensor)
        made = torch.as_tensor(made)
        if made.shape != before.shape:
            raise DeclarationError(
                f"{name}: its relation makes {one} of shape {tuple(made.shape)}, not {tuple(before.shape)}"
            )
        columns[one] = format.round(made.double()) if before.is_floating_point() else made.to(before.dtype)
        inside &= inputs[one].contains(columns[one], format)
    return replace(points, columns=columns), inside


def _wide(column: Column) -> Column:
    """Doubles where a column has numbers of the format."""
    return column.double() if isinstance(column, torch.Tensor) and column.is_floating_point() else column
