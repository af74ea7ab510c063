"""The table tells of functions of vectors at stated sizes what they spend of their budgets."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numcheck import format_of, m, one_of, real, ulps, vector
from numcheck.declaration.formulas import Formula, formula_of, routine_of
from numcheck.domain import as_data
from numcheck.faces.cli import run
from numcheck.report import compare_tables, table_page, write_json, write_pages
from numcheck.runs.sweep import rows, sized, table
from numcheck.runs.sweep.largest import BUILTIN
from numcheck.runs.sweep.sized import is_sized, rows_at_sizes, sized_functions
from numcheck.runs.sweep.table import table_of

FLOAT32 = format_of("float32")


def total(x: Any) -> Any:
    """All entries added up."""
    return m.sum(x)


def page_of(function: Any, formula: Any = total, grad: Any = None, **inputs: Any) -> Formula:
    inputs = inputs or {"x": vector(-1e30, 1e30)}
    made = formula_of(formula, "a school book", (), None, inputs)
    made.routines[BUILTIN] = routine_of(made, function, BUILTIN, ulps(1, gamma=True), grad)
    return made


def in_turn(x: torch.Tensor) -> torch.Tensor:
    """One entry after another, each sum rounded."""
    added = x[..., 0]
    for i in range(1, x.shape[-1]):
        added = added + x[..., i]
    return added


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a sum and a softmax belong to the table."""
    known = sized_functions()
    page = {name: known[name] for name in ("sum", "softmax")}
    for home in (sized, table):
        monkeypatch.setattr(home, "sized_functions", lambda: page)


def test_functions_of_vectors_alone_have_sizes():
    known = sized_functions()
    issue = "sum mean var norm logsumexp softmax log_softmax cumsum layer_norm rms_norm matmul"
    issue += " scaled_dot_product_attention"
    assert set(issue.split()) <= known.keys()
    assert "exp" not in known and "softmax_cross_entropy" not in known  # which has a label beside its vector
    x = vector(-1, 1)
    assert is_sized(page_of(in_turn, x=x))
    for other in (real(-1, 1), one_of(0, 1)):
        assert not is_sized(page_of(lambda x, y: x.sum(-1) * y, lambda x, y: m.sum(x) * y, x=x, y=other))
    assert is_sized(page_of(lambda x, y: (x * y).sum(-1), lambda x, y: m.dot(x, y), x=x, y=x))


def test_what_a_sum_spends_is_that_of_a_direct_comparison():
    """In float64, which adds float32's numbers with hardly an error."""
    (row,) = rows_at_sizes(page_of(in_turn), "float32", [64])
    points = as_data({"x": vector(-1e30, 1e30, sizes=(64,))}, FLOAT32, 64, sized.MANY, sized.SEED, "total")
    x = points.columns["x"]
    got, exact, size = in_turn(x).double(), x.double().sum(-1), x.double().abs().sum(-1)
    ulp = torch.exp2(torch.floor(torch.log2(exact.abs())) - 23)
    error, allowed = (got - exact).abs(), ulp + (1 + 64) * 2.0**-24 * size
    assert row["spent"] == pytest.approx(float((error / allowed).max()), rel=1e-4)
    assert row["worst_ulp"] == pytest.approx(float((error / ulp).max()), rel=1e-4)
    worst = int(row["input"].removeprefix("point "))
    assert worst == int((error / ulp).argmax())
    assert float(row["got"]) == pytest.approx(float(got[worst]), rel=1e-8)
    assert float(row["exact"]) == pytest.approx(float(exact[worst]), rel=1e-10)
    assert (row["points"], row["evidence"], row["proved"]) == (sized.MANY, "drawn", True)
    assert row["fates"] == {"within": sized.MANY}


def test_a_sum_that_drops_its_last_entry_is_over_its_budget_at_every_size():
    rows = rows_at_sizes(page_of(lambda x: torch.sum(x[..., :-1], -1)), "float32", [4, 64])
    assert [row["size"] for row in rows] == [4, 64]
    assert all(row["spent"] > 1 and row["fates"].get("over", 0) > sized.MANY // 2 for row in rows)


def test_a_gradient_has_a_row_beside_that_of_its_value():
    rows = rows_at_sizes(page_of(lambda x: torch.sum(x, -1), grad=ulps(0, cond=0)), "float16", [16])
    assert [(row["of"], row["spent"]) for row in rows][1] == ("grad", 0)
    wrong = page_of(lambda x: torch.sum(x, -1) + (x[..., 0] - x[..., 0].detach()), grad=ulps(0, cond=0))
    assert rows_at_sizes(wrong, "float16", [16])[1]["spent"] == "inf"


def test_points_are_drawn_the_same_twice_and_otherwise_in_another_size_or_format():
    def drawn(size: int, format: str, seed: int = 0) -> np.ndarray:
        x = vector(-1e4, 1e4, sizes=(size,))
        points = as_data({"x": x}, format_of(format), size, 8, seed, "total")
        assert set(points.origin) == {"sample"}
        column = points.columns["x"]
        assert isinstance(column, torch.Tensor)
        return column.double().numpy()

    assert (drawn(16, "float32") == drawn(16, "float32")).all()
    assert (drawn(16, "float32") != drawn(16, "float32", seed=1)).any()
    assert (drawn(16, "float32") != drawn(32, "float32")[:, :16]).any()


def test_of_a_long_vector_fewer_points_are_drawn_and_their_truths_take_seconds():
    assert sized.FEW < sized.MANY
    row, _ = rows_at_sizes(sized_functions()["sum"], "float32", [sized.LONG])
    assert row["points"] == sized.FEW
    assert row["seconds"] < 10 * sized.FEW / 100 * 5  # ten seconds per hundred points, on a busy machine


def test_a_product_of_two_long_rows_is_judged_by_what_conditioning_forgives():
    value, _ = rows_at_sizes(sized_functions()["matmul"], "float32", [1024])
    assert value["worst_ulp"] > 2 and value["spent"] < 1


@pytest.mark.usefixtures("few")
def test_the_command_writes_rows_of_each_size_and_completes_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    words = ["table", "sum", "--formats", "float16,float64", "--out", "out", "--json", "rows.json"]
    assert run([*words, "--sizes", "8,64"]) == 0
    rows = json.loads(Path("rows.json").read_text(encoding="utf-8"))["rows"]
    assert [(row["of"], row["size"]) for row in rows] == [
        (of, size) for of in ("value", "grad") for size in (8, 64)
    ]
    measured: list[int] = []

    def again(formula: Formula, format: str, sizes: list[int]) -> list[dict[str, Any]]:
        measured.extend(sizes)
        return rows_at_sizes(formula, format, sizes)

    monkeypatch.setattr(table, "rows_at_sizes", again)
    assert run([*words, "--sizes", "8,16", "--missing"]) == 0
    assert measured == [16]
    (path,) = Path("out").glob("torch*.json")
    kept = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert sorted({row["size"] for row in kept}) == [8, 16, 64]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sizes", "1"], "1 entries are no size of the table: write one from 2 to"),
        (["--sizes", "many"], "--sizes many: write whole numbers of 1 or more, such as 1e4,1e6"),
        (
            ["--sizes", "8", "--formats", "float64"],
            "in float64: write other --formats",
        ),
    ],
)
@pytest.mark.usefixtures("few")
def test_a_wrong_size_is_told_in_one_line(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    assert run(["table", "sum", *words]) == 2
    error = capsys.readouterr().err
    assert told in error and len(error.splitlines()) == 1


def test_ones_own_function_of_vectors_is_measured_at_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("own_sums.py").write_text(
        "import torch\nfrom numcheck import formula, m, ulps, vector\n\n"
        "@formula(source='a school book', known=[(([1, 2],), '3')], x=vector(-10, 10))\n"
        "def total(x):\n    '''All of it.'''\n    return m.sum(x)\n\n"
        "@total.routine(value=ulps(1, gamma=True))\n"
        "def torch_sum(x):\n    '''torch.sum.'''\n    return torch.sum(x, -1)\n",
        encoding="utf-8",
    )
    assert run(["table", "own_sums.py:total", "--formats", "float16", "--sizes", "8,16"]) == 0
    page = capsys.readouterr().out
    assert "| total.torch_sum | float16 | 1 ulp + (1 + n) cond |" in page and "| 8 | 16 |" in page


@pytest.mark.usefixtures("few")
def test_the_page_has_a_section_of_sizes_and_tells_what_fails_and_what_is_missing(tmp_path: Path):
    good = rows_at_sizes(sized_functions()["sum"], "float16", [8])
    wrong = rows_at_sizes(page_of(lambda x: 2 * torch.sum(x, -1)), "float16", [16])
    told = table_of([*good, *wrong], rows.what_runs())
    page = table_page(told)
    section = page[page.index("## Reductions and products at stated sizes") :]
    (line,) = [line for line in section.splitlines() if line.startswith("| total |")]
    spent, lost = line.split("|")[4:6]
    assert spent.strip() == "–" and lost.strip().startswith("**") and f"of {sized.MANY}" in lost
    assert "| sum | float16 | 1 ulp + (1 + n) cond | 0" in section
    assert "of 64 entries in float16 sum, softmax" in section
    path = tmp_path / "told.json"
    write_json(told, path)
    write_pages(path)
    assert "Reductions and products at stated sizes" in path.with_suffix(".html").read_text(encoding="utf-8")
    assert "| total |" not in (tmp_path / "index.md").read_text(encoding="utf-8")


def test_two_tables_are_compared_in_rows_of_sizes():
    one = table_of(rows_at_sizes(page_of(in_turn), "float16", [8, 16]), rows.what_runs())
    other = json.loads(json.dumps(one))
    assert compare_tables(one, other) == ["2 of 2 rows in both tables are the same"]
    other["rows"][1]["spent"] = 7
    first, _ = compare_tables(one, other)
    assert first.startswith("total value of 16 entries in float16, eager on cpu: spent ")
    assert first.endswith("-> 7")
