"""The worst inputs that sweeps found, one file for each formula, format and device, and their replay.

`numcheck sweep` writes a file; `numcheck check` tries its inputs before it draws others, so what a sweep of hours has
found once costs milliseconds from then on. Real inputs are hexadecimal floats, choices are their text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula
from numcheck.declaration.words import UsageError
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.report import json_text, write_text

SCHEMA = 1
ORIGIN = "worst"
"""What `Points.origin` says of replayed points."""

Row = tuple[str, ...]
"""One input in words, in the order of the formula's inputs."""


@dataclass(frozen=True)
class Replay:
    """The inputs to try again, and what is said of those that are left out."""

    rows: tuple[Row, ...]
    ignored: tuple[str, ...]


def path_of(folder: Path, formula: str, format: str, device: str) -> Path:
    """Where the worst inputs of a formula in a format on a device lie."""
    return folder / formula / f"{format}-{device.replace(':', '-')}.json"


def read(path: Path) -> dict[str, Any] | None:
    """The file's contents, None where there is no file; UsageError, in one line, where it is no such file."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["schema"] != SCHEMA:
            raise ValueError(f"its schema is {told['schema']!r}, not {SCHEMA}")
        list(_inputs(told))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise UsageError(
            f"{path} is no file of worst inputs ({why}): delete it, or name another folder with --worst"
        ) from None
    return told


def write(path: Path, told: Mapping[str, Any]) -> Path:
    """Put the worst inputs of the routines that were swept into the file; those of other routines stay."""
    before = read(path)
    routines = {} if before is None else before["routines"]
    return write_text(path, json_text({**told, "schema": SCHEMA, "routines": routines | told["routines"]}))


def _inputs(told: Mapping[str, Any]) -> list[dict[str, str]]:
    """All inputs of a file, each once, in the order in which they stand there."""
    found: dict[Row, dict[str, str]] = {}
    for parts in told["routines"].values():
        for part in parts.values():
            ends = [end for region in part["regions"] for end in (region["first"], region["last"])]
            for inputs in (part["worst_error"], part["worst_spent"], *ends):
                if inputs is not None:
                    found[tuple(f"{name}={text}" for name, text in inputs.items())] = inputs
    return list(found.values())


def replay(folder: Path | None, formula: Formula, format: Format, device: str) -> Replay:
    """What the file says to try again, if there is one, as far as it lies in the present domains."""
    path = None if folder is None else path_of(folder, formula.name, format.name, device)
    told = None if path is None else read(path)
    if told is None:
        return Replay((), ())
    rows: list[Row] = []
    outside = 0
    for inputs in _inputs(told):
        row = tuple(inputs.get(name, "") for name in formula.inputs)
        known = set(inputs) == set(formula.inputs) and _lies_inside(formula, row, format)
        rows += [row] if known else []
        outside += not known
    ignored = f"{path}: {outside} of {outside + len(rows)} worst inputs lie outside of the present domains"
    return Replay(tuple(rows), (ignored,) if outside else ())


def _lies_inside(formula: Formula, row: Row, format: Format) -> bool:
    if any(domain.ragged for domain in formula.inputs.values()):  # no sweep was of such a formula
        return False
    try:
        arguments = _arguments(formula, row, format)
        return formula.holds(arguments, formula.at(arguments, format), format)
    except ValueError:
        return False


def _arguments(formula: Formula, row: Row, format: Format) -> tuple[Any, ...]:
    domains = formula.inputs.values()
    return tuple(domain.parse(text, format) for domain, text in zip(domains, row, strict=True))


def points_of(formula: Formula, rows: Sequence[Row], format: Format) -> Points:
    """The inputs as points of origin "worst"."""
    arguments = [_arguments(formula, row, format) for row in rows]
    columns = {
        name: domain.column([values[place] for values in arguments], format)
        for place, (name, domain) in enumerate(formula.inputs.items())
    }
    return Points(columns, np.full(len(rows), ORIGIN))
