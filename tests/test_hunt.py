"""A hunt finds what few draws meet; its searcher and its scheduler see what they are said to see, and nothing else."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from numcheck import UsageError, format_of, real, ulps
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.words import Fate
from numcheck.diagnosis import Place
from numcheck.runs.hunt import (
    Bracket,
    Drawn,
    Hunted,
    Hyperband,
    Returning,
    Rung,
    SuccessiveHalving,
    Trial,
    hunt,
)

FLOAT32 = format_of("float32")
DOUBLED = formula_of(lambda x: 2 * x, "a test", [], None, {"x": real(1, 2**20)})


def sloped(x: torch.Tensor) -> torch.Tensor:
    """Twice the number, wrong by one ulp more for each quarter of the way to 777; past its budget close to that."""
    far = (x.double() / 777 - 1).abs()
    ulps_off = (6 - 0.5 * torch.log2(1 + 1000 * far)).clamp(min=0)
    return (2 * x.double() * (1 + 2.0**-23 * ulps_off)).float()


def routine(function=sloped) -> Routine:
    return routine_of(DOUBLED, function, "routine", ulps(4), ulps(4))


def fails(found: Hunted) -> bool:
    (fate,) = found.worst.fates.tolist()
    return Fate(fate).fails


@dataclass
class Recorded:
    """A searcher that writes down what it is asked and told."""

    formula: Formula = field(default=DOUBLED)
    asked: list[int] = field(default_factory=list[int])
    told: list[list[float]] = field(default_factory=list[list[float]])

    def propose(self, count: int) -> Sequence[Place]:
        self.asked.append(count)
        return Drawn(self.formula, FLOAT32, len(self.asked)).propose(count)

    def learn(self, trials: Sequence[Trial]) -> None:
        self.told.append([trial.spent for trial in trials])


@dataclass(frozen=True)
class Given:
    """A scheduler of these brackets."""

    all: Sequence[Bracket]

    def brackets(self) -> Iterator[Bracket]:
        yield from self.all


def test_a_narrow_failure_is_found_that_as_many_draws_do_not_meet() -> None:
    found = hunt(routine(), FLOAT32, Drawn(DOUBLED, FLOAT32), SuccessiveHalving(27, 300))
    assert fails(found)
    (point,) = found.trials[0].point.columns["x"].tolist()
    assert abs(point / 777 - 1) < 0.05
    one = Drawn(DOUBLED, FLOAT32)
    drawn = hunt(routine(), FLOAT32, one, Given([[Rung(found.inputs, 1)]]))
    assert drawn.trials[0].spent < found.trials[0].spent


def test_what_is_learnt_makes_the_next_proposals_better() -> None:
    bracket = [Rung(9, 1), Rung(3, 40)]
    told = Recorded()
    searcher = Returning(told, DOUBLED, FLOAT32)
    hunt(routine(), FLOAT32, searcher, Given([bracket, bracket]))
    assert told.asked == [9, 5]  # of the second bracket half comes from what the first one found
    assert searcher.worst[0].spent == max(trial.spent for trial in searcher.worst)


def test_a_searcher_is_asked_once_a_bracket_and_told_of_finished_trials_alone() -> None:
    told = Recorded()
    found = hunt(routine(), FLOAT32, told, Given([[Rung(9, 1), Rung(3, 5), Rung(1, 20)], [Rung(4, 10)]]))
    assert told.asked == [9, 4]
    first, second, last, other = told.told
    assert len(second) == 2 and len(last) == 1
    assert max(second) <= last[0]
    assert len(first) + len(second) + len(last) + len(other) == len(found.trials)
    inputs = sorted(trial.inputs for trial in found.trials)
    assert inputs[-1] == 20 and inputs.count(10) == len(other) and inputs.count(5) == 2


def test_the_worst_trials_go_on() -> None:
    told = Recorded()
    hunt(routine(), FLOAT32, told, Given([[Rung(16, 1), Rung(4, 1)]]))
    stopped, kept = told.told
    assert max(stopped) <= min(kept)


def test_halving_and_hyperband_say_how_many_go_how_far() -> None:
    assert [list(b) for b in SuccessiveHalving(9, 18).brackets()] == [[(9, 2), (3, 6), (1, 18)]]
    brackets = [list(bracket) for bracket in Hyperband(81).brackets()]
    assert brackets[0] == [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]
    assert brackets[1] == [(34, 3), (11, 9), (3, 27), (1, 81)]
    assert brackets[-1] == [(5, 81)]
    costs = [sum(rung.trials * rung.inputs for rung in bracket) for bracket in brackets]
    assert max(costs) <= 1.5 * min(costs)


def test_a_hunt_repeats_itself() -> None:
    one, other = (
        hunt(routine(), FLOAT32, Drawn(DOUBLED, FLOAT32), SuccessiveHalving(9, 20)) for _ in range(2)
    )
    assert [trial.spent for trial in one.trials] == [trial.spent for trial in other.trials]


def test_a_right_routine_is_not_flagged() -> None:
    found = hunt(routine(lambda x: 2 * x), FLOAT32, Drawn(DOUBLED, FLOAT32), SuccessiveHalving(9, 20))
    assert found.trials[0].spent == 0 and not fails(found)


@pytest.mark.parametrize(
    "made", [lambda: SuccessiveHalving(0, 1), lambda: SuccessiveHalving(1, 1, 1), lambda: Hyperband(0)]
)
def test_a_scheduler_of_nothing_is_refused(made) -> None:
    with pytest.raises(UsageError, match="or more"):
        made()


def test_a_searcher_that_proposes_nothing_is_told_so() -> None:
    class Silent:
        def propose(self, count: int) -> Sequence[Place]:
            return []

        def learn(self, trials: Sequence[Trial]) -> None: ...

    with pytest.raises(UsageError, match="proposed nothing"):
        hunt(routine(), FLOAT32, Silent(), SuccessiveHalving(3, 3))


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[1] / "docs" / "howto-hunt.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, str(page), "exec"), {})
    assert re.match(r"\d+ inputs; [0-9.]+ of the budget at", capsys.readouterr().out)
