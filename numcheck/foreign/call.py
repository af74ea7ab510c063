"""Calling a foreign function on points of a formula: in one call, or point by point, labels as floats or not."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeGuard

import numpy as np
import torch
from torch.func import functional_call

from numcheck.foreign.match import Match


class Reading(Enum):
    """How a function takes points."""

    BATCH = "all points in one call"
    COLUMN = "all points in one call, as the columns of a batch of one"
    ROW = "one call per point, as a batch of one"
    POINT = "one call per point, without a batch axis"


@dataclass(frozen=True, eq=False)
class Plan:
    """One way to call a function on points of a formula."""

    function: Callable[..., Any]
    match: Match
    built_with: Mapping[str, Any]
    reading: Reading
    labels_as_floats: bool
    rank: int

    def describe(self) -> str:
        """The match in one line: `logit -> input, label -> target as float, reduction='none'`."""
        words = [f"{name} -> by position" for name in self.match.positions]
        words += [f"{name} -> {parameter}" for parameter, name in self.match.keywords.items()]
        words += [f"{name} -> its parameter {parameter}" for parameter, name in self.match.own.items()]
        if isinstance(self.function, torch.nn.Module):
            kept = [name for name, _ in self.function.named_parameters() if name not in self.match.own]
            words += [f"its parameter {name} as it was made" for name in kept]
        if self.labels_as_floats:
            words.append("integers as floats")
        words += [f"{key}={value!r}" for key, value in {**self.built_with, **self.match.constants}.items()]
        if self.reading is not Reading.BATCH:
            words.append(self.reading.value)
        return ", ".join(words)


def call(plan: Plan, columns: Mapping[str, Any]) -> torch.Tensor:
    """The function's results for these points, one row each."""
    count = next(len(column) for column in columns.values() if isinstance(column, torch.Tensor))
    if plan.reading in (Reading.BATCH, Reading.COLUMN):
        as_columns = plan.reading is Reading.COLUMN
        result = _invoke(plan, _at(columns, None) if as_columns else columns)
        if as_columns and result.ndim == plan.rank + 2:
            result = result[0]
        # functions that squeeze their result take the axis of a batch of one away
        return result[None] if count == 1 and result.ndim == plan.rank else result
    rows: list[torch.Tensor] = []
    for i in range(count):
        row = _invoke(plan, _at(columns, slice(i, i + 1) if plan.reading is Reading.ROW else i))
        rows.append(row[0] if plan.reading is Reading.ROW and row.ndim == plan.rank + 1 else row)
    return torch.stack(rows)


def _at(columns: Mapping[str, Any], key: int | slice | None) -> dict[str, Any]:
    return {name: c[key] if isinstance(c, torch.Tensor) else c for name, c in columns.items()}


def _invoke(plan: Plan, columns: Mapping[str, Any]) -> torch.Tensor:
    function = plan.function
    example = next((column for column in columns.values() if is_floating(column)), None)
    if example is not None and plan.labels_as_floats:
        columns = {
            name: column.to(example.dtype) if isinstance(column, torch.Tensor) else column
            for name, column in columns.items()
        }
    if example is not None and isinstance(function, torch.nn.Module):
        function = _placed(function, example)
    keywords = {parameter: columns[name] for parameter, name in plan.match.keywords.items()}
    positions = tuple(columns[name] for name in plan.match.positions)
    keywords |= plan.match.constants
    if plan.match.own and isinstance(function, torch.nn.Module):
        result = functional_call(function, _trained(plan, function, columns, example), positions, keywords)
    else:
        result = function(*positions, **keywords)
    if isinstance(result, float | np.floating | np.ndarray):  # its own format, as a tensor's is
        result = torch.as_tensor(result, dtype=torch.float64 if isinstance(result, float) else None)
    if not isinstance(result, torch.Tensor):
        raise TypeError(f"it returned {type(result).__name__}, not a tensor")
    return result


def _trained(
    plan: Plan, module: torch.nn.Module, columns: Mapping[str, Any], example: torch.Tensor | None
) -> dict[str, torch.Tensor]:
    """A module's parameters with inputs in place of their numbers; for one point in the shape that they have."""
    shapes = {name: parameter.shape for name, parameter in module.named_parameters()}
    alone = plan.reading in (Reading.ROW, Reading.POINT)
    found: dict[str, torch.Tensor] = {}
    for parameter, name in plan.match.own.items():
        given = columns[name] if isinstance(columns[name], torch.Tensor) else torch.tensor(columns[name])
        given = given if example is None else given.to(example.dtype)
        same = alone and given.numel() == shapes[parameter].numel()
        found[parameter] = given.reshape(shapes[parameter]) if same else given
    return found


def is_floating(column: Any) -> TypeGuard[torch.Tensor]:
    """Whether a column is a tensor of numbers, and not of integers or a tuple of settings."""
    return isinstance(column, torch.Tensor) and column.is_floating_point()


def _placed(module: torch.nn.Module, example: torch.Tensor) -> torch.nn.Module:
    """The module, or a copy whose own tensors have the points' format and device."""
    own = [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()]
    if all(t.dtype == example.dtype and t.device == example.device for t in own):
        return module
    return copy.deepcopy(module).to(device=example.device, dtype=example.dtype)
