"""The table of largest errors says of every input what a direct comparison says of one."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numcheck import format_of, m, real, ulps, vector
from numcheck.declaration.formulas import Formula, formula_of, routine_of
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.declaration.words import Of, UsageError
from numcheck.faces.cli import run
from numcheck.report import table_page
from numcheck.report.store import read_json, write_json
from numcheck.runs.sweep import checkpoint, rows, table
from numcheck.runs.sweep import largest as largest_of_kinds
from numcheck.runs.sweep.rows import functions, plan_of, rows_of
from numcheck.runs.sweep.run import Interrupted, truths
from numcheck.runs.sweep.table import table_of, write_table

WRONG_AT = 0.3017578125
FLOAT16 = format_of("float16")
INF = float("inf")
EVERY = torch.arange(-(2**15), 2**15).to(torch.int16).view(torch.float16)
"""Every number of float16, and its NaNs."""


def doubled(x: Any) -> Any:
    """Twice a number."""
    return x + x


def off_at_one(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x == WRONG_AT, 2.5 * x, 2 * x)


def zero_in_between(x: torch.Tensor) -> torch.Tensor:
    return torch.where((x >= 1) & (x < 2), 0 * x, 2 * x)


def page_of(
    formula: Callable[[Any], Any], builtin: Callable[[torch.Tensor], torch.Tensor], low: float, high: float
) -> Formula:
    made = formula_of(formula, "a school book", (), None, {"x": real(low, high)})
    made.routines[table.BUILTIN] = routine_of(made, builtin, table.BUILTIN, ulps(0), None)
    return made


@pytest.fixture(autouse=True)
def only_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler functions run eagerly alone."""
    monkeypatch.setattr(rows, "missing_compiler", lambda device: f"none for {device}")


@pytest.fixture(autouse=True)
def timeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of one function are the same but for the seconds that they took."""
    monkeypatch.setattr("time.perf_counter", lambda: 0.0)


def table_row(
    builtin: Any, formula: Any = doubled, low: float = -INF, high: float = INF, **more: Any
) -> dict[str, Any]:
    (row,) = rows_of(page_of(formula, builtin, low, high), "float16", **more)
    return row


def slope_row(builtin: Any, formula: Any = doubled, low: float = -INF, high: float = INF) -> dict[str, Any]:
    """The row of the gradient alone."""
    page = page_of(formula, builtin, low, high)
    page.routines[table.BUILTIN] = routine_of(page, builtin, table.BUILTIN, ulps(0), ulps(0))
    value, slope = rows_of(page, "float16")
    assert (value["of"], slope["of"]) == ("value", "grad")
    return slope


def test_one_wrong_result_is_the_largest_error_and_no_other_errs():
    row = table_row(off_at_one)
    normal = row["kinds"]["normal"]
    assert normal["worst"]["input"]["decimal"] == f"{WRONG_AT:.9g}"
    assert sum(normal["histogram"].values()) - normal["histogram"]["<=1/2"] == 1
    assert row["points"] == 2 * (0x7C00 + 1)  # all encodings but the NaNs
    assert row["regions"] == 0


def test_a_stretch_without_a_digit_is_told_by_its_ends():
    row = table_row(zero_in_between)
    (region,) = row["largest_regions"]
    assert (region["fate"], region["points"]) == ("underflow", 1024)
    assert region["first"]["input"]["decimal"] == "1"
    assert region["last"]["input"]["decimal"] == f"{2 - 2.0**-10:.9g}"
    assert row["kinds"]["lost"]["results"] == row["fates"]["underflow"] == 1024


@pytest.mark.parametrize(
    ("result", "fate"), [(torch.nan, "special"), (-INF, "overflow"), (0.0, "underflow"), (-7.0, "over")]
)
def test_a_lost_result_is_told_by_what_it_is(result: float, fate: str):
    row = table_row(lambda x: torch.where(x == 1, result, 2 * x))
    assert row["fates"] == {"within": row["points"] - 1, fate: 1}


def test_an_infinity_beside_the_largest_number_keeps_its_digits():
    """The double of 32752 is 65504, the largest number, and an infinity counts as 65536, one ulp above it."""
    row = table_row(lambda x: torch.where(x == 32752, INF, 2 * x))
    assert row["kinds"]["lost"]["results"] == 0
    assert row["kinds"]["normal"]["worst"]["error_ulp"] == 1
    assert row["kinds"]["normal"]["worst"]["input"]["decimal"] == "32752"


def logarithm(x: Any) -> Any:
    """A logarithm."""
    return m.log(x)


def test_where_the_formula_ends_only_nan_is_right():
    right = table_row(lambda x: torch.log(x), logarithm, low=0.0)
    wrong = table_row(lambda x: torch.log(torch.abs(x)), logarithm, low=0.0)
    assert right["domain"] == [0.0, "inf"] or right["domain"] == [0.0, INF]
    assert right["fates"] == {"within": 0x7C00 + 2, "invalid": 0x7C00}  # -0 is in
    assert wrong["fates"] == {"within": 0x7C00 + 2, "special": 0x7C00}
    assert wrong["kinds"]["lost"]["results"] == 0x7C00


def test_where_only_the_page_ends_the_table_goes_on():
    row = table_row(zero_in_between, low=-4.0, high=0.5)
    assert row["domain"] == [-INF, INF]
    assert row["fates"] == {"within": row["points"] - 1024, "underflow": 1024}


def test_an_infinity_alone_is_judged_whatever_the_page_says():
    row = table_row(lambda x: torch.where(x == INF, 0.0, 2 * x), low=-1e308, high=1e308)
    (region,) = row["largest_regions"]
    assert (region["fate"], region["first"]["truth"]) == ("underflow", "inf")


@pytest.mark.parametrize("name", ["exp", "tanh", "logit", "rsqrt"])
def test_the_largest_error_is_that_of_a_direct_comparison(name: str):
    """With torch's own function in float64, at every number of the format."""
    function = functions()[name].routines[table.BUILTIN].function
    row, _ = rows_of(functions()[name], "float16")
    got, exact = function(EVERY).double().numpy(), function(EVERY.double()).numpy()
    with np.errstate(all="ignore"):
        ulp = 2.0 ** (np.floor(np.log2(np.abs(exact))) - 10)
        normal = (np.abs(exact) >= 2.0**-14) & (np.abs(exact) < 65504)
        largest = np.nanmax(np.where(normal, np.abs(got - exact) / ulp, 0.0))
    told_to = pytest.approx(largest, rel=1e-5, abs=2 * largest_of_kinds.NARROW)  # six digits are written
    assert row["kinds"]["normal"]["worst"]["error_ulp"] == told_to


@pytest.mark.parametrize("name", ["exp", "tanh", "logit", "rsqrt", "softplus"])
def test_the_largest_error_of_a_gradient_is_that_of_a_direct_comparison(name: str):
    """With torch's own derivative in float64, which keeps more digits of normal slopes than float16 has."""
    function = functions()[name].routines[table.BUILTIN].function
    _, slope = rows_of(functions()[name], "float16")

    def derivative(x: torch.Tensor) -> np.ndarray:
        x = x.requires_grad_()
        (found,) = torch.autograd.grad(function(x), x, torch.ones_like(x))
        return found.double().numpy()

    got, exact = derivative(EVERY.clone()), derivative(EVERY.double())
    with np.errstate(all="ignore"):
        ulp = 2.0 ** (np.floor(np.log2(np.abs(exact))) - 10)
        error = np.abs(got - exact) / ulp
        told = (np.abs(exact) >= 2.0**-14) & (np.abs(exact) < 65504) & np.isfinite(got) & (error < 2.0**10)
        largest = np.nanmax(np.where(told, error, 0.0))
    told_to = pytest.approx(largest, rel=1e-5, abs=2 * largest_of_kinds.NARROW)  # six digits are written
    assert slope["kinds"]["normal"]["worst"]["error_ulp"] == told_to


def test_a_lost_slope_is_told_in_the_row_of_the_gradient():
    class Flat(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return 2 * x

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return torch.where((x >= 1) & (x < 2), 0.0, 2.0).to(x.dtype) * grads[0]

    row = slope_row(Flat.apply)
    (region,) = row["largest_regions"]
    assert (region["fate"], region["points"], region["first"]["truth"]) == ("underflow", 1024, "2.0")
    assert (row["worst_ulp"], row["input"], row["got"], row["exact"]) == (1024, "0x1p+0", "0", "2.0")


def test_at_a_kink_each_slope_between_both_sides_is_right():
    def size(x: Any) -> Any:
        """The absolute value."""
        return abs(x)

    row = slope_row(lambda x: torch.abs(x), size)
    assert row["fates"] == {"within": row["points"]}
    assert row["worst_ulp"] <= 0.5
    assert slope_row(lambda x: torch.where(x == 0, 2 * x, x.abs()), size)["worst_ulp"] > 1e6


def test_where_a_function_has_no_value_or_no_slope_nothing_is_asked_of_the_gradient():
    """torch's derivative of a logarithm is 1/x, for a negative number as well; at zero there is none."""
    row = slope_row(lambda x: torch.log(x), logarithm, low=0.0)
    assert row["fates"] == {"within": 0x7C00, "invalid": 0x7C00 + 2}


def test_at_a_negative_zero_either_infinity_of_a_pole_is_right():
    def root(x: Any) -> Any:
        """A square root."""
        return m.sqrt(x)

    row = slope_row(lambda x: torch.sqrt(x), root, low=0.0)
    assert row["fates"] == {"within": 0x7C00 + 1, "invalid": 0x7C00 + 1}
    flipped = slope_row(lambda x: torch.sqrt(x) * torch.where(x == 0, -1, 1), root, low=0.0)
    assert flipped["kinds"]["lost"]["results"] == 1  # at +0 there is one right infinity


def test_of_a_truth_next_to_zero_no_digit_is_told_that_is_not_proved():
    """The slope of GELU far out: a ball around zero tells bfloat16 all that it asks, and its middle means nothing."""
    plan = plan_of(functions()["gelu_tanh"], format_of("bfloat16"))
    told = rows._truth(plan, largest_of_kinds.Part(Of.GRAD), plan.space.at([1]))  # pyright: ignore[reportPrivateUsage]
    assert told.startswith("within ") and told.endswith(" of 0")


def test_a_function_belongs_to_the_table_by_its_page():
    known = functions()
    assert {"exp", "log1p", "erf", "rsqrt", "tanh", "softplus", "gelu", "gelu_tanh"} <= known.keys()
    assert "softmax" not in known and "huber" not in known  # of several numbers
    assert all(table.BUILTIN in formula.routines for formula in known.values())
    several = formula_of(lambda x: m.max(x), "a school book", (), None, {"x": vector(-1, 1, sizes=(1, 2))})
    several.routines[table.BUILTIN] = routine_of(
        several, lambda x: torch.amax(x, 1), table.BUILTIN, ulps(0), None
    )
    assert not rows.belongs(several)  # pyright: ignore[reportPrivateUsage]


def test_a_function_runs_eagerly_and_compiled_where_there_is_a_compiler(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "missing_compiler", lambda device: None)
    routines = plan_of(functions()["sqrt"], FLOAT16).routines
    assert [routine.name for routine in routines] == ["eager", "compiled"]
    assert routines[0].function is functions()["sqrt"].routines[table.BUILTIN].function


def test_the_page_is_made_of_the_file_alone_and_twice_the_same(tmp_path: Path):
    sqrt, told = functions()["sqrt"], rows.what_runs()
    path = write_table(tmp_path, table_of(rows_of(sqrt, "float16"), told))
    written = read_json(path.with_suffix(".json"), table.SCHEMA)
    assert path.read_text(encoding="utf-8") == table_page(written)
    again = write_table(tmp_path / "again", table_of(rows_of(sqrt, "float16"), told))
    assert again.read_bytes() == path.read_bytes()
    assert "sqrt in float32" in table_page(written)  # what is missing is said
    changed = copy.deepcopy(written)
    changed["rows"][0]["kinds"]["normal"]["worst"]["error_ulp"] = 7
    assert table_page(changed) != table_page(written)


def test_a_row_that_was_stopped_goes_on_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "LONGEST", 1 << 14)
    for module in (rows, largest_of_kinds):
        monkeypatch.setattr(module, "BATCH", 1 << 14)
    monkeypatch.setattr("numcheck.runs.sweep.run.BATCH", 1 << 14)
    whole, kept, calls = table_row(zero_in_between), tmp_path / "row.json", [0]

    def stopped(x: torch.Tensor) -> torch.Tensor:
        calls[0] += 1
        if (
            calls[0] == 4
        ):  # the first batch has one, and others are called at the numbers of the other sign, too
            raise KeyboardInterrupt
        return zero_in_between(x)

    page = page_of(doubled, stopped, -INF, INF)
    with pytest.raises(Interrupted, match="2 of 4 chunks are kept"):
        rows_of(page, "float16", kept=kept)
    assert len(json.loads(kept.read_text())["sweep"]["summaries"]) > 3
    begun = calls[0]
    assert rows_of(page, "float16", kept=kept) == [whole]
    resumed = calls[0] - begun
    begun = calls[0]
    assert rows_of(page, "float16") == [whole]
    assert calls[0] - begun == resumed + 3  # the calls of the chunks that were kept


def test_the_command_writes_the_table_and_the_rows_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    here = ["--formats", "float16", "--out", "out"]
    assert run(["table", "sqrt", *here]) == 0
    (path,) = Path("out").glob("*.json")
    assert capsys.readouterr().out.strip() == str(path.with_suffix(".md"))
    before = read_json(path, table.SCHEMA)["rows"]

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("the row is there already")

    with monkeypatch.context() as patched:
        patched.setattr(table, "rows_of", refused)
        assert run(["table", "sqrt", *here, "--missing", "--json", "rows.json"]) == 0
    assert read_json("rows.json", table.SCHEMA)["rows"] == before
    assert run(["table", "exp", *here, "--json", "rows.json"]) == 0
    assert {row["function"] for row in read_json("rows.json", table.SCHEMA)["rows"]} == {"exp"}
    found = [(row["of"], row["function"]) for row in read_json(path, table.SCHEMA)["rows"]]
    assert found == [("value", "exp"), ("value", "sqrt"), ("grad", "exp"), ("grad", "sqrt")]
    assert not list(Path(".numcheck").rglob("*.json"))  # nothing is left of finished rows


def test_rows_of_a_mode_that_is_not_asked_for_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    asked = ["table", "sqrt", "--formats", "float16", "--out", "out", "--modes", "eager"]
    assert run(asked) == 0
    (path,) = Path("out").glob("*.json")
    whole = read_json(path, table.SCHEMA)
    others = [row | {"mode": "compiled", "worst_ulp": 7.0} for row in whole["rows"]]
    stale = [row | {"worst_ulp": 9.0} for row in whole["rows"]]
    write_json(whole | {"rows": stale + others}, path)
    assert run([*asked, "--json", "rows.json"]) == 0
    found = read_json(path, table.SCHEMA)["rows"]
    assert {row["worst_ulp"] for row in found if row["mode"] == "compiled"} == {7.0}
    assert 9.0 not in {row["worst_ulp"] for row in found}
    assert {row["mode"] for row in read_json("rows.json", table.SCHEMA)["rows"]} == {"eager"}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["squarer"], "no function 'squarer' in the table: write one of "),
        (["exp", "--formats", "float8_e5m2"], "the table has no float8_e5m2: write one of float32"),
        (["exp", "--formats", "half"], "half"),
        (["exp", "--modes", "fast"], "no mode 'fast': write eager or compiled"),
    ],
)
def test_wrong_usage_is_told_in_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]):
    assert run(["table", *words]) == 2
    told = capsys.readouterr().err
    assert line in told and told.count("\n") == 1


def test_the_table_of_another_environment_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    told = rows.what_runs()
    path = write_table(tmp_path, table_of([], told)).with_suffix(".json")
    text = path.read_text(encoding="utf-8")
    monkeypatch.setattr(table, "what_runs", lambda device: told | {"numpy": "another"})
    with pytest.raises(UsageError, match="is of another environment: move it away"):
        table.tabulate(tmp_path, ["sqrt"], ["float16"])
    assert path.read_text(encoding="utf-8") == text


def test_functions_run_on_the_device_asked_for_and_are_judged_on_the_processor():
    seen: set[torch.device] = set()

    def builtin(x: torch.Tensor) -> torch.Tensor:
        seen.add(x.device)
        return 2 * x

    page = page_of(doubled, builtin, -INF, INF)
    with pytest.raises(NotImplementedError, match="meta"):  # a device of which no number comes back
        rows_of(page, "float16", device="meta")
    assert seen == {torch.device("meta")}
    assert str(truths(plan_of(page, FLOAT16, device="meta")).device) == "cpu"
    (elsewhere,), (here,) = rows_of(page, "float16", device="cpu:0"), rows_of(page, "float16")
    assert elsewhere == here | {"device": "cpu:0"}


def test_what_a_device_lacks_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert run(["table", "sqrt", "--device", "cuda:99"]) == 2
    assert capsys.readouterr().err.startswith("numcheck: no device 'cuda:99' here: write cpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.cuda
def test_a_gpu_has_a_table_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.undo()  # compiled functions, too
    monkeypatch.chdir(tmp_path)
    path, found = table.tabulate(tmp_path / "out", ["sqrt", "exp"], ["float16"], device="cuda", jobs=2)
    assert "-cuda-" in path.name
    assert not found.get("failed")
    assert {row["device"] for row in found["rows"]} == {"cuda"} and len(found["rows"]) >= 4
    assert max(row["worst_ulp"] for row in found["rows"] if row["function"] == "sqrt") <= 2


def test_functions_are_shared_by_processes_and_one_that_fails_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    _, alone = table.tabulate("alone", ["exp", "sqrt"], ["float16"])
    _, shared = table.tabulate("shared", ["exp", "sqrt"], ["float16"], jobs=2)
    kept = ("function", "of", "worst_ulp", "input", "fates")
    told = [
        [[row[key] for key in kept] for row in found["rows"] if row["mode"] == "eager"]
        for found in (alone, shared)
    ]
    assert told[0] == told[1] and len(told[0]) == 4
    real_rows = table.rows_of

    def failing(page: Formula, *words: Any, **more: Any) -> list[dict[str, Any]]:
        if page.name == "exp":
            raise UsageError("torch has no exp here")
        return real_rows(page, *words, **more)

    monkeypatch.setattr(table, "rows_of", failing)
    _, found = table.tabulate("failed", ["exp", "sqrt"], ["float16"])
    assert found["failed"] == ["exp in float16: torch has no exp here"]
    assert {row["function"] for row in found["rows"]} == {"sqrt"}


OWN = """
import torch
from numcheck import formula, m, real, ulps

@formula(source="a school book", known=[((3,), "6")], x=real(-1000, 1000))
def twice_in_a_table(x):
    return x + x

@twice_in_a_table.routine(value=ulps(1), grad=ulps(1))
def right(x):
    return x + x

@twice_in_a_table.routine(value=ulps(1))
def off(x):
    return torch.where(x == 1, 3 * x, x + x)

@twice_in_a_table.routine(value=ulps(1))
def raising(x):
    raise ValueError("too many *numbers*")

@twice_in_a_table.routine(value=ulps(1))
def summed(x):
    return (x + x).sum()

@twice_in_a_table.routine(value=ulps(1), formats=["float32"])
def of_another_format(x):
    return x + x

@formula(source="a school book", known=[((3, 4, 5), "12")], x=real(0, 9), y=real(0, 9), z=real(0, 9))
def sum_in_a_table(x, y, z):
    return x + y + z

@sum_in_a_table.routine(value=ulps(1))
def added(x, y, z):
    return x + y + z

@formula(source="a school book", known=[((3,), "3")], x=real(0, 5))
def itself_in_a_table(x):
    return x
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with formulas of one's own."""
    monkeypatch.chdir(tmp_path)
    load_catalog()  # else it would be loaded into the copy, and be gone with it
    monkeypatch.setattr("numcheck.declaration.registry._registry", dict(formulas()))
    (tmp_path / "formulas_of_a_table.py").write_text(OWN)
    return tmp_path


def test_one_s_own_routines_have_a_table_and_what_cannot_be_measured_is_told(
    own: Path, capsys: pytest.CaptureFixture[str]
):
    words = [
        "table",
        "formulas_of_a_table.py:twice_in_a_table",
        "--formats",
        "float16",
        "--json",
        "rows.json",
    ]
    assert run(words) == 2
    page, errors = capsys.readouterr()
    found = read_json("rows.json", table.SCHEMA)
    rows = {(row["function"], row["of"]): row for row in found["rows"]}
    assert list(rows) == [
        ("twice_in_a_table.off", "value"),
        ("twice_in_a_table.right", "value"),
        ("twice_in_a_table.right", "grad"),
    ]
    assert rows["twice_in_a_table.off", "value"]["input"] == "0x1p+0"
    assert rows["twice_in_a_table.right", "grad"]["worst_ulp"] == 0
    raised, shape = found["failed"]
    assert (
        raised == "twice_in_a_table.raising in float16: eager, value: raised ValueError: too many *numbers*"
    )
    assert "twice_in_a_table.summed in float16: eager: returned () torch.float16 for (65536,)" in shape
    assert page.startswith("# twice_in_a_table.off, twice_in_a_table.right: ")
    assert r"too many \*numbers\*" in page and raised in errors
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["formulas_of_a_table.py:sum_in_a_table"],
            "takes x, y, z: the table is of functions of one real number or two",
        ),
        (["formulas_of_a_table.py:itself_in_a_table"], "has no routine: write @itself_in_a_table.routine"),
        (["formulas_of_a_table.py:nothing"], "has no nothing"),
        (["formulas_of_a_table.py:sum_in_a_table", "sqrt"], "ask for them, or for your own"),
    ],
)
def test_what_the_table_cannot_take_is_told_in_one_line(
    own: Path, words: list[str], line: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["table", *words, "--formats", "float16"]) == 2
    told = capsys.readouterr().err
    assert line in told and told.count("\n") == 1


def test_a_checkpoint_of_another_row_is_refused(tmp_path: Path):
    kept = tmp_path / "row.json"
    checkpoint.write(kept, {"numcheck": "another"}, {})
    with pytest.raises(UsageError, match="of a sweep with another"):
        table_row(zero_in_between, kept=kept)
    assert table_row(zero_in_between, kept=kept, restart=True)["regions"] == 1


@pytest.mark.parametrize("name", ["sqrt", "exp"])
def test_a_row_does_not_hang_on_its_chunks_of_which_some_lack_a_kind_of_result(monkeypatch, name: str):
    whole = rows_of(functions()[name], "float16")
    monkeypatch.setattr(rows, "LONGEST", 2**12)
    assert rows_of(functions()[name], "float16") == whole
    for row in whole:
        assert sum(row["fates"].values()) == row["points"]
