"""How far a routine is from the laws of its formula."""

from typing import Any

import numpy as np
import torch

from numcheck.declaration.patience import in_time
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.measurement import Measurement
from numcheck.reals import subnormals
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import Reals, as_reals
from numcheck.reals.precision import precision
from numcheck.report import figure
from numcheck.truth import groups, lifted


def law_defects(part: Measurement) -> list[dict[str, Any]]:
    """How far the routine is from each law of its formula, in ulps, over a few points.

    The law's own arithmetic is exact; the routine is fed its arguments rounded to the format, and its results are
    taken as they are.
    """
    formula, format = part.routine.formula, part.format
    if not formula.laws:
        return []
    rows = np.flatnonzero(part.points.origin == "sample")[:32]
    points = part.points.select(rows if rows.size else np.arange(min(32, len(part.points))))
    given: list[tuple[int, list[Any]]] = []
    told: list[dict[str, Any]] = []
    with precision(256):
        for which in groups(formula, points):
            alike = points.select(which)
            arguments = lifted(formula, alike, ARB, False).values()
            given.append((len(alike), [_rounded(part, alike), *arguments]))
        for law in formula.laws.values():
            try:
                parts = [_ulps_apart(law.function(*arguments), lanes, format) for lanes, arguments in given]
                apart = np.concatenate(parts)
                found = {"worst_ulp": figure(float(apart.max())), "violations": int((apart > 1).sum())}
            except KeyboardInterrupt:
                raise
            except BaseException as failure:  # a law may leave what the routine can do: say so beside it
                found = {"worst_ulp": "inf", "violations": len(points), "message": str(failure)}
            told.append({"law": law.doc, **found})
    return told


def _rounded(part: Measurement, points: Points) -> Any:
    """The routine as a function of reals: arguments are rounded to the format, results taken exactly."""
    routine, lanes = part.routine, len(points)
    kind = routine.formula.name, routine.name, part.format.name

    def call(*arguments: Any) -> Reals:
        given: dict[str, Any] = {}
        for (name, domain), argument in zip(routine.formula.inputs.items(), arguments, strict=True):
            column = points.columns[name]
            if isinstance(column, tuple):
                given[name] = float(argument.data[0]) if isinstance(argument, Reals) else argument
                continue
            balls = as_reals(argument, ARB).data
            numbers = np.broadcast_to(_float(balls).astype(np.float64), (lanes, *balls.shape[1:]))
            tensor = torch.from_numpy(numbers.copy())
            whole = tensor.round().to(column.dtype)  # of integers, or of a mask
            rounded = part.format.round(tensor) if domain.differentiable else whole
            given[name] = rounded.to(part.device)

        def called() -> np.ndarray:
            with subnormals.as_found():
                return np.asarray(routine.function(**given).detach().cpu().double().numpy())

        return Reals(ARB, ARB.lift(in_time(called, kind)))

    return call


_float: Any = np.frompyfunc(float, 1, 1)


def _ulps_apart(sides: tuple[Any, Any], lanes: int, format: Format) -> np.ndarray:
    """Per point the largest difference between two sides, in ulps of the larger."""
    a, b = np.broadcast_arrays(*(_float(as_reals(side, ARB).data).astype(np.float64) for side in sides))
    ulp = format.ulp(torch.from_numpy(np.maximum(np.abs(a), np.abs(b)))).numpy()
    apart = np.where(a == b, 0.0, np.abs(a - b) / ulp)
    apart = np.nan_to_num(apart, nan=np.inf, posinf=np.inf).reshape(len(apart), -1).max(axis=1)
    return np.broadcast_to(apart, (lanes,))
