"""`numcheck bench`: times of what is named, errors that are a check's, and a front that leaves nobody out."""

import contextlib
import itertools
import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from commands import told_by

from numcheck import format_of, one_of, real, ulps, vector
from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, formula_of, routine_of
from numcheck.declaration.words import Of, UsageError
from numcheck.faces.names import sizes_of
from numcheck.reals import subnormals
from numcheck.report import bench as pages
from numcheck.report.figures import scaled, size_name
from numcheck.runs import Workload, benched, check_catalog, kernels, stopwatch
from numcheck.runs import bench as whole
from numcheck.runs.bench import with_fronts
from numcheck.runs.kernels import inputs_of, ready

FLOAT32 = format_of("float32")
PROMISED = ulps(1)
LITTLE = Workload((1000,), modes=("eager",), points=60, seconds=1e-4)
"""A moment for each routine: nothing here is said of how long anything takes."""
NAMES = (
    "formula",
    "routine",
    "format",
    "device",
    "size",
    "of",
    "mode",
    "median_s",
    "throughput",
    "worst_ulp",
)
NAMES += ("spent", "on_front")


def doubled(x: Any) -> Any:
    """Twice a number."""
    return x + x


def right(x: torch.Tensor) -> torch.Tensor:
    return x + x


def wrong(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 1, x + x * x, x + x)


def off_by_a_bit(x: torch.Tensor) -> torch.Tensor:
    return (x + x) * (1 + 2**-22)


REFUSED: list[int] = []


def at_most_2000(x: torch.Tensor) -> torch.Tensor:
    if len(x) > 2000:
        REFUSED.append(len(x))
        raise ValueError("takes 2,000 numbers at most")
    return x + x


def page(
    *functions: Callable[..., torch.Tensor],
    formula: Callable[..., Any] = doubled,
    grad: Budget | None = PROMISED,
    known: Any = (((3,), "6"),),
    **inputs: Any,
) -> Formula:
    """A formula with these routines, known to nobody else."""
    made = formula_of(formula, "a school book", known, None, inputs or {"x": real(-1000, 1000)})
    for function in functions:
        name = getattr(function, "__name__", "")
        made.routines[name] = routine_of(made, function, name, PROMISED, grad)
    return made


# How wrong --------------------------------------------------------------------------------------------------------


def test_errors_are_those_of_a_check():
    made = page(right, wrong, off_by_a_bit)
    asked = replace(LITTLE, formats=("float32", "bfloat16"), seed=5)
    rows = benched([made], asked=asked)["rows"]
    checked: dict[Any, Any] = {}
    for form in asked.formats:
        for routine in made.routines.values():
            report = check_catalog(formats=[form], points=60, seed=5, routine=routine, jobs=1)
            checked |= {(one["routine"], form, one["of"]): one for one in report["measurements"]}
    assert len(rows) == len(checked) == 12
    for row in rows:
        one = checked[row["routine"], row["format"], "value" if row["of"] == "forward" else "grad"]
        assert (row["worst_ulp"], row["spent"]) == (one["worst_ulp"], one["spent"])
    assert len({row["worst_ulp"] for row in rows}) > 3


def test_a_row_has_the_names_that_scripts_rely_on():
    (row, _) = benched([page(right)], asked=LITTLE)["rows"]
    assert set(NAMES) <= row.keys()
    told = [row[name] for name in NAMES[:7]]
    assert told == ["doubled", "right", "float32", "cpu", 1000, "forward", "eager"]
    assert row["median_s"] > 0
    assert row["throughput"] == pytest.approx(1000 / row["median_s"], rel=1e-5)
    assert row["bytes"] == 8000  # a thousand numbers read, a thousand written
    assert row["quantiles_s"]["0.05"] <= row["quantiles_s"]["0.25"] <= row["quantiles_s"]["0.95"]
    assert len(row["medians_s"]) == whole.RUNS


def compiled_to(function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for half a minute of torch's compiler: what it makes of any function."""
    monkeypatch.setattr(torch, "compile", lambda *_, **__: function)
    for module in (kernels, whole):
        monkeypatch.setattr(module, "compiling", lambda *_: contextlib.nullcontext())


def test_a_compiled_routine_is_judged_as_what_it_was_compiled_to(monkeypatch: pytest.MonkeyPatch):
    compiled_to(off_by_a_bit, monkeypatch)
    made = page(right, off_by_a_bit)
    rows = benched([made], asked=replace(LITTLE, modes=("eager", "compiled")))["rows"]
    forward = {(row["routine"], row["mode"]): row for row in rows if row["of"] == "forward"}
    assert forward["right", "eager"]["worst_ulp"] == 0
    eager, compiled = forward["off_by_a_bit", "eager"], forward["right", "compiled"]
    assert compiled["worst_ulp"] == eager["worst_ulp"] > 1
    assert compiled["agrees_with_eager"] is False
    assert compiled["differs_at"] > 50
    assert forward["off_by_a_bit", "compiled"]["agrees_with_eager"] is True
    assert eager["agrees_with_eager"] is None


def test_the_sign_of_a_zero_is_a_bit_and_nans_are_alike(monkeypatch: pytest.MonkeyPatch):
    def positive(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x == 0, x.abs(), x + x)

    def undefined(x: torch.Tensor) -> torch.Tensor:
        return x + torch.nan

    def undefined_with_a_sign(x: torch.Tensor) -> torch.Tensor:
        return -undefined(x)

    rows: list[Any] = []
    for eager, compiled in ((right, positive), (undefined, undefined_with_a_sign)):
        compiled_to(compiled, monkeypatch)
        made = page(eager, grad=None, x=real(-0.0, 1000))
        rows += benched([made], asked=replace(LITTLE, modes=("compiled",)))["rows"]
    assert [row["differs_at"] > 0 for row in rows] == [True, False]


@pytest.mark.full
def test_what_torch_compiles_is_timed_forward_and_backward():
    rows = benched([page(right, wrong)], asked=replace(LITTLE, modes=("eager", "compiled")))["rows"]
    assert len(rows) == 8
    first = {(row["mode"], row["of"]): row["first_s"] for row in rows if row["routine"] == "wrong"}
    assert first["compiled", "forward"] > 10 * first["eager", "forward"]


# What is timed ----------------------------------------------------------------------------------------------------


def test_a_size_counts_the_numbers_of_the_largest_input():
    def total(x: Any, y: Any) -> Any:
        """A sum of products."""
        return x @ x + y

    made = page(formula=total, known=(), x=vector(-1, 1, sizes=(2, 5)), y=real(0, 1))
    inputs = inputs_of(made, FLOAT32, 1000, 60, 0)
    arguments = inputs.on("cpu")
    assert (arguments["x"].shape, arguments["y"].shape) == ((200, 5), (200,))
    assert inputs.elements == 1000
    assert inputs.bytes == 4 * (1000 + 200)
    with pytest.raises(UsageError, match="a row has 5 numbers: write --sizes 5 or more"):
        inputs_of(made, FLOAT32, 4, 60, 0)


def test_what_is_timed_are_points_of_a_check_that_look_like_data():
    made = page(right)
    (part,) = made.points(FLOAT32, 60, 3)
    assert isinstance(part.columns["x"], torch.Tensor)
    drawn = part.columns["x"][torch.from_numpy(part.origin == "sample")]
    given = inputs_of(made, FLOAT32, 1000, 60, 3).on("cpu")["x"]
    assert 10 < len(drawn) < 60
    assert torch.equal(given, drawn.repeat(1000 // len(drawn) + 1)[:1000])


def test_one_setting_holds_for_a_whole_call():
    def scaled_by(x: Any, by: Any) -> Any:
        """A multiple."""
        return x * by

    made = page(formula=scaled_by, known=(), x=real(-1, 1), by=one_of(2.0, 4.0))
    inputs = inputs_of(made, FLOAT32, 100, 60, 0)
    assert inputs.on("cpu")["by"] in (2.0, 4.0)
    assert whole._settings(inputs.points).keys() == {"by"}


def test_backward_is_the_gradient_alone():
    calls: list[bool] = []

    def counted(x: torch.Tensor) -> torch.Tensor:
        calls.append(x.requires_grad)
        return x * x

    made = page(counted)
    inputs = inputs_of(made, FLOAT32, 10, 60, 0)
    with ready(counted, made, inputs, Of.GRAD, "cpu") as backward:
        for _ in range(3):
            (slope,) = backward.call()
    assert torch.equal(slope, 2 * inputs.on("cpu")["x"])
    assert calls == [True]
    with ready(counted, made, inputs, Of.VALUE, "cpu") as forward:
        assert not forward.call().requires_grad
    assert calls == [True, False, False]


def test_a_routine_is_timed_in_the_mode_in_which_its_thread_was_found():
    seen: list[bool] = []

    def looking(x: torch.Tensor) -> torch.Tensor:
        seen.append(subnormals.flushing())
        return x + x

    made = page(looking)
    inputs = inputs_of(made, FLOAT32, 10, 60, 0)
    before = set(subnormals._found)
    try:
        for flush in (False, True):
            torch.set_flush_denormal(flush)
            subnormals.keep()  # as whoever draws points or proves a truth does
            with ready(looking, made, inputs, Of.VALUE, "cpu"):
                pass
    finally:
        torch.set_flush_denormal(False)
        subnormals._found.clear()
        subnormals._found.update(before)
    assert seen == [False, True]


def test_all_routines_are_timed_in_turn(monkeypatch: pytest.MonkeyPatch):
    order: list[str] = []
    monkeypatch.setattr(whole, "times_of", lambda call, *_: order.append(str(call)) or [1.0])
    benched([page(right, wrong, grad=None)], asked=LITTLE)
    names = [name for line in order for name in ("right", "wrong") if f"function {name} " in line]
    assert names == ["right", "wrong"] * whole.RUNS


def test_how_noisy_it_was_is_how_far_the_medians_of_the_runs_differ(monkeypatch: pytest.MonkeyPatch):
    times = itertools.cycle([[0.5, 1.0, 1.0, 1.0, 1.5], [1.5] * 50, [1.2] * 3, [2.0]])
    monkeypatch.setattr(whole, "RUNS", 3)
    monkeypatch.setattr(whole, "times_of", lambda *_: next(times))
    report = benched([page(right, grad=None)], asked=LITTLE)
    (row,) = report["rows"]
    assert (row["median_s"], row["medians_s"]) == (1.2, [1.0, 1.5, 1.2])
    assert row["quantiles_s"] == {"0.05": 1.2, "0.25": 1.2, "0.75": 1.2, "0.95": 1.4}
    assert row["spread"] == pytest.approx(0.5 / 1.2, rel=1e-5)
    assert report["noise"] == {"median": row["spread"], "worst": row["spread"]}
    assert row["copy_share"] == pytest.approx(2.0 / 1.2, rel=1e-5)  # the fourth time is that of the copy
    assert pages.noise_sentence(report).endswith("41.7 % apart in the middle of all rows and 41.7 % at worst")


class Clock:
    """Stands in for `torch.cuda`: every call takes three milliseconds, and clearing the cache ten."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waited: list[str] = []

    def Event(self, enable_timing: bool) -> Any:  # noqa: N802
        assert enable_timing
        event = SimpleNamespace(at=0.0)
        event.record = lambda: setattr(event, "at", self.now)
        event.elapsed_time = lambda other: other.at - event.at
        return event

    def synchronize(self, device: str) -> None:
        self.waited.append(device)


def test_events_time_the_call_without_what_clears_the_cache(monkeypatch: pytest.MonkeyPatch):
    clock = Clock()

    class Cache:
        def zero_(self) -> None:
            clock.now += 10

    def call() -> None:
        clock.now += 3

    monkeypatch.setattr(torch, "empty", lambda *_, **__: Cache())
    times = stopwatch.event_times(call, "cuda", 0.03, clock)
    assert times == pytest.approx([0.003] * 10)
    assert len(clock.waited) == 3  # after warming up, after the first look, at the end


# What goes wrong --------------------------------------------------------------------------------------------------


def test_a_kernel_that_raises_for_a_size_costs_its_own_rows():
    made = page(right, at_most_2000)
    report = benched([made], asked=replace(LITTLE, sizes=(1000, 3000)))
    rows = [(row["routine"], row["size"], row["of"]) for row in report["rows"]]
    assert rows == [
        *itertools.product(["right", "at_most_2000"], [1000], ["forward", "backward"]),
        *itertools.product(["right"], [3000], ["forward", "backward"]),
    ]
    assert report["failed"] == [
        "doubled.at_most_2000, eager, with 3e3 numbers of float32 on cpu: ValueError: takes 2,000 numbers at most"
    ]
    assert report["lost"] == []
    assert REFUSED == [3000]  # and is not asked again


def test_a_size_that_does_not_fit_is_one_line_and_the_others_go_on():
    report = benched([page(right, wrong)], asked=replace(LITTLE, sizes=(1000, 10**15)))
    assert len(report["rows"]) == 4
    (line,) = report["failed"]
    assert line.startswith("doubled with 1e15 numbers of float32 on cpu: it does not fit into the memory")
    assert report["lost"] == ["size 1e15"]


def test_what_a_kernel_takes_beside_its_inputs_has_to_fit_too(monkeypatch: pytest.MonkeyPatch):
    def wasteful(x: torch.Tensor) -> torch.Tensor:
        if len(x) == 1000:
            torch.empty(2**27)  # half a gigabyte, which nobody would be refused otherwise
        return x + x

    monkeypatch.setattr(stopwatch, "free_memory", lambda: 2**28)
    before = resource.getrlimit(resource.RLIMIT_AS)
    report = benched([page(right, wasteful)], asked=LITTLE)
    assert {row["routine"] for row in report["rows"]} == {"right"}
    (line,) = report["failed"]
    assert line == (
        "doubled.wasteful, eager, with 1e3 numbers of float32 on cpu: it does not fit into the memory, of which "
        "0.2 GiB are free: write smaller --sizes"
    )
    assert report["lost"] == ["doubled.wasteful"]
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_without_a_compiler_only_who_asks_for_compiled_routines_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kernels, "missing_compiler", lambda _: "none")
    line = "compiled: no C++ compiler is found for cpu: install g++, or name one in CXX"
    report = benched([page(right)], asked=replace(LITTLE, modes=None))
    assert {row["mode"] for row in report["rows"]} == {"eager"}
    assert (report["notes"], report["failed"], report["lost"]) == ([line], [], [])
    report = benched([page(right)], asked=replace(LITTLE, modes=("compiled", "eager")))
    assert {row["mode"] for row in report["rows"]} == {"eager"}
    assert (report["notes"], report["failed"], report["lost"]) == ([], [line], ["mode compiled"])


def test_a_routine_that_breaks_its_contract_and_a_false_formula_are_told():
    def summed(x: torch.Tensor) -> torch.Tensor:
        return (x + x).sum()

    report = benched([page(right, summed), page(right, known=[((3,), "7")])], asked=LITTLE)
    assert len(report["rows"]) == 2
    contract, false = report["failed"]
    assert contract.startswith("doubled.summed, eager, in float32 on cpu: summed: returned shape ()")
    assert "known value" in false or "7" in false
    assert report["lost"] == ["doubled.summed"]


def test_what_is_finished_is_kept_when_it_is_interrupted():
    def stopped(x: torch.Tensor) -> torch.Tensor:
        if len(x) == 3000:
            raise KeyboardInterrupt
        return x + x

    report = benched([page(stopped)], asked=replace(LITTLE, sizes=(1000, 3000)))
    assert report["interrupted"]
    assert [row["size"] for row in report["rows"]] == [1000, 1000]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"modes": ("fast",)}, "no mode 'fast': write eager or compiled"),
        ({"devices": ("tpu",)}, "no device 'tpu' here"),
        ({"formats": ("float33",)}, "float33"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_is_measured(wrong: dict[str, Any], told: str):
    with pytest.raises(UsageError, match=told):
        benched([page(right)], asked=replace(LITTLE, **wrong))


@pytest.mark.parametrize("text", ["0", "1.5", "many", "-3", "inf", "1e999"])
def test_a_size_is_a_whole_number(text: str):
    with pytest.raises(UsageError, match="write whole numbers of 1 or more, such as 1e4,1e6"):
        sizes_of(text, "--sizes")


def test_sizes_are_written_as_they_are_asked_for():
    assert sizes_of("1e4, 1234,2.5e5,10000", "--sizes") == [10000, 1234, 250000]
    assert [size_name(size) for size in (1, 10, 1000, 1234, 250000, 10**8)] == [
        "1",
        "10",
        "1e3",
        "1234",
        "2.5e5",
        "1e8",
    ]
    assert [scaled(value, "s") for value in (1.234e-5, 9.996e-4, 0.5, 12.0, 0.0)] == [
        "12.3 µs",
        "1 ms",
        "500 ms",
        "12 s",
        "–",
    ]
    assert scaled(1.5e9, "B/s") == "1.5 GB/s"


# The front --------------------------------------------------------------------------------------------------------


def row_of(
    routine: str, seconds: float, error: float | str, mode: str = "eager", **more: Any
) -> dict[str, Any]:
    row = {"formula": "softplus", "format": "float32", "device": "cpu", "size": 1000, "of": "forward"}
    row |= {"routine": routine, "mode": mode, "median_s": seconds, "worst_ulp": error, "spread": 0.02}
    return row | more


def test_nobody_on_the_front_is_beaten_and_everybody_else_is():
    given = [row_of(str(i), 1 + i * 7 % 5, i * 3 % 4, size=10 ** (i % 2)) for i in range(40)]
    given += [row_of("lost", 0.5, "inf"), row_of("undefined", 0.4, "nan")]
    rows = with_fronts(given)
    fronts = [row for row in rows if row["on_front"]]
    assert 0 < len(fronts) < len(rows)

    def figures(row: dict[str, Any]) -> tuple[float, float]:
        error = float(row["worst_ulp"])
        return row["median_s"], float("inf") if error != error else error

    for row in rows:
        rivals = [figures(one) for one in rows if one["size"] == row["size"]]
        (mine, err) = figures(row)
        better = [(s, e) for s, e in rivals if s <= mine and e <= err and (s, e) != (mine, err)]
        assert row["on_front"] == (not better)
    assert {row["routine"] for row in fronts} >= {"undefined"}
    assert not next(row for row in rows if row["routine"] == "lost")["on_front"]


def test_a_sentence_says_who_is_faster_and_how_much_worse():
    rows = [
        row_of("stable_form", 1.3, 0.9),
        row_of("torch_builtin", 1.0, 1.5),
        row_of("log1p_form", 1.4, 2.0),
    ]
    assert pages.sentence(with_fronts(rows)) == (
        "softplus.torch_builtin: 1.3 times faster than stable_form, 0.6 ulp worse; log1p_form is dominated"
    )


def test_a_sentence_claims_no_more_than_the_noise_allows():
    rows = [row_of("one", 1.0, 1.5, spread=0.4), row_of("other", 1.3, 0.9)]
    assert (
        pages.sentence(with_fronts(rows))
        == "softplus.one: as fast, within the noise, as other, 0.6 ulp worse"
    )


def test_a_sentence_names_modes_where_there_are_several_and_what_loses_every_digit():
    rows = [row_of("one", 1.0, "inf", "compiled"), row_of("one", 3.0, 0.5), row_of("two", 4.0, 0.5)]
    assert pages.sentence(with_fronts(rows)) == (
        "softplus.one compiled: 3 times faster than one eager, but loses every digit somewhere; two eager is dominated"
    )
    assert pages.sentence(with_fronts(rows[1:2])).startswith("softplus.one: the only one, 0.5 ulp, 3 s")


# The command ------------------------------------------------------------------------------------------------------

MINE = '''
import torch
from numcheck import formula, real, ulps


@formula(source="a school book", known=[((3,), "6")], x=real(-1000, 1000))
def twice(x):
    """The sum of a number and itself."""
    return x + x


@twice.routine(value=ulps(1), grad=ulps(1))
def good(x):
    return x + x


@twice.routine(value=ulps(1), grad=ulps(1))
def bad(x):
    return torch.where(x > 1, x + x * x, x + x)


def kernel(x):
    return 2 * x
'''
FEW = ("--sizes", "1e3", "--modes", "eager", "--points", "60", "--seconds", "1e-4")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def test_the_command_prints_writes_and_draws_what_it_measured(folder: Path):
    words = ["bench", "mine.py:twice", *FEW, "--json", "rows.json", "--report", "pages"]
    code, out, err = told_by(words, folder)
    assert code == 0, err
    report = json.loads((folder / "rows.json").read_text())
    assert {row["routine"] for row in report["rows"]} == {"good", "bad"}
    assert "twice.good" in out
    assert all(line in out for line in pages.sentences(report))
    assert pages.noise_sentence(report) in out
    html, text = ((folder / "pages" / f"bench.{kind}").read_text() for kind in ("html", "md"))
    assert json.loads((folder / "pages" / "bench.json").read_text()) == report
    assert html.count("<circle") == len(report["rows"])
    assert html.count('<circle class="best"') == sum(row["on_front"] for row in report["rows"])
    for line in pages.sentences(report):
        assert line.partition(": ")[2] in html
        assert line.partition(": ")[2].replace("_", r"\_") in text.replace("_", r"\_")
    assert text.count("\n| 1 | good |") == 2


def test_a_kernel_is_measured_beside_the_routines_of_its_formula(folder: Path):
    code, out, err = told_by(
        ["bench", "--routine", "mine.py:kernel", "--formula", "mine.py:twice", *FEW, "--json", "-"], folder
    )
    assert code == 0, err
    assert {row["routine"] for row in json.loads(out)["rows"]} == {"good", "bad", "mine.py:kernel"}


def test_what_has_no_row_at_all_ends_the_command_with_2_and_the_rest_is_kept(folder: Path):
    words = ["bench", "mine.py", *FEW, "--sizes", "1e3,1e15", "--json", "rows.json"]
    code, out, err = told_by(words, folder)
    assert code == 2
    assert "does not fit into the memory" in err
    assert err.rstrip().endswith("numcheck: nothing was measured of size 1e15")
    assert "good" in out
    assert len(json.loads((folder / "rows.json").read_text())["rows"]) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing"], "nothing"),
        (["--routine", "mine.py:kernel"], "--routine mine.py:kernel --formula F"),
        (["--formula", "softplus"], "numcheck bench softplus"),
        (["softplus", "--sizes", "0"], "--sizes 0: write whole numbers"),
        (["softplus", "--formats", "float33"], "--formats"),
        (["mine.py:kernel"], "mine.py:kernel is no formula"),
    ],
)
def test_bad_input_gets_one_line(folder: Path, words: list[str], told: str):
    code, _, err = told_by(["bench", *words], folder)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1
