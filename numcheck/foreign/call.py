"""Calling a foreign function on points of a formula: in one call, or point by point, labels as floats or not."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeGuard

import torch

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
    reading: Reading
    labels_as_floats: bool
    rank: int
    built_with: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def describe(self) -> str:
        """The match in one line: `logit -> input, label -> target as float, reduction='none'`."""
        taken = [*self.match.positions, *self.match.keywords.values()]
        words = [f"{name} -> {self.match.parameter_of(name)}" for name in taken]
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
        if plan.reading is Reading.COLUMN:
            columns = {name: _at(column, None) for name, column in columns.items()}
        result = _tensor(_invoke(plan, columns))
        if plan.reading is Reading.COLUMN and result.ndim == plan.rank + 2:
            result = result[0]
        # functions that squeeze their result take the axis of a batch of one away
        return result[None] if count == 1 and result.ndim == plan.rank else result
    rows: list[torch.Tensor] = []
    for i in range(count):
        key = slice(i, i + 1) if plan.reading is Reading.ROW else i
        row = _tensor(_invoke(plan, {name: _at(column, key) for name, column in columns.items()}))
        rows.append(row[0] if plan.reading is Reading.ROW and row.ndim == plan.rank + 1 else row)
    return torch.stack(rows)


def _at(column: Any, key: int | slice | None) -> Any:
    return column[key] if isinstance(column, torch.Tensor) else column


def _invoke(plan: Plan, columns: Mapping[str, Any]) -> Any:
    example = next((c for c in columns.values() if is_floating(c)), None)

    def given(name: str) -> Any:
        column = columns[name]
        if (
            plan.labels_as_floats
            and example is not None
            and isinstance(column, torch.Tensor)
            and not is_floating(column)
        ):
            return column.to(example.dtype)
        return column

    function = plan.function
    if isinstance(function, torch.nn.Module) and example is not None:
        function = _placed(function, example)
    keywords = {parameter: given(name) for parameter, name in plan.match.keywords.items()}
    return function(*map(given, plan.match.positions), **keywords, **plan.match.constants)


def is_floating(column: Any) -> TypeGuard[torch.Tensor]:
    """Whether a column is a tensor of numbers, and not of integers or a tuple of settings."""
    return isinstance(column, torch.Tensor) and column.is_floating_point()


def _placed(module: torch.nn.Module, example: torch.Tensor) -> torch.nn.Module:
    """The module, or a copy whose own tensors have the points' format and device."""
    own = [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()]
    if all(t.dtype == example.dtype and t.device == example.device for t in own):
        return module
    return copy.deepcopy(module).to(device=example.device, dtype=example.dtype)


def _tensor(result: Any) -> torch.Tensor:
    if not isinstance(result, torch.Tensor):
        raise TypeError(f"it returned {type(result).__name__}, not a tensor")
    return result
