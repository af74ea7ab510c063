"""The pages of tables are made from their JSON alone, and two tables are compared row by row."""

import copy
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from numcheck.faces.cli import run
from numcheck.report import ReportError, compare_tables, read_table, write_json, write_pages
from numcheck.report.accuracy import TITLE
from numcheck.report.marked import inline, marked
from numcheck.runs.sweep import rows
from numcheck.runs.sweep.rows import functions, rows_of
from numcheck.runs.sweep.table import table_of, write_table

REPORTS = Path(__file__).parents[1] / "reports" / "torch-accuracy"


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """A table of two functions, one of which loses digits."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows, "missing_compiler", lambda device: f"none for {device}")
        found = [row for name in ("sqrt", "logit") for row in rows_of(functions()[name], "float16")]
        return json.loads(json.dumps(table_of(found, rows.what_runs())))


class Tags(HTMLParser):
    """Whether every element of a page that is opened is closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "rect", "path", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in ("rect", "path", "line"):
            raise AssertionError(f"{tag} closes {self.open[-1:]}")


def test_a_table_has_pages_in_markdown_and_html_beside_its_json_and_a_front_page(
    tmp_path: Path, measured: Any
):
    page = write_table(tmp_path, measured)
    stem = page.stem
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {
        *(f"{stem}.{end}" for end in ("json", "md", "html")),
        "index.md",
        "index.html",
    }
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}
    assert write_pages(page.with_suffix(".json")) == page
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*")} == before
    html = page.with_suffix(".html").read_text(encoding="utf-8")
    tags = Tags(html)
    assert not tags.open and tags.seen.count("h1") == 1
    assert html.count('class="histogram"') == len(measured["rows"])
    for row in measured["rows"]:
        assert row["kinds"]["normal"]["worst"]["truth"] in html


def test_the_front_page_lists_what_loses_digits_with_input_truth_and_result(tmp_path: Path, measured: Any):
    write_table(tmp_path, measured)
    front = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert front.startswith(f"# {TITLE}\n")
    (line,) = [line for line in front.splitlines() if line.startswith("| logit |")]
    assert (
        line
        == "| logit | float16 | eager | 512 | `0x1.ffcp-2` (0.499755859) | -0.00097656257761 | -0.00048828125 |"
    )
    assert "| sqrt |" not in front
    shown = (tmp_path / "index.html").read_text(encoding="utf-8")
    (page,) = (path.name for path in tmp_path.glob("torch*.html"))
    assert not Tags(shown).open and "0x1.ffcp-2" in shown
    assert f'<a href="{page}">' in shown and '<a href="../../docs/ulp.md">' in shown


def test_a_lost_result_is_on_the_front_page_with_the_extent_of_its_region(tmp_path: Path, measured: Any):
    row = copy.deepcopy(measured["rows"][0])
    end = {
        "input": {"hex": "0x1p+0", "decimal": "1"},
        "result": {"hex": "0x0p+0", "decimal": "0"},
        "truth": "7.0",
    }
    last = end | {"input": {"hex": "0x1.8p+1", "decimal": "3"}}
    row |= {
        "fates": {"within": 10, "underflow": 5},
        "regions": 1,
        "largest_regions": [{"fate": "underflow", "points": 5, "first": end, "last": last}],
    }
    compiled = row | {"mode": "compiled"}
    write_table(tmp_path, measured | {"rows": [row, compiled]})
    front = (tmp_path / "index.md").read_text(encoding="utf-8")
    (line,) = [line for line in front.splitlines() if "5 in 1 region" in line]
    assert "| eager, compiled |" in line  # what is the same in both modes is told once
    assert "| `0x1p+0` (1) | 7.0 | 0 | to `0x1.8p+1` (3), 5 inputs |" in line


def test_the_committed_pages_are_those_of_the_committed_json(tmp_path: Path):
    paths = sorted(REPORTS.glob("*.json"))
    assert paths
    for path in paths:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for path in paths:
        write_pages(tmp_path / path.name)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (REPORTS / path.name).read_bytes(), (
            f"{path.name} was not made of its JSON"
        )


def test_marks_within_a_line_are_elements_and_anything_else_is_text():
    assert inline("**a** `b<c` *d* [e](f.md) \\*g\\* <h>") == (
        '<strong>a</strong> <code>b&lt;c</code> <em>d</em> <a href="f.md">e</a> *g* &lt;h&gt;'
    )
    assert marked("* one\n    * two\n* three") == (
        "<ul><li>one</li>\n<li><ul><li>two</li></ul></li>\n<li>three</li></ul>"
    )
    assert marked("# a\n\nb\n\nc\n\n* d") == "<h1>a</h1>\n<p>b</p>\n<p>c</p>\n<ul><li>d</li></ul>"
    assert "<td>a|b</td>" in marked("| x | y |\n|---|---|\n| a\\|b | c |")


def test_equal_tables_differ_in_no_row(measured: Any):
    assert compare_tables(measured, measured) == ["4 of 4 rows in both tables are the same"]
    later = copy.deepcopy(measured)
    later["rows"][0]["seconds"] = 99.0
    assert compare_tables(measured, later) == ["4 of 4 rows in both tables are the same"]


def test_rows_that_differ_are_named_with_by_how_much(measured: Any):
    other = copy.deepcopy(measured)
    worst = other["rows"][0]["kinds"]["normal"]["worst"]
    before = worst["error_ulp"]
    worst |= {"error_ulp": before + 0.25}
    other["rows"][1]["fates"] = {"within": 1}
    del other["rows"][3]
    other["environment"] = measured["environment"] | {"cpu_model": "another"}
    lines = compare_tables(measured, other)
    assert lines[0].startswith("environment cpu_model ") and lines[0].endswith("-> another")
    assert f"largest error, normal: {before} ulp at " in lines[1] and lines[1].endswith("(+0.25)")
    assert "within" in lines[2]
    assert lines[3].endswith("in the first alone")
    assert lines[-1] == "1 of 3 rows in both tables are the same"


def test_one_command_compares_two_machines_tables(
    tmp_path: Path, measured: Any, capsys: pytest.CaptureFixture[str]
):
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    changed = copy.deepcopy(measured)
    changed["rows"][0]["regions"] = 7
    write_json(measured, one)
    write_json(changed, other)
    assert run(["table", "--compare", str(one), str(one)]) == 0
    assert capsys.readouterr().out == "4 of 4 rows in both tables are the same\n"
    assert run(["table", "--compare", str(one), str(other)]) == 1
    assert "regions 0 -> 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"schema": 1}', "its schema is 1, and this numcheck reads schema 3"),
        ('{"schema": 3}', "is no table: write the JSON file that numcheck table wrote"),
        ('{"schema": 3, "rows": [{}]}', "is no table"),
        ("no json", "it is not JSON"),
    ],
)
def test_a_file_that_is_no_table_is_one_line(
    tmp_path: Path, text: str, line: str, measured: Any, capsys: pytest.CaptureFixture[str]
):
    path, good = tmp_path / "file.json", tmp_path / "good.json"
    path.write_text(text, encoding="utf-8")
    write_json(measured, good)
    with pytest.raises(ReportError, match=line.replace(".", r"\.")):
        read_table(path)
    assert run(["table", "--compare", str(good), str(path)]) == 2
    told = capsys.readouterr().err
    assert line in told and told.count("\n") == 1


def test_the_result_of_a_search_is_marked_on_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "missing_compiler", lambda device: f"none for {device}")
    monkeypatch.setattr("numcheck.runs.sweep.searching.FIRST", 600)
    row = rows_of(functions()["sqrt"], "float64")[0]
    page = write_table(tmp_path, table_of([row], rows.what_runs())).read_text(encoding="utf-8")
    assert "## float64" in page and "| sqrt | eager | ≥ 0." in page
