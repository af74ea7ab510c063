"""Points and numbers in words: as they are shown, as `--at` takes them, and the command that shows one again."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.patience import limit
from numcheck.declaration.registry import loaded_by_name
from numcheck.declaration.words import Of, UsageError
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure import Measurement
from numcheck.reals import subnormals
from numcheck.reals.enclosures import Enclosure


def decimal(truth: Enclosure, key: Any, digits: int = 20) -> str:
    """The enclosure's midpoint in decimal digits, as far as it proves them, outside float64's range too.

    Where it proves not even two, as at a kink and around a zero, its radius stands beside it.
    """
    high, radius = float(truth.high[key]), float(truth.radius[key])
    if not np.isfinite(high):
        return "undefined" if np.isnan(high) else str(high)
    with mpmath.workprec(160):
        unit = mpmath.mpf(2) ** int(truth.exponent[key])
        exact = (mpmath.mpf(high) + mpmath.mpf(float(truth.low[key]))) * unit
        proved = digits
        if radius > 0:
            proved = int(-np.log10(min(radius / abs(high), 1.0))) if high else 0
        told = str(mpmath.nstr(exact, max(2, min(digits, proved)), min_fixed=-5, max_fixed=16))
        if proved >= 2:
            return told
        return f"{told} ± {mpmath.nstr(radius * unit, 2, min_fixed=-5, max_fixed=16)}"


def argument(column: Any, i: int, hexadecimal: bool = False) -> str:
    """One point's value of one input, as `--at` takes it.

    In decimal with nine digits, which tell every number of float32 apart, or exactly in hexadecimal.
    """
    if isinstance(column, tuple):
        return str(column[i])
    entry = column[i]
    if not entry.is_floating_point():
        return text_of(entry.long())
    if hexadecimal:
        return text_of(entry, lambda x: re.sub(r"[.]?0+p", "p", x.hex()))
    digits = 17 if entry.dtype == torch.float64 else 9
    return text_of(entry, lambda x: f"{x:.{digits}g}")


def text_of(value: Any, number: Callable[[Any], str] = str) -> str:
    """A value as `--at` takes it: `1,2` for a vector, `0,0;1,0;0,1` for a polygon, each `number` in such words."""
    if isinstance(value, str):
        return value
    value = value.tolist() if isinstance(value, torch.Tensor | np.ndarray) else value
    if not isinstance(value, list | tuple):
        return number(value)
    separator = ";" if any(isinstance(part, list | tuple) for part in value) else ","
    return separator.join(text_of(part, number) for part in value)


def parsed_point(formula: Formula, at: Mapping[str, Any], format: Format) -> Points:
    """The point in the format that has these values, each as text, a number or nested lists of numbers."""
    return formula.at(arguments_of(formula, at, format), format)


def arguments_of(formula: Formula, at: Mapping[str, Any], format: Format) -> tuple[Any, ...]:
    """The formula's arguments in its order, of the same words; UsageError for what is none."""
    if set(at) != set(formula.inputs):
        needed = " ".join(f"--at {name}=..." for name in formula.inputs)
        raise UsageError(f"{formula.name} takes {', '.join(formula.inputs)}: write {needed}")
    subnormals.keep()
    values: list[Any] = []
    sizes: set[int] = set()
    for name, domain in formula.inputs.items():
        text = text_of(at[name])
        try:
            values.append(domain.parse(text, format))
        except ValueError as error:
            raise UsageError(f"--at {name}={text}: {error}") from None
        if domain.sizes and isinstance(values[-1], list):
            sizes.add(len(values[-1]))
    if len(sizes) > 1:
        raise UsageError(
            f"the inputs of {formula.name} have one size, not {sorted(sizes)}: give each as many numbers"
        )
    return tuple(values)


def shown_again(measurement: Measurement, point: Points, component: int) -> str:
    """The command that shows a point again of what was measured, for as long as was waited for it."""
    of, device = measurement.of, measurement.device
    return reproduce(measurement.routine, point, measurement.format, of, component, device, limit())


def reproduce(
    routine: Routine,
    point: Points,
    format: Format,
    of: Of,
    component: int = 0,
    device: str = "cpu",
    timeout: float | None = None,
) -> str:
    """What shows one point again: a command, or a line of Python where the code lives in a notebook.

    Of a vector-valued formula's gradient it names the component, too; a value is of all its outputs.
    """
    formula, component = routine.formula, component if of is Of.GRAD else 0
    registered = formula.routines.get(routine.name) is routine
    own = routine.name if registered else _word(routine.function, routine.name)
    words = _word(formula.function, formula.name), own
    at = {name: argument(column, 0) for name, column in point.columns.items()}
    if all(words):
        inputs = " ".join(f"--at {_quoted(f'{name}={text}')}" for name, text in at.items())
        gradient = " --of grad" if of is Of.GRAD else ""
        gradient += f" --component {component}" if component else ""
        there = "" if device == "cpu" else f" --device {device}"
        there += "" if timeout is None else f" --timeout {timeout:g}"
        return (
            f"numcheck explain {shlex.join(map(str, words))} {inputs} --format {format.name}{gradient}{there}"
        )
    inside = f"{formula.name}.routines[{routine.name!r}]" if registered else routine.name.rpartition(":")[2]
    gradient = ', of="grad"' if of is Of.GRAD else ""
    gradient += f", component={component}" if component else ""
    there = "" if device == "cpu" else f", device={device!r}"
    there += "" if timeout is None else f", timeout={timeout:g}"
    return f"numcheck.explain({inside}, {formula.name}, {at}, format={format.name!r}{gradient}{there})"


def _quoted(text: str) -> str:
    """Text in quotation marks, as a shell takes it."""
    quote = "'"
    return f"{quote}{text.replace(quote, quote + chr(34) + quote + chr(34) + quote)}{quote}"


def _word(function: Callable[..., Any], name: str) -> str | None:
    """How the command line finds what `function` declares from where it was started; None in a notebook.

    That is its name in the catalogue, MODULE:NAME of what is installed, and FILE:NAME of all else: the module of a file
    may have been found by a path that another process does not know.
    """
    if ":" in name:
        return name  # as the command line was given it
    module = getattr(function, "__module__", None) or ""
    if loaded_by_name(module):
        return name
    home = sys.modules.get(module)
    file = getattr(home, "__file__", None)
    if not file or not hasattr(home, name):
        return None
    if module != "__main__" and {"site-packages", "dist-packages"} & {*Path(file).parts}:
        return f"{module}:{name}"
    here = Path(file).resolve()
    return f"{os.path.relpath(here) if here.is_relative_to(Path.cwd()) else here}:{name}"
