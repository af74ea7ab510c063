"""Why digits were lost: causes of failing points, and findings that gather them.

Two experiments tell causes apart. Run again in float64, a routine that still gives the same wrong result computes
something else than the formula: a wrong formula, a wrong scale, or an iteration that did not converge. Whatever
float64 heals was lost to the format, and the trace names the operator that lost it.

A finding carries the region of inputs where its cause strikes, found by searching the ordinals between a failing and
a passing input, with the worst and the simplest example.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numcheck.case import FAILING, Cause, Fate, Formula, Routine
from numcheck.domain import Points, contains
from numcheck.formats import Format
from numcheck.measure import FATES, Judgement, Measurement, arguments_of, measure
from numcheck.reals.settle import PROVED
from numcheck.trace import Trace, TraceError, trace
from numcheck.truth import settle

SECTIONS = 16  # a search for a border divides its interval into so many at a time
CALM = 3  # so many passing neighbours in a row end a region
RESOLUTION = 14  # bits to which a border is searched; regions print four digits
TRACED = 192  # failing points looked at operator by operator; the rest take the cause of their like
_FAILING = np.array([fate in FAILING for fate in FATES])

REMEDIES: dict[Cause, str] = {
    Cause.OVERFLOW: "keep the intermediate in range: subtract the maximum or take logarithms before exponentiating",
    Cause.UNDERFLOW: "keep the small factor's logarithm, or scale before it leaves the range",
    Cause.CANCELLATION: "rewrite the difference (log1p, expm1, a shifted origin) so that no close numbers are subtracted",
    Cause.ABSORPTION: "keep the small term apart: log1p(x) for log(1 + x), a wider accumulator, or compensation",
    Cause.NAN_GRADIENT: "make the branch that is not taken safe before the singular function, not after it",
    Cause.SPECIAL_VALUE: "treat the singular input by itself before dividing or taking the logarithm",
    Cause.SENSITIVITY: "nothing in the code: the problem itself magnifies its inputs' last bits here",
    Cause.SCALE: "the result is a constant multiple of the formula's: look for a missing or doubled factor",
    Cause.WRONG_FORMULA: "exact arithmetic gives the same result: compare the code with the formula's source",
    Cause.ORDER: "sum pairwise or in a wider format",
    Cause.UNCONVERGED: "iterate further, or bracket the root so that no step leaves it",
}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Per point the cause of its failure (None where it did not fail), and where the code lost it."""

    causes: np.ndarray
    culprits: Mapping[Cause, tuple[str, str]]
    """(operator, source line) that is blamed most often for a cause."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One cause in one measurement: where it strikes and what it costs."""

    cause: Cause
    rows: np.ndarray
    region: str
    bits_lost: float
    operator: str | None
    line: str | None
    worst: int
    simplest: Points
    forgiven: bool
    gap: str | None

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return REMEDIES[self.cause]


# Causes -----------------------------------------------------------------------------------------------------------


def diagnose(measurement: Measurement) -> Diagnosis:
    """A cause for every failing point of a measurement."""
    fates, _, _ = measurement.judgement.of_points()
    failing = np.flatnonzero(_FAILING[fates] & (fates != FATES.index(Fate.CRASH)))
    causes = np.full(len(fates), None, dtype=object)
    if not failing.size:
        return Diagnosis(causes, {})
    chosen = failing if failing.size <= TRACED else failing[np.linspace(0, failing.size - 1, TRACED).astype(int)]
    records = Records(measurement, chosen)
    for row, cause in _mathematical(measurement, chosen, records).items():
        causes[row] = cause
    rest = chosen[[causes[row] is None for row in chosen]]
    votes: dict[tuple[Cause, str, str], int] = {}
    for row, blamed in zip(rest, records.blame(measurement, rest), strict=True):
        causes[row] = blamed[0]
        votes[blamed] = votes.get(blamed, 0) + 1
    culprits: dict[Cause, tuple[str, str]] = {}
    for (cause, operator, line), _ in sorted(votes.items(), key=lambda item: item[1]):
        if operator:
            culprits[cause] = (operator, line)
    left = np.setdiff1d(failing, chosen)
    if left.size:
        causes[left] = _like(measurement, left, chosen, causes[chosen])
    return Diagnosis(causes, culprits)


def _like(measurement: Measurement, rows: np.ndarray, known: np.ndarray, causes: np.ndarray) -> np.ndarray:
    """The cause of the traced point that failed in the same way and lies nearest in order of result and truth."""
    judged = measurement.judgement
    elements = judged.worst_element
    key = np.stack(
        [
            _FATE_WEIGHT * judged.fate[np.arange(len(elements)), elements],
            *(_signed_log(column[np.arange(len(elements)), elements]) for column in (judged.got, judged.truth.nearest())),
        ],
        axis=1,
    )
    distance = np.abs(key[rows][:, None, :] - key[known][None, :, :]).sum(axis=2)
    return causes[distance.argmin(axis=1)]


_FATE_WEIGHT = 1e6


def _signed_log(x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        magnitude = np.log2(np.abs(x))
    magnitude = np.nan_to_num(np.where(x == 0, -1100.0, magnitude), nan=5000.0, posinf=2000.0, neginf=-1100.0)
    return np.where(x < 0, -1e4 - magnitude, magnitude)


def _mathematical(measurement: Measurement, rows: np.ndarray, records: "Records") -> dict[int, Cause]:
    """Failing points whose result far more digits do not heal: scale, wrong formula or unconverged.

    The shadow of the trace carries about 106 bits. Where it agrees with the native result and both miss the truth,
    rounding is not to blame, unless an operator swallowed a term that even 106 bits cannot hold.
    """
    judged = measurement.judgement
    elements = judged.worst_element[rows]
    truth = judged.truth[rows, elements]
    native, exact = judged.got[rows, elements], truth.nearest()
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(exact), judged.format.smallest_subnormal)
        error = np.abs(native - exact) / size
    same, swallowed = records.agreement(rows, judged.format.precision)
    same = same & np.isfinite(native) & (error > 8 * judged.format.unit_roundoff)
    same &= ~(swallowed & (native == 0))
    found: dict[int, Cause] = {}
    moving = records.moving(rows, 16 * judged.format.unit_roundoff) if measurement.of == "value" else None
    constant = _is_constant((native / np.where(exact == 0, np.nan, exact))[same])
    for i, row in enumerate(rows):
        if moving is not None and moving[i]:
            found[int(row)] = Cause.UNCONVERGED
        elif same[i]:
            found[int(row)] = Cause.SCALE if constant else Cause.WRONG_FORMULA
    return found


def _is_constant(ratios: np.ndarray) -> bool:
    finite = ratios[np.isfinite(ratios) & (ratios != 0)]
    if len(finite) < 8 or len(finite) < 0.9 * len(ratios):
        return False
    middle = float(np.median(finite))
    return middle != 1 and bool(np.mean(np.abs(finite / middle - 1) < 2.0**-10) > 0.9)


def _call(measurement: Measurement, rows: np.ndarray) -> tuple[dict[str, Any], tuple[str, ...], Points]:
    backward = measurement.of == "grad"
    points = measurement.points.select(rows)
    arguments = arguments_of(measurement.routine, points, measurement.device, False)
    return arguments, (measurement.routine.formula.wrt if backward else ()), points


def _same_settings(measurement: Measurement, rows: np.ndarray) -> list[np.ndarray]:
    """Positions within `rows` of points that can be run in one call."""
    settings = [c for c in measurement.points.columns.values() if isinstance(c, tuple)]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for position, row in enumerate(rows):
        groups.setdefault(tuple(column[row] for column in settings), []).append(position)
    return [np.array(positions) for positions in groups.values()]


def _picked(measurement: Measurement, rows: np.ndarray) -> Callable[..., torch.Tensor]:
    """The routine; for a gradient, its output at each point's component alone, so that ones are the cotangent."""
    function = measurement.routine.function
    if measurement.of == "value":
        return function
    component = torch.from_numpy(np.ascontiguousarray(measurement.component[rows]))

    def component_of(**arguments: Any) -> torch.Tensor:
        out = function(**arguments)
        return out if out.ndim == 1 else out.reshape(len(out), -1).gather(1, component[:, None])[:, 0]

    return component_of


def _traced(measurement: Measurement, rows: np.ndarray) -> Trace | None:
    arguments, differentiate, _ = _call(measurement, rows)
    try:
        return trace(_picked(measurement, rows), arguments, differentiate)
    except (TraceError, RuntimeError, TypeError, NotImplementedError):
        return None


class Records:
    """Traces of a measurement's failing points, one for each group that can be run in one call."""

    def __init__(self, measurement: Measurement, rows: np.ndarray) -> None:
        self.groups = [
            (rows[positions], _traced(measurement, rows[positions])) for positions in _same_settings(measurement, rows)
        ]
        self.of = measurement.of

    def agreement(self, rows: np.ndarray, precision: int) -> tuple[np.ndarray, np.ndarray]:
        """Where native result and shadow agree to half the digits, and where some operator swallowed a term."""
        same, swallowed = dict.fromkeys(rows.tolist(), False), dict.fromkeys(rows.tolist(), False)
        for group, record in self.groups:
            if record is None:
                continue
            sinks = [sink for sink in record.sinks if (sink.name == "value") == (self.of == "value")]
            error = np.max([sink.error for sink in sinks], axis=0) if sinks else np.full(len(group), np.inf)
            lost = np.any([op.absorbed | (op.cancelled_bits >= precision) for op in record.operations], axis=0)
            for i, row in enumerate(group.tolist()):
                same[row], swallowed[row] = bool(error[i] < 2.0 ** -(precision / 2)), bool(np.broadcast_to(lost, len(group))[i])
        return np.array([same[r] for r in rows.tolist()]), np.array([swallowed[r] for r in rows.tolist()])

    def moving(self, rows: np.ndarray, threshold: float) -> np.ndarray:
        """Where the last two passes of a loop still differ: the iteration has not converged."""
        still = dict.fromkeys(rows.tolist(), False)
        for group, record in self.groups:
            loops = [] if record is None else [repeat for repeat in record.repeated if repeat.count >= 3]
            if loops:
                with np.errstate(invalid="ignore"):
                    apart = ~(loops[-1].change <= threshold)
                for row, flag in zip(group.tolist(), apart, strict=True):
                    still[row] = bool(flag)
        return np.array([still[r] for r in rows.tolist()])

    def blame(self, measurement: Measurement, rows: np.ndarray) -> list[tuple[Cause, str, str]]:
        """(cause, operator, line) for each row."""
        found: dict[int, tuple[Cause, str, str]] = {}
        wanted = set(rows.tolist())
        for group, record in self.groups:
            blames = [None] * len(group) if record is None else record.blame(self.of)
            for row, blame in zip(group.tolist(), blames, strict=True):
                if row not in wanted:
                    continue
                if blame is None or record is None:
                    found[row] = (_by_result(measurement, row), "", "")
                    continue
                operation = record.operations[blame.operation]
                line = f"{operation.where}: {operation.line}" if operation.where else ""
                found[row] = (Cause(blame.cause), operation.name, line)
        return [found[row] for row in rows.tolist()]


def _by_result(measurement: Measurement, row: int) -> Cause:
    """The cause that the result itself shows, where no operator could be blamed."""
    judged = measurement.judgement
    element = judged.worst_element[row]
    got, truth = judged.got[row, element], judged.truth.high[row, element]
    if np.isnan(got):
        return Cause.NAN_GRADIENT if measurement.of == "grad" else Cause.SPECIAL_VALUE
    if np.isinf(got) and np.isfinite(truth):
        return Cause.OVERFLOW
    small = judged.truth.exponent[row, element] <= judged.format.min_exponent
    return Cause.UNDERFLOW if got == 0 and small else Cause.CANCELLATION


# Regions and examples ---------------------------------------------------------------------------------------------

Probe = Callable[[Points], np.ndarray]


def prober(measurement: Measurement, fate: int) -> Probe:
    """A predicate over points: does the measured routine meet `fate` there?"""
    routine, format, device, of = measurement.routine, measurement.format, measurement.device, measurement.of

    def meets(points: Points) -> np.ndarray:
        return judged_at(routine, points, format, device, of).of_points()[0] == fate

    return meets


def judged_at(
    routine: Routine, points: Points, format: Format, device: str, of: str, component: np.ndarray | None = None
) -> Judgement:
    """The judgement of a routine at a few points."""
    truth = settle(routine.formula, points, format, with_gradient=of == "grad", component=component)
    (found,) = [m for m in measure(routine, points, truth, format, device, of == "grad") if m.of == of]
    return found.judgement


def region(formula: Formula, point: Points, fails: Probe, format: Format) -> str:
    """The inputs around a failing point at which the routine fails too, one continuous input at a time.

    For a vector the magnitude of its largest component is varied, the others in proportion.
    """
    parts: list[str] = []
    for name, domain in formula.inputs.items():
        if not domain.differentiable:
            continue
        low, high = _failing_range(formula, point, name, fails, format)
        label = name if point.columns[name].ndim == 1 else f"max|{name}|"  # type: ignore[union-attr]
        if low is None and high is None:
            continue
        if low is None:
            parts.append(f"{label} <= {_short(high)}")
        elif high is None:
            parts.append(f"{label} >= {_short(low)}")
        elif low == high:
            parts.append(f"{label} = {_short(low)}")
        else:
            parts.append(f"{_short(low)} <= {label} <= {_short(high)}")
    fixed = [
        f"{name} {column[0] if isinstance(column, tuple) else int(column[0])}"
        for name, column in point.columns.items()
        if not formula.inputs[name].differentiable
    ]
    where = " and ".join(parts) or "everywhere in the domain"
    return f"{where} with {', '.join(fixed)}" if fixed else where


def _short(x: float | None) -> str:
    return "" if x is None else f"{x:.4g}"


def _moved(point: Points, name: str, magnitudes: np.ndarray, format: Format) -> Points:
    """Copies of a point with one input given other values: numbers, or a vector's largest magnitude."""
    count = len(magnitudes)
    repeated = point.select(np.zeros(count, dtype=int))
    column = repeated.columns[name]
    assert isinstance(column, torch.Tensor)
    values = torch.from_numpy(magnitudes)
    if column.ndim == 1:
        moved = format.round(values)
    else:
        wide = column.double()
        largest = wide.reshape(count, -1).abs().amax(1)
        factor = (values / largest).reshape(count, *(1,) * (column.ndim - 1))
        moved = format.round(wide * factor)
    columns = dict(repeated.columns)
    columns[name] = moved
    return Points(columns, repeated.origin, point.size)


def _failing_range(
    formula: Formula, point: Points, name: str, fails: Probe, format: Format
) -> tuple[float | None, float | None]:
    """The ends of the failing stretch around the point; None where it reaches the end of the domain."""
    column = point.columns[name]
    assert isinstance(column, torch.Tensor)
    scalar = column.ndim == 1
    start = column if scalar else column.reshape(1, -1).abs().amax(1)
    if not torch.isfinite(start).all() or (not scalar and float(start[0]) == 0):
        return None, None
    domain = formula.inputs[name]
    bounds = _bounds(domain, scalar, format)
    anchor = int(format.to_ordinals(start)[0])
    ends: list[float | None] = []
    for bound in bounds:
        inside, outside = anchor, int(format.to_ordinals(format.round(torch.tensor([bound], dtype=torch.float64)))[0])
        reached = False
        coarse = max(1, 1 << max(0, format.precision - RESOLUTION))
        while abs(outside - inside) > coarse and not reached:
            steps = np.unique(np.linspace(inside, outside, SECTIONS + 1).round().astype(np.int64))
            steps = steps if outside > inside else steps[::-1]
            values = format.from_ordinals(torch.from_numpy(steps.copy())).double().numpy()
            hit = fails(_moved(point, name, values, format))
            hit[0] = True  # the failing end itself
            # a speckled border belongs to the region: it ends where several neighbours in a row pass
            calm = [not hit[i : i + CALM].any() for i in range(len(hit))]
            if not any(calm):
                reached = True
            else:
                first = calm.index(True)
                inside, outside = int(steps[first - 1]), int(steps[first])
        if reached or inside == outside:
            ends.append(None)
        else:
            ends.append(float(format.from_ordinals(torch.tensor([inside]))[0]))
    return ends[0], ends[1]


def _bounds(domain: Any, scalar: bool, format: Format) -> tuple[float, float]:
    low, high = float(getattr(domain, "low", 0.0)), float(getattr(domain, "high", format.largest))
    low, high = max(low, -format.largest), min(high, format.largest)
    return (low, high) if scalar else (format.smallest_subnormal, max(abs(low), abs(high)))


def complexity(points: Points) -> np.ndarray:
    """How much ink a point takes: significand bits and exponents of its numbers."""
    total = np.zeros(len(points))
    for column in points.columns.values():
        if isinstance(column, tuple):
            continue
        x = column.double().numpy().reshape(len(points), -1)
        mantissa, exponent = np.frexp(np.where(np.isfinite(x), x, 0.0))
        whole = (np.abs(mantissa) * 2.0**53).astype(np.int64)
        trailing = np.where(whole == 0, 53, np.log2((whole & -whole).astype(np.float64) + (whole == 0)).astype(int))
        total += np.where(x == 0, 0, 1 + (53 - trailing) + np.abs(exponent - 1) / 2 + (x < 0) / 4).sum(axis=1)
        total += 50 * (~np.isfinite(x)).sum(axis=1)
        total += (1 - 0.5**x.shape[1]) if x.shape[1] > 1 else 0
    return total


def simplest(formula: Formula, point: Points, fails: Probe, format: Format) -> Points:
    """A failing point as short as rounding each input of this one can make it."""
    best = point
    for name, domain in formula.inputs.items():
        if not domain.differentiable:
            continue
        column = best.columns[name]
        assert isinstance(column, torch.Tensor)
        shorter = _shortenings(column.double().numpy(), domain, format)
        candidates = best.select(np.zeros(len(shorter), dtype=int))
        columns = dict(candidates.columns)
        columns[name] = format.round(torch.from_numpy(shorter))
        trial = Points(columns, candidates.origin, best.size)
        trial = trial.select(np.flatnonzero(contains(domain, columns[name], format)))
        if not len(trial):
            continue
        order = np.argsort(complexity(trial), kind="stable")
        hits = np.flatnonzero(fails(trial.select(order)))
        if hits.size:
            found = trial.select(order[hits[:1]])
            if complexity(found)[0] <= complexity(best)[0]:
                best = found
    return best


def _shortenings(x: np.ndarray, domain: Any, format: Format) -> np.ndarray:
    versions = [x]
    for bits in (1, 2, 3, 4, 6):
        mantissa, exponent = np.frexp(x)
        for rounding in (np.round, np.floor, np.ceil):
            versions.append(np.ldexp(rounding(mantissa * 2.0**bits) * 2.0**-bits, exponent))
    for number in (0.0, 1.0, -1.0, 2.0, -2.0, 10.0, -10.0, 20.0, -20.0, 100.0, -100.0):
        versions.append(np.full_like(x, number))
    return np.concatenate(versions)


# Findings ---------------------------------------------------------------------------------------------------------


def findings(measurement: Measurement, diagnosis: Diagnosis, gaps: Mapping[Cause, str]) -> list[Finding]:
    """One finding for each cause among the failing points, gravest first, and one for what was forgiven."""
    judged = measurement.judgement
    _, spent, error = judged.of_points()
    fates, _, _ = judged.of_points()
    formula, format = measurement.routine.formula, measurement.format
    found: list[Finding] = []
    for cause in Cause:
        rows = np.flatnonzero(diagnosis.causes == cause)
        if not rows.size:
            continue
        worst = int(rows[np.argmax(np.nan_to_num(spent[rows], posinf=1e300))])
        alike = rows[fates[rows] == fates[worst]]
        shortest = int(alike[np.argmin(complexity(measurement.points.select(alike)))])
        anchor = measurement.points.select(np.array([shortest]))
        meets = prober(measurement, int(fates[worst]))
        try:
            simple = simplest(formula, anchor, meets, format)
            where = region(formula, anchor, meets, format)
        except Exception as failure:  # a probe may crash the routine: the finding stands without its region
            simple, where = anchor, f"near the examples (the search stopped: {type(failure).__name__}: {failure})"
        operator, line = diagnosis.culprits.get(cause, (None, None))
        found.append(
            Finding(
                cause,
                rows,
                where,
                bits_lost(error[rows], judged.format),
                operator,
                line,
                worst,
                simple,
                False,
                gaps.get(cause),
            )
        )
    found.sort(key=lambda f: (f.gap is not None, -len(f.rows)))
    forgiven = _forgiven(measurement)
    if forgiven is not None:
        found.append(forgiven)
    return found


def bits_lost(error: np.ndarray, format: Format) -> float:
    """Significand bits lost at the worst of some points: log2 of the error in ulps, at most all of them."""
    worst = float(np.max(np.nan_to_num(error, nan=np.inf)))
    return float(format.precision) if worst == np.inf else float(np.clip(np.log2(max(worst, 1.0)), 0, format.precision))


def _forgiven(measurement: Measurement) -> Finding | None:
    """Points whose error exceeds the plain ulps but not what the problem's conditioning forgives."""
    judged = measurement.judgement
    fates, _, error = judged.of_points()
    budget = measurement.routine.value if measurement.of == "value" else measurement.routine.grad
    assert budget is not None
    rows = np.flatnonzero(
        (fates == FATES.index(Fate.WITHIN)) & (error > budget.ulps) & (judged.truth.state == PROVED).all(axis=1)
    )
    if not rows.size:
        return None
    worst = int(rows[np.argmax(error[rows])])
    shortest = int(rows[np.argmin(complexity(measurement.points.select(rows)))])
    return Finding(
        Cause.SENSITIVITY,
        rows,
        "scattered where the condition number is large",
        bits_lost(error[rows], judged.format),
        None,
        None,
        worst,
        measurement.points.select(np.array([shortest])),
        True,
        None,
    )
