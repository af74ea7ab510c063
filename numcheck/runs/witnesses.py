"""Witnesses: inputs that every run tries first, in a file beside the page of their formula.

For each gap, format and half the file holds the simplest and the worst input that showed it, and the environments that
did; a sweep adds the worst of all inputs. It is written by a command and reviewed as any other change: sorted, a line
for each witness, numbers in hexadecimal.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula
from numcheck.declaration.words import Of, UsageError
from numcheck.domain import Points
from numcheck.formats import Format, format_of
from numcheck.report import folder_name, write_text
from numcheck.runs.environment import environment

SCHEMA = 1
ORIGIN = "witness"
"""What `Points.origin` says of them."""


@dataclass(frozen=True, order=True)
class Witness:
    """One input that showed a gap, or that a sweep found to be among the worst (then `gap` is empty)."""

    routine: str
    gap: str
    format: str
    of: Of
    which: str
    """"simplest", "worst", or "swept"."""
    inputs: tuple[str, ...]
    """In the order of the formula's inputs, as `--at` takes them."""
    component: int
    environments: tuple[str, ...]


@dataclass(frozen=True)
class Witnesses:
    """What stands in a formula's file and can be tried, and what is said of the rest."""

    path: Path | None
    known: tuple[Witness, ...] = ()
    remarks: tuple[str, ...] = ()
    damaged: bool = False


@cache
def environment_name(device: str) -> str:
    """This environment as witnesses name it: what results may depend on."""
    return folder_name(environment([device]))


# Reading ----------------------------------------------------------------------------------------------------------


def path_of(formula: Formula) -> Path | None:
    """The file beside the formula's page; None where that was typed into a session."""
    page = getattr(sys.modules.get(formula.module), "__file__", None)
    return None if page is None else Path(page).with_name(f"{formula.name}.witnesses.json")


def read(formula: Formula) -> Witnesses:
    """The formula's witnesses. What cannot be read or tried is left out, and told in one line."""
    path = path_of(formula)
    if path is None or not path.exists():
        return Witnesses(path)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["schema"] != SCHEMA:
            raise ValueError(f"its schema is {told['schema']!r}, not {SCHEMA}")
        if told["formula"] != formula.name:
            raise ValueError(f"it is of the formula {told['formula']}")
        rows = [_from_json(row, formula, told["environments"]) for row in told["witnesses"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        told = f"{path} is no file of witnesses ({why}): restore or delete it; it is not tried"
        return Witnesses(path, remarks=(told,), damaged=True)
    known = tuple(row for row in rows if _can_be_tried(formula, row))
    if len(known) == len(rows):
        return Witnesses(path, known)
    remark = (
        f"{path}: {len(rows) - len(known)} of {len(rows)} witnesses lie outside of the present domains, or their gap "
        f"is not declared any more: numcheck check {formula.name} --witness writes it without them"
    )
    return Witnesses(path, known, (remark,))


def _from_json(row: dict[str, Any], formula: Formula, environments: list[str]) -> Witness:
    if set(row["inputs"]) != set(formula.inputs):
        raise ValueError(f"a witness has the inputs {', '.join(row['inputs'])}")
    inputs, component = tuple(row["inputs"][name] for name in formula.inputs), row["component"]
    texts = [row["routine"], row["gap"], row["which"], *inputs, *environments]
    if not all(isinstance(text, str) for text in texts) or not isinstance(component, int) or component < 0:
        raise ValueError(
            f"a witness of {row['routine']} holds something else than text and an output's number"
        )
    return Witness(
        row["routine"],
        row["gap"],
        format_of(row["format"]).name,
        Of(row["of"]),
        row["which"],
        inputs,
        component,
        tuple(environments[place] for place in row["environments"]),
    )


def _can_be_tried(formula: Formula, row: Witness) -> bool:
    """Whether its routine and gap are declared, and it lies in the domains."""
    routine, format = formula.routines.get(row.routine), format_of(row.format)
    if routine is None or row.gap not in ("", *(gap.name for gap in routine.gaps)):
        return False
    try:
        arguments = _arguments(formula, row.inputs, format)
        return formula.holds(arguments, formula.at(arguments, format), format)
    except ValueError:
        return False


def _arguments(formula: Formula, inputs: Sequence[str], format: Format) -> tuple[Any, ...]:
    domains = formula.inputs.values()
    return tuple(domain.parse(text, format) for domain, text in zip(domains, inputs, strict=True))


def first(formula: Formula, known: Iterable[Witness], format: Format) -> list[tuple[Points, int]]:
    """The points of a format to try before others, each once, with the output that its gradient is of."""
    inputs = dict.fromkeys((row.inputs, row.component) for row in known if row.format == format.name)
    points = [(formula.at(_arguments(formula, texts, format), format), of) for texts, of in inputs]
    return [(replace(point, origin=np.array([ORIGIN])), of) for point, of in points]


# Writing ----------------------------------------------------------------------------------------------------------


Cell = tuple[bool, str, str, Of, str]
"""Where a run looks for witnesses: whether by a sweep, routine, format, half and environment."""


def merged(before: Iterable[Witness], found: Iterable[Witness], cells: set[Cell]) -> list[Witness]:
    """The witnesses known before, with what a run found in the cells that it looked at.

    Witnesses of other cells stay; one that is found again names the environment, too.
    """
    kept: dict[Witness, set[str]] = {}
    for row in before:
        cell = not row.gap, row.routine, row.format, row.of
        elsewhere = {name for name in row.environments if (*cell, name) not in cells}
        kept.setdefault(replace(row, environments=()), set()).update(elsewhere)
    for row in found:
        kept.setdefault(replace(row, environments=()), set()).update(row.environments)
    return sorted(replace(row, environments=tuple(sorted(names))) for row, names in kept.items() if names)


def expect_writable(formula: Formula) -> Witnesses:
    """What the formula's file has; UsageError where it has no place, or where what lies there could not be read."""
    known = read(formula)
    if known.path is None:
        raise UsageError(
            f"{formula.name} stands in no file, so its witnesses have no place: write it into one"
        )
    if known.damaged:
        raise UsageError(f"{known.remarks[0]}, and nothing is written over it")
    return known


def record(formula: Formula, found: Sequence[Witness], cells: set[Cell]) -> Path | None:
    """Put what a run found into the file, as `expect_writable` allows; its path, None where there are no witnesses."""
    known = expect_writable(formula)
    rows = merged(known.known, found, cells)
    assert known.path is not None
    if not rows:
        known.path.unlink(missing_ok=True)
        return None
    return write_text(known.path, _text(formula, rows))


def _text(formula: Formula, rows: Sequence[Witness]) -> str:
    """The file: what all witnesses share, then a line for each."""
    environments = sorted({name for row in rows for name in row.environments})
    shared = {"schema": SCHEMA, "formula": formula.name, "environments": environments}
    head = "".join(f"  {json.dumps(name)}: {json.dumps(told)},\n" for name, told in shared.items())
    lines: list[str] = []
    for row in rows:
        inputs = dict(zip(formula.inputs, row.inputs, strict=True))
        places = [environments.index(name) for name in row.environments]
        lines.append(json.dumps(vars(row) | {"inputs": inputs, "environments": places}))
    return f'{{\n{head}  "witnesses": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"
