"""Every cause has its page, whose example runs, and a planted pair that the diagnosis tells apart."""

import doctest
import functools
import re
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from numcheck.declaration.formulas import Routine
from numcheck.declaration.words import Cause, DeclarationError, Fate
from numcheck.diagnosis.causes import FACTS, facts_of, match, scale
from numcheck.diagnosis.conduct import called_again
from numcheck.diagnosis.diagnose import diagnose
from numcheck.diagnosis.findings import clusters
from numcheck.domain import draw
from numcheck.faces import cli
from numcheck.formats import format_of
from numcheck.measure.measurement import Measurement, measure
from numcheck.truth import settle

POINTS = 200
SEED = 0
PARTS = ["Why digits are lost", "Example", "Told from its neighbours", "How numcheck proves it"]

PLANTED = [(cause, format) for cause, facts in FACTS.items() for format in facts.planted.formats]


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n")[1].partition("\n## ")[0]


# --- the pages


def test_every_cause_has_its_facts_and_nothing_else_has():
    assert list(FACTS) == list(Cause)
    assert all(facts.cause == cause for cause, facts in FACTS.items())


@pytest.mark.parametrize("cause", Cause)
def test_a_page_is_a_sentence_and_the_four_parts_in_their_order(cause: Cause):
    page = FACTS[cause].page
    sentence, empty, *_ = page.splitlines()
    assert not empty
    assert re.fullmatch(r"[A-Z].{20,}\.", sentence)
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == PARTS
    assert all(len(section(page, part).split()) >= 20 for part in PARTS)


@pytest.mark.parametrize("cause", Cause)
def test_a_page_fits_a_screen(cause: Cause):
    lines = FACTS[cause].page.splitlines()
    assert 25 <= len(lines) <= 48
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("cause", Cause)
def test_a_page_says_why_with_a_number(cause: Cause):
    assert re.search(r"\d", section(FACTS[cause].page, PARTS[0]))


@pytest.mark.parametrize("cause", Cause)
def test_a_page_tells_the_cause_from_others_by_their_names(cause: Cause):
    others = set(re.findall(r"\w+", section(FACTS[cause].page, PARTS[2]))) & set(Cause) - {cause}
    assert len(others) >= 1


@pytest.mark.parametrize("cause", Cause)
def test_the_example_of_a_page_gives_what_it_prints(cause: Cause):
    parsed = doctest.DocTestParser().get_doctest(FACTS[cause].page, {}, cause, None, 0)
    said: list[str] = []
    failed, tried = doctest.DocTestRunner().run(parsed, out=said.append)
    assert tried >= 3
    assert failed == 0, "".join(said)


def test_a_cause_without_a_file_is_refused():
    with pytest.raises(DeclarationError, match="the cause order has no page: write"):
        match([cause for cause in Cause if cause is not Cause.ORDER])


def test_a_file_without_a_cause_is_refused():
    with pytest.raises(
        DeclarationError, match=r"rounding\.py describes no cause: name it in Cause, or delete"
    ):
        match([*Cause, "rounding"])


def test_a_file_that_lacks_a_fact_is_refused():
    file = ModuleType("order", "A page.")
    with pytest.raises(DeclarationError, match=r"order\.py lacks REMEDY and PLANTED"):
        facts_of(Cause.ORDER, file)
    file = ModuleType("order")
    vars(file).update(REMEDY="", PLANTED=None)
    with pytest.raises(DeclarationError, match=r"order\.py lacks its page, a docstring"):
        facts_of(Cause.ORDER, file)


def test_without_docstrings_the_other_facts_stay():
    code = "from numcheck.diagnosis.causes import FACTS; print(*(facts.remedy for facts in FACTS.values()), sep='\\n')"
    done = subprocess.run([sys.executable, "-OO", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [facts.remedy for facts in FACTS.values()]


# --- the planted pairs


@functools.cache
def measured(routine: Routine, of: str, format_name: str) -> list[Measurement]:
    format = format_of(format_name)
    found: list[Measurement] = []
    for points in draw(routine.formula.inputs, format, POINTS, SEED, routine.formula.name):
        truth = settle(routine.formula, points, format, with_gradient=of == "grad")
        halves = called_again(measure(routine, points, truth, format, "cpu"), truth)
        found += [half for half in halves if half.of == of]
    return found


def causes_found(parts: list[Measurement]) -> dict[Cause, int]:
    """How many points the findings name each cause for, forgiven or not."""
    count: dict[Cause, int] = {}
    for part in parts:
        for cluster in clusters(part, diagnose(part)):
            count[cluster.cause] = count.get(cluster.cause, 0) + len(cluster.rows)
    return count


def fates_of(parts: list[Measurement]) -> set[Fate]:
    return {Fate(fate) for part in parts for fate in part.judgement.worst.fate.tolist()}


@pytest.mark.parametrize(("cause", "format"), PLANTED)
def test_the_wrong_routine_of_a_pair_is_caught_and_the_cause_named(cause: Cause, format: str):
    pair = FACTS[cause].planted
    parts = measured(pair.wrong, pair.of, format)
    found = causes_found(parts)
    assert found.get(cause, 0) * 2 > sum(found.values()), found
    assert (fates_of(parts) == {Fate.WITHIN}) == (cause is Cause.SENSITIVITY)


@pytest.mark.parametrize(("cause", "format"), PLANTED)
def test_the_right_routine_of_a_pair_keeps_the_same_promise_without_being_forgiven(cause: Cause, format: str):
    pair = FACTS[cause].planted
    assert (pair.right.formula, pair.right.value, pair.right.grad) == (
        pair.wrong.formula,
        pair.wrong.value,
        pair.wrong.grad,
    )
    parts = measured(pair.right, pair.of, format)
    assert fates_of(parts) == {Fate.WITHIN}
    assert causes_found(parts) == {}


@pytest.mark.parametrize("cause", Cause)
def test_every_pair_shows_in_float32(cause: Cause):
    assert "float32" in FACTS[cause].planted.formats


# --- `numcheck explain CAUSE`


@pytest.mark.parametrize("cause", Cause)
def test_explain_prints_the_page_of_a_cause(cause: Cause, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["explain", cause]) == 0
    assert capsys.readouterr().out == FACTS[cause].page + "\n"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("cancelation", "no cause or formula 'cancelation': did you mean cancellation?"),
        ("nan-gradient", "no cause or formula 'nan-gradient': did you mean nan_gradient?"),
        ("softpluss", "no cause or formula 'softpluss': did you mean softplus"),
        ("xyzzy", "no cause or formula 'xyzzy': write one of overflow, underflow, cancellation, "),
        ("softplus", "write numcheck explain softplus ROUTINE --at x=..., with one of stable_form, "),
        ("file.py:stated", "write numcheck explain file.py:stated ROUTINE --at name=value"),
    ],
)
def test_explain_says_in_one_line_what_to_write_for_a_word_that_is_no_cause(
    word: str, told: str, capsys: pytest.CaptureFixture[str]
):
    assert cli.run(["explain", word]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"numcheck: {told}")
    assert err.count("\n") == 1


# --- thresholds that are a cause's own


FLOAT32 = 2.0**-24


def test_results_are_one_multiple_of_the_truth_from_eight_ratios_on():
    assert scale.factor_of(np.full(7, 2.0), FLOAT32) is None
    assert scale.factor_of(np.full(8, 2.0), FLOAT32) == 2


def test_one_ratio_in_ten_may_be_missing_or_infinite_and_no_more():
    assert scale.factor_of(np.array([2.0] * 90 + [np.nan] * 5 + [np.inf] * 5), FLOAT32) == 2
    assert scale.factor_of(np.array([2.0] * 89 + [np.nan] * 6 + [np.inf] * 5), FLOAT32) is None


def test_fewer_than_one_ratio_in_ten_may_be_another():
    assert scale.factor_of(np.array([2.0] * 91 + [3.0] * 9), FLOAT32) == 2
    assert scale.factor_of(np.array([2.0] * 90 + [3.0] * 10), FLOAT32) is None


def test_a_multiple_close_to_one_must_scatter_less_than_it_differs_from_one():
    away = 2.0**-12
    spread = np.linspace(-1, 1, 101)
    assert scale.factor_of(1 + away + spread * away / 18, FLOAT32) == 1 + away
    assert scale.factor_of(1 + away + spread * away / 8, FLOAT32) is None


def test_ratios_that_rounding_alone_can_move_from_one_are_no_multiple():
    assert scale.factor_of(np.full(100, 1 + 16 * FLOAT32), FLOAT32) is None
    assert scale.factor_of(np.full(100, 1 + 20 * FLOAT32), FLOAT32) == 1 + 20 * FLOAT32


def test_far_from_one_a_multiple_may_scatter_by_a_thousandth():
    spread = np.linspace(-1, 1, 101)
    assert scale.factor_of(2 + 2 * spread * 2.0**-10, FLOAT32) == 2
    assert scale.factor_of(2 + 2 * spread * 2.0**-9, FLOAT32) is None
