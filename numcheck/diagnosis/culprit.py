"""Who lost the digits: a record read backwards, from a wrong result to the operation that its error comes from."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from numcheck.declaration.words import Cause
from numcheck.operators import Operation, Sink, Trace

# A result within this many unit roundoffs of the shadow has lost nothing worth explaining.
_FAITHFUL = 4.0
# Below this part of a result's error an operand's errors are less than what the operation rounded by itself.
_OWN = 0.5
# An operation that passes on less of an operand's error than this part rounds by more than that itself.
_PASSED = 0.75
# How far back a producer may lie from the operation that made its rounding visible.
_REACH = 4


@dataclass(frozen=True)
class Blame:
    """The operation that lost a lane's digits, by its index into `Trace.operations`, and why."""

    operation: int
    cause: Cause
    beside: tuple[Cause, ...] = ()
    """Other causes that have a part in it: of several small losses, or absorption beside the order of a sum."""
    singular: int | None = None
    """Of a NaN or an infinity in a gradient, the first derivative on the way to it that is not finite."""


def blame(
    record: Trace,
    of: str = "value",
    ranged: bool = True,
    lanes: Sequence[int] | None = None,
    beyond: float = _FAITHFUL,
) -> tuple[Blame | None, ...]:
    """Per lane (by default all) what to blame for the digits that `of`, "value" or "grad", lost; None where none were.

    Without `ranged`, where it is known that the range has no part in it, digits were lost to rounding alone. A result
    is wrong that is farther from the shadow than `beyond` unit roundoffs.
    """
    asked = np.arange(record.lanes) if lanes is None else np.asarray(lanes, dtype=int)
    part = _Part(
        [_Columns(operation, asked) for operation in record.operations],
        [_Columns(sink, asked) for sink in record.sinks],
        2.0**-record.precision,
    )
    return _blamed(part, of, len(asked), ranged, beyond)


class _Columns:
    """An operation's or a sink's numbers at some lanes, as Python's own, which are quicker one by one."""

    def __init__(self, whole: Operation | Sink, lanes: np.ndarray) -> None:
        self._whole, self._lanes = whole, lanes
        self._known: dict[str, np.ndarray] = {}

    def __getattr__(self, name: str) -> Any:
        told = getattr(self._whole, name)
        if name == "contributions":
            told = tuple(column[self._lanes].tolist() for column in told)
        elif isinstance(told, np.ndarray):
            told = told[self._lanes].tolist()
        setattr(self, name, told)
        return told

    def column(self, name: str) -> np.ndarray:
        """The same of all its lanes side by side."""
        if name not in self._known:
            self._known[name] = getattr(self._whole, name)[self._lanes]
        return self._known[name]

    @cached_property
    def source(self) -> tuple[list[float], list[int]]:
        """Per lane the largest part of an operation's error that an operand explains, and which operation made that."""
        assert isinstance(self._whole, Operation)
        most, index = np.zeros(len(self._lanes)), np.full(len(self._lanes), -1)
        for column, made_by in zip(self._whole.contributions, self._whole.operands, strict=True):
            if made_by >= 0:
                explained = column[self._lanes]
                index = np.where(
                    explained > most, made_by, np.where(explained == most, np.maximum(index, made_by), index)
                )
                most = np.fmax(most, explained)
        return most.tolist(), index.tolist()


@dataclass(frozen=True)
class _Part:
    """A record as far as some of its lanes go."""

    operations: list[_Columns]
    sinks: list[_Columns]
    roundoff: float


def _blamed(record: _Part, of: str, lanes: int, ranged: bool, beyond: float) -> tuple[Blame | None, ...]:
    sinks = [s for s in (record.sinks[:1] if of == "value" else record.sinks[1:]) if s.operation >= 0]
    found: list[Blame | None] = [None] * lanes
    worst: dict[int, _Columns] = {}
    paths: dict[int, tuple[int, ...]] = {}
    left: dict[tuple[int, ...], dict[int, tuple[float, ...]]] = {}
    for lane in range(lanes):
        wrong = [s for s in sinks if s.nonfinite[lane] or s.error[lane] > beyond * record.roundoff]
        if not wrong:
            continue
        worst[lane] = max(wrong, key=lambda s: (s.nan[lane], s.nonfinite[lane], s.error[lane]))
        paths[lane], relevant = _followed(record, worst[lane].operation, lane)
        found[lane] = _out_of_range(record, of, worst[lane], paths[lane], lane) if ranged else None
        if found[lane] is None:
            left.setdefault(paths[lane], {})[lane] = relevant
    for path, some in left.items():
        for lane, culprit in zip(some, _lost_bits(record, path, some, ranged), strict=True):
            found[lane] = culprit
    if of == "grad":
        for lane, result in worst.items():
            if (culprit := found[lane]) is not None and result.nonfinite[lane]:
                found[lane] = replace(culprit, singular=_singular(record, paths[lane], lane))
    return tuple(found)


def _singular(record: _Part, path: tuple[int, ...], lane: int) -> int | None:
    """The first derivative on the way to a gradient that is not finite."""
    derivatives = ((i, record.operations[i]) for i in reversed(path))
    return next(
        (
            i
            for i, op in derivatives
            if op.phase == "backward" and (op.born_nan[lane] or op.pole[lane] or op.overflowed[lane])
        ),
        None,
    )


def _followed(record: _Part, start: int, lane: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """From a result backwards, each time to the operand that explains most of the error; with how much of the
    error of each result on the way reaches the end.

    A sum or a gathering may leave operands behind whose relative error is large and does no harm.
    """
    path, relevant = [start], [math.inf]
    while True:
        op = record.operations[path[-1]]
        most, made_by = op.source
        error = most[lane]
        if not error > 0:
            return tuple(path), tuple(relevant)
        path.append(made_by[lane])
        gathered = op.row.adds or op.row.gathers
        relevant.append(min(error, op.error_out[lane], relevant[-1]) if gathered else math.inf)


# --- digits lost all at once


def _out_of_range(record: _Part, of: str, result: _Columns, path: tuple[int, ...], lane: int) -> Blame | None:
    """The first operation on the path that made an infinity or a NaN, or what made it do so.

    A result that has digits left met no pole and no NaN; one that is finite at all met no pole that exact numbers
    share, such as the logarithm of what is zero in truth. Those belong to another element.
    """
    digits_left = not result.total[lane] and result.error[lane] < 0.25
    operations, value = record.operations, record.sinks[0]
    forward_holds = not value.nonfinite[lane] and not value.error[lane] > 0.5
    # From the source of the error towards the result: what happened first is the cause of what followed.
    for position, index in reversed(tuple(enumerate(path))):
        op = operations[index]
        if op.finite or (position == 0 and not result.nonfinite[lane]):
            continue  # of the operator that made the result, an infinity belongs to another element
        if op.overflowed[lane] and not op.pole[lane]:
            later_nan = [
                i for i in path if operations[i].born_nan[lane] and operations[i].phase == "backward"
            ]
            if op.phase == "forward" and forward_holds and later_nan:
                # The value never used the infinity; only the derivative multiplied it by zero.
                return Blame(index, Cause.NAN_GRADIENT)
            ruined = op.error_in[lane] > 0.25 and not op.overflowed_in_shadow[lane]
            before = _left_the_range_before(record, index, lane) if ruined else None
            if before is not None and not operations[before].overflowed[lane]:
                # 1 / (x*x + 0.001), whose denominator lost its greater part
                return Blame(before, Cause.UNDERFLOW)
            return Blame(index, Cause.OVERFLOW)
        singular = op.pole[lane] and op.error_in[lane] <= _FAITHFUL * record.roundoff
        singular &= result.nonfinite[lane] or not op.overflowed_in_shadow[lane]
        singular &= not (op.given[lane] and any(operations[i].born_nan[lane] for i in path[:position]))
        if (op.born_nan[lane] or singular) and not digits_left:
            outside = _left_the_range_before(record, index, lane) if op.phase == "forward" else None
            if outside is not None:
                infinite = operations[outside].overflowed[lane]
                return Blame(outside, Cause.OVERFLOW if infinite else Cause.UNDERFLOW)
            earlier = path[position + 1 :]
            if op.error_in[lane] > 0.25 and any(operations[i].bits_lost[lane] >= 2 for i in earlier):
                continue  # the operand that makes it singular is itself the ruin of an earlier loss
            # The value may hold although a branch that it never took doesn't.
            hidden = of == "grad" and forward_holds
            cause = Cause.NAN_GRADIENT if op.phase == "backward" or hidden else Cause.SPECIAL_VALUE
            return Blame(index, cause)
    return None


def _left_the_range_before(record: _Part, start: int, lane: int) -> int | None:
    """The operation shortly before a pole or a NaN that overflowed or whose result vanished, if there is one."""
    front = [start]
    for _ in range(_REACH):
        front = [i for index in front for i in record.operations[index].operands if i >= 0]
        for index in front:
            op = record.operations[index]
            if op.underflowed[lane] or op.vanished[lane] or (op.overflowed[lane] and not op.pole[lane]):
                return index
    return None


# --- digits lost one by one


def _lost_bits(
    record: _Part, path: tuple[int, ...], some: Mapping[int, tuple[float, ...]], ranged: bool
) -> list[Blame | None]:
    """Of lanes with one path the operation on it that lost most bits; or the chain, where none stands out.

    `some` tells for each lane how much of each error on the way reaches the end.
    """
    operations, roundoff = record.operations, record.roundoff
    lanes, relevant = list(some), np.array(list(some.values())).T
    on = _Along(tuple(operations[i] for i in path), lanes)
    error_out = on("error_out")
    # of the operand that was followed, for another element of the operation may have had a larger one
    followed = np.concatenate([error_out[1:], np.full((1, len(lanes)), math.inf)])
    before = np.clip(np.minimum(on("error_in"), followed), roundoff, 1.0)
    lost = np.minimum(on("bits_lost"), np.maximum(0.0, np.log2(np.clip(relevant, roundoff, 1.0) / before)))
    places = len(path) - 1 - np.argmax(lost[::-1], axis=0)
    found: list[Blame | None] = []
    chains: _Chains | None = None
    for number, (lane, place) in enumerate(zip(lanes, places.tolist(), strict=True)):
        if not (error_out[:, number] > 0).any():
            found.append(None)
            continue
        culprit, bits = path[place], float(lost[place, number])
        op = operations[culprit]
        sank = op.underflowed[lane] or op.vanished[lane]
        if op.error_in[lane] <= _FAITHFUL * roundoff:
            sank = sank or any(operations[i].underflowed[lane] for i in op.operands if i >= 0)
        if sank and ranged:
            found.append(Blame(culprit, Cause.UNDERFLOW))
        # Errors that happen to make up for each other hide how far a difference magnified them.
        elif bits < 2.0 and op.cancelled_bits[lane] < 2:
            chains = chains or _Chains.of(on, path, roundoff)
            found.append(chains.blame(number, culprit, _rounding(record, culprit, bits, lane)))
        else:
            cause = _rounding(record, culprit, bits, lane)
            beside = (Cause.ABSORPTION,) if cause == Cause.ORDER and op.swallowed_bits[lane] >= 1 else ()
            found.append(Blame(culprit, cause, beside))
    return found


@dataclass(frozen=True)
class _Along:
    """The numbers of the operations on a path at some lanes: a row for each operation."""

    operations: tuple[_Columns, ...]
    lanes: list[int]

    def __call__(self, name: str) -> np.ndarray:
        return np.array([op.column(name)[self.lanes] for op in self.operations])


@dataclass(frozen=True, eq=False)
class _Chains:
    """What the operations on a path did to lanes of which no one lost most: death by many small losses."""

    path: tuple[int, ...]
    parts: Mapping[Cause, np.ndarray]
    """The lanes in which each kind of rounding has a part."""
    absorbing: np.ndarray
    """The additions that absorbed a term, a row for each operation."""
    adds_up: np.ndarray
    """The lanes in which the errors of a sum, or of one line's additions, add up."""

    @staticmethod
    def of(on: _Along, path: tuple[int, ...], roundoff: float) -> "_Chains":
        """Along a path."""
        error_out = on("error_out")
        erring = error_out > 0
        rows = [(op.row, (op.where, op.row.name)) for op in on.operations]
        adds, sums = (np.array([getattr(row, of) for row, _ in rows])[:, None] for of in ("adds", "sums"))
        additions = adds & (error_out > _FAITHFUL * roundoff)
        several = [place for place, many in Counter(place for _, place in rows).items() if many >= 3]
        repeated = [
            (additions & np.array([one == place for _, one in rows])[:, None]).sum(axis=0) >= 3
            for place in several
        ]
        parts = {
            Cause.CANCELLATION: (erring & ((on("cancelled_bits") >= 1) | (on("bits_lost") >= 1))).any(axis=0),
            Cause.ABSORPTION: (erring & (on("swallowed_bits") >= 1)).any(axis=0),
            Cause.ORDER: (erring & sums).any(axis=0),
        }
        adds_up = np.asarray(np.array([(additions & sums).any(axis=0), *repeated]).any(axis=0))
        return _Chains(
            path,
            {cause: np.asarray(part) for cause, part in parts.items()},
            additions & on("absorbed").astype(bool),
            adds_up,
        )

    def blame(self, number: int, culprit: int, cause: Cause) -> Blame:
        """What to blame in one of the lanes, where one operation by itself would be to blame for `cause`."""
        if (absorbing := np.flatnonzero(self.absorbing[:, number])).size:
            culprit, cause = self.path[absorbing[-1]], Cause.ABSORPTION
        elif self.adds_up[number]:
            cause = Cause.ORDER
        beside = tuple(name for name, part in self.parts.items() if part[number] and name != cause)
        return Blame(culprit, cause, beside)


def _rounding(record: _Part, culprit: int, bits: float, lane: int) -> Cause:
    """By which kind of rounding an operation lost bits."""
    op = record.operations[culprit]
    if not op.row.sums:
        return Cause.ABSORPTION if _absorbed_before(record, culprit, bits, lane) else Cause.CANCELLATION
    if op.cancelled_bits[lane] >= 2:
        return Cause.CANCELLATION
    return Cause.ABSORPTION if op.swallowed_bits[lane] >= 2 else Cause.ORDER


def _absorbed_before(record: _Part, culprit: int, bits: float, lane: int) -> bool:
    """Whether an operation shortly before the culprit swallowed a term, on a branch with the error.

    Where a function magnifies what an addition left of its smaller term, as in log(1 + x), a part of it is enough:
    a single bit, where it does so by far. A difference uncovers what its own operand left of it, as (1 + x) - 1 does:
    about as many bits of the term had no room as are lost here. Where its terms had been rounded before, as in the law
    of cosines, or a result was rounded after it, as a root is, an exact addition would lose the same digits: nothing is
    absorbed.
    """
    magnifies = record.operations[culprit].row.additive is None
    enough = max(2.0, bits - 1) if not magnifies else 1 if bits >= 1 else 2
    front, seen = [culprit], {culprit}
    for _ in range(_REACH):
        following: list[int] = []
        for index in front:
            op = record.operations[index]
            largest = max((c[lane] for c in op.contributions), default=0.0)
            for c, i in zip(op.contributions, op.operands, strict=True):
                if i < 0 or i in seen or not c[lane] > 0:
                    continue
                if c[lane] < 0.25 * largest and not (magnifies and index == culprit):
                    continue  # of what magnifies its operands, nobody knows which one by more
                if index != culprit and op.inherited[lane] < _PASSED * c[lane]:
                    continue  # of a root: its own rounding does what an exact addition before it would not heal
                before = record.operations[i]
                own, absorbed = _OWN * before.error_out[lane], before.absorbed[lane]
                if not absorbed:
                    own = max(own, record.roundoff / 4)  # what it rounds by may be none by chance
                swallowed = before.swallowed_bits[lane] >= enough and before.cancelled_bits[lane] < 2
                took = absorbed or (swallowed and not before.row.sums and (magnifies or index == culprit))
                if took and _rounded_before(record, i, lane) <= own:
                    return True
                seen.add(i)
                following.append(i)
        front = following
    return False


def _rounded_before(record: _Part, addition: int, lane: int) -> float:
    """How much of an addition's error its terms brought along, but for what earlier additions had absorbed."""
    op = record.operations[addition]
    terms = zip(op.contributions, op.operands, strict=True)
    return max((c[lane] for c, i in terms if i < 0 or not record.operations[i].absorbed[lane]), default=0.0)
