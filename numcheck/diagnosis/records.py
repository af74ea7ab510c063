"""Traces of failing points, read for the questions that the diagnosis asks."""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np

from numcheck.declaration.words import Cause, Fate, Of
from numcheck.diagnosis.causes import nan_gradient, unconverged
from numcheck.diagnosis.culprit import Blame, blame
from numcheck.measure import Measurement, arguments_of, by_settings, whole_vectors
from numcheck.operators import Trace, TraceError, trace
from numcheck.reals import subnormals

T = TypeVar("T")

LANES = 4096  # points traced at once: their operators' results are all kept
ORDINARY = 65  # points that show what a routine does to digits where it does not fail, too


class Call(NamedTuple):
    """What `trace` and `emulate` run: a routine at some points, differentiated by some of its arguments."""

    function: Callable[..., Any]
    arguments: dict[str, Any]
    differentiate: tuple[str, ...]


def call_at(measurement: Measurement, rows: np.ndarray) -> tuple[Call, np.ndarray | None]:
    """How a routine is run at these points, and the output that each one's gradient is of; None of a value."""
    routine, is_value = measurement.routine, measurement.of is Of.VALUE
    arguments = arguments_of(routine, measurement.points.select(rows), measurement.device, False)
    call = Call(routine.function, arguments, () if is_value else routine.formula.wrt)
    return call, None if is_value else measurement.component[rows]


def _traced(measurement: Measurement, rows: np.ndarray, sharp: float | None) -> Trace | None:
    rows = rows[whole_vectors(len(rows))]
    element = measurement.judgement.worst_element[rows].astype(np.int64)
    try:
        call, component = call_at(measurement, rows)
        with subnormals.as_found():
            return trace(*call, component=component, element=element, sharp=sharp)
    except KeyboardInterrupt:
        raise
    except (
        BaseException
    ):  # an operator without a lockstep (TraceError), or whatever the routine itself raises
        return None


@dataclass(frozen=True)
class Loss:
    """What lost a point's digits: the cause, the operator and its line.

    `sank` where parts of its result were subnormal; `plain` where the operator rounds nothing but its result.
    """

    cause: Cause
    operator: str
    line: str
    sank: bool
    plain: bool
    beside: tuple[Cause, ...] = ()
    """Other causes that have a part in it."""
    note: str = ""
    """What a reader has to know of how far the cause is told."""
    remedy: str = ""
    """What helps here, where that is not what helps against the cause everywhere."""


class Records:
    """Traces of some of a measurement's points, in their order; one for each group that can be run in one call."""

    def __init__(self, measurement: Measurement, rows: np.ndarray, sharp: float | None = None) -> None:
        alike = [rows[positions] for positions in by_settings(measurement.points, rows) if positions.size]
        groups = [group[start : start + LANES] for group in alike for start in range(0, len(group), LANES)]
        self.groups = [(group, _traced(measurement, group, sharp)) for group in groups]
        self.of = measurement.of
        self.got = measurement.judgement.worst.got
        self.places = np.full((2, len(measurement.points)), -1)  # of each row its group, and its lane there
        for number, group in enumerate(groups):
            self.places[:, group] = np.full(len(group), number), np.arange(len(group))

    def _told(self, rows: np.ndarray, tell: Callable[[Trace], np.ndarray], otherwise: float) -> np.ndarray:
        """What a trace tells of each lane, for each row; `otherwise` where there is no trace."""
        told, (within, lanes) = np.full(len(rows), otherwise), self.places[:, rows]
        for number, (_, record) in enumerate(self.groups):
            here = within == number
            found = unless_untraceable(record, tell) if here.any() else None
            if found is not None:
                told[here] = found[lanes[here]]
        return told

    def shadow(self, rows: np.ndarray) -> np.ndarray:
        """The shadow of the number that speaks for each point; NaN where there is none."""

        def shadows(record: Trace) -> np.ndarray:
            sinks = record.sinks[:1] if self.of is Of.VALUE else record.sinks[1:]
            told = (np.full(record.lanes, np.nan), *(sink.shadow for sink in sinks))
            return functools.reduce(lambda a, b: np.where(np.isnan(a), b, a), told)

        return self._told(rows, shadows, np.nan)

    def untraced(self, rows: np.ndarray) -> np.ndarray:
        """Where there is no trace: an operator in it cannot be run in lockstep, or the routine raises there."""
        return ~self._told(rows, lambda record: np.ones(record.lanes), 0.0).astype(bool)

    def diverged(self, rows: np.ndarray) -> np.ndarray:
        """Where the run followed a comparison that the shadow would have decided otherwise."""
        return self._told(rows, lambda record: record.diverged, False)

    def moving(self, rows: np.ndarray, threshold: float) -> np.ndarray:
        """Where an iteration has not converged: its steps are still large, or they grow."""

        def apart(record: Trace) -> np.ndarray:
            loops = [one for one in record.repeated if one.count >= unconverged.PASSES and one.iterates]
            if not loops:
                return np.zeros(record.lanes, dtype=bool)
            steps, alike = loops[-1].steps, loops[-1].alike
            with np.errstate(invalid="ignore"):
                shrinks = np.logical_and.reduce([b <= a for a, b in itertools.pairwise(steps)])
                far = ~(steps[-1] <= threshold)
            return (far & (shrinks | alike)) | (~shrinks & alike & (steps[-1] > 0))

        return self._told(rows, apart, False)

    def range_left(self, rows: np.ndarray) -> list[Loss | None]:
        """The operator whose result first left the format's range at each point, if one did, and in which direction."""

        def first(record: Trace) -> np.ndarray:
            """Its place among the operations, and one; below zero where it is an underflow."""
            code = np.zeros(record.lanes)
            for place, op in enumerate(record.operations, 1):
                if not op.finite:
                    code[(code == 0) & op.overflowed & ~op.pole] = place
                code[(code == 0) & (op.underflowed | op.vanished)] = -place
            return code

        return self._at(rows, first, Cause.OVERFLOW, Cause.UNDERFLOW)

    def swallowed(self, rows: np.ndarray) -> list[Loss | None]:
        """The first operator that swallowed a term at each point, or in which leading bits cancelled."""

        def first(record: Trace) -> np.ndarray:
            code = np.zeros((2, record.lanes))
            for place, op in enumerate(record.operations, 1):
                code[0, (code[0] == 0) & op.absorbed] = place
                code[1, (code[1] == 0) & (op.cancelled_bits >= 2)] = -place
            return np.where(code[0] != 0, *code)

        return self._at(rows, first, Cause.ABSORPTION, Cause.CANCELLATION)

    def _at(self, rows: np.ndarray, tell: Callable[[Trace], np.ndarray], *causes: Cause) -> list[Loss | None]:
        """What a trace tells of each lane: one and an operator's place, or below zero for the second cause; or zero."""
        losses: list[Loss | None] = []
        for row, code in zip(rows.tolist(), self._told(rows, tell, 0).astype(int).tolist(), strict=True):
            record, lane = self.groups[self.places[0, row]][1], self.places[1, row]
            blamed = Blame(abs(code) - 1, causes[code < 0])
            losses.append(self._loss(record, blamed, lane, row) if record and code else None)
        return losses

    def sank_inside(self, rows: np.ndarray) -> np.ndarray:
        """Where parts of a fused operator's result were subnormal, of which an emulation knows nothing."""

        def sank(record: Trace) -> np.ndarray:
            fused = [op.sank for op in record.operations if not op.row.plain]
            return functools.reduce(np.logical_or, fused, np.zeros(record.lanes, dtype=bool))

        return self._told(rows, sank, False)

    def losses(self, rows: np.ndarray, ranged: bool = True) -> dict[int, Loss]:
        """What is to blame at each of the rows, which are known to be wrong; none where no operator lost anything."""
        found: dict[int, Loss] = {}
        within, places = self.places[:, np.sort(rows)]
        for number, (group, record) in enumerate(self.groups):
            lanes = places[within == number].tolist()
            if record is None or not lanes:
                continue
            ask = functools.partial(blame, of=self.of, ranged=ranged, lanes=lanes, beyond=0.0)
            for lane, culprit in zip(lanes, unless_untraceable(record, ask) or (), strict=False):
                if culprit is not None:
                    row = int(group[lane])
                    found[row] = self._loss(record, culprit, lane, row)
        return found

    def _loss(self, record: Trace, culprit: Blame, lane: int, row: int) -> Loss:
        """What a reader is told of the operator to blame."""
        got, cause = self.got[row] if self.of is Of.GRAD else 0.0, culprit.cause
        # what rounding brought to a division by zero on the way back has no digits left to lose
        if np.isinf(got) and cause in ROUNDING and culprit.singular is not None:
            cause = Cause.NAN_GRADIENT
        return _in_words(record, replace(culprit, cause=cause), lane, bool(np.isnan(got)))


ROUNDING = (Cause.CANCELLATION, Cause.ABSORPTION, Cause.ORDER)


def _in_words(record: Trace, culprit: Blame, lane: int, nan: bool) -> Loss:
    """The operator to blame and its line; of a NaN in a gradient those of the one whose derivative made it."""
    lost = record.operations[culprit.operation]
    op, operator, remedy = lost, lost.name, ""
    if nan or culprit.cause is Cause.NAN_GRADIENT:
        op = record.operations[culprit.operation if culprit.singular is None else culprit.singular]
        operator = op.derivative_of or op.name
        chosen = any(one.row.chooses and one.phase == "forward" for one in record.operations)
        left = bool(lost.overflowed[lane] and not lost.pole[lane]), culprit.cause is Cause.UNDERFLOW
        remedy = nan_gradient.remedy_for(operator, lost.name if any(left) else "", chosen)
    line = f"{op.where}: {op.line}" if op.where else ""
    return Loss(
        culprit.cause, operator, line, bool(lost.sank[lane]), lost.row.plain, culprit.beside, remedy=remedy
    )


def failing(measurement: Measurement) -> np.ndarray:
    """The points that need a cause."""
    fates = measurement.judgement.worst.fate
    return np.flatnonzero((fates >= Fate.OVER) & (fates != Fate.CRASH))


def ordinary(measurement: Measurement) -> np.ndarray:
    """Points spread over all, as far as they can be run in one call: not where the routine raises, or never returns."""
    rows = measurement.points.spread(ORDINARY)
    rows = rows[~np.isin(rows, list(measurement.crashes))]
    return rows[max(by_settings(measurement.points, rows), key=len, default=np.arange(0))]


@functools.lru_cache(maxsize=1)  # whoever asks what lost digits asks next what cancelled
def records_of(measurement: Measurement) -> Records:
    """The traces of failing and of ordinary points."""
    return Records(measurement, np.union1d(failing(measurement), ordinary(measurement)))


def unless_untraceable(record: Trace | None, tell: Callable[[Trace], T]) -> T | None:
    """What is told of a trace; None where there is none, or an operator in it cannot be measured."""
    try:
        return None if record is None else tell(record)
    except TraceError:
        return None
