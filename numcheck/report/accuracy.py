"""The pages of a folder of tables, made from their JSON alone: one for each environment, and a front page.

The front page lists the functions and gradients that lose digits: all of them somewhere, or many at worst.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from numcheck.report.figures import count, counted
from numcheck.report.marked import marked
from numcheck.report.pages import cell, rendered
from numcheck.report.store import ReportError, read_json, write_text
from numcheck.report.table import Row, apart, at_least, failing, in_ulps, number_of, table_page, title_of

SCHEMA = 3
"""Of a table's file."""
TITLE = "Functions and gradients of torch that lose digits"
LARGE = 8
"""Ulps from which a largest error is on the front page."""


def read_table(path: str | Path) -> dict[str, Any]:
    """A table's JSON. ReportError, in one line, where the file holds none."""
    table = read_json(path, SCHEMA)
    rows = table.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "worst_ulp" in row for row in rows):
        raise ReportError(f"{path} is no table: write the JSON file that numcheck table wrote")
    return table


def write_pages(path: Path) -> Path:
    """Write the pages of a table that lies at a path, and the front page of its folder; returns the Markdown's path."""
    table = read_table(path)
    text = table_page(table)
    page = write_text(path.with_suffix(".md"), text)
    write_text(path.with_suffix(".html"), _html(text, apart(table["rows"])[0]))
    told = [(one.stem, read_table(one)) for one in sorted(path.parent.glob("*.json"))]
    front = front_page(told)
    write_text(path.parent / "index.md", front)
    for name, _ in told:
        front = front.replace(f"({name}.md)", f"({name}.html)")
    write_text(path.parent / "index.html", _html(front, ()))
    return page


def _html(text: str, rows: Sequence[Row]) -> str:
    title = Markup(marked(text.splitlines()[0])).striptags()
    return rendered("table.html", title=title, body=marked(text), rows=rows)


def front_page(tables: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """The front page as Markdown, of tables with the names of their files."""
    lines = [f"# {TITLE}", ""]
    lines += [
        "Every function and gradient of the tables beside this page of which somewhere no digit is left although the "
        f"exact result has some in the format, or of which the largest error is {LARGE} ulps or more. What an ulp is "
        "stands in [docs/ulp.md](../../docs/ulp.md). ≥ says that other inputs may be worse.",
    ]
    for name, table in tables:
        told = table["environment"]
        machine = f"torch {told['torch']} on {told['cpu_model']}, {told['cpu_capability']}"
        lines += [
            "",
            f"## {cell(machine)}",
            "",
            f"All rows: [{name}]({name}.md).",
            *_lost(apart(table["rows"])[0]),
            *_large(apart(table["rows"])[0]),
        ]
    return "\n".join(lines) + "\n"


def _lost(rows: Sequence[Row]) -> list[str]:
    lines: list[str] = []
    for row, modes in _by_modes([row for row in rows if row["largest_regions"]]):
        region = max(row["largest_regions"], key=lambda one: one["points"])
        first, last = region["first"], region["last"]
        extent = (
            "alone"
            if region["points"] == 1
            else f"to {number_of(last['input'])}, {count(region['points'])} inputs"
        )
        many = f"{count(failing(row))} in {counted(row['regions'], 'region')}"
        by = f" by {region['by']}" if "by" in region else ""
        cells = [title_of(row) + by, row["format"], modes, many, number_of(first["input"]), first["truth"]]
        lines.append(f"| {' | '.join(map(str, (*cells, first['result']['decimal'], extent)))} |")
    head = "| function | format | | results | input | exact | result | extent of the largest region |"
    return ["", "### No digit left", "", head, "|---|---|---|---|---|---|---|---|", *lines] if lines else []


def _large(rows: Sequence[Row]) -> list[str]:
    lines: list[str] = []
    for row, modes in _by_modes([row for row in rows if _error(row) >= LARGE]):
        worst = row["kinds"]["normal"]["worst"]
        cells = [title_of(row), row["format"], modes, f"{at_least(row)}{in_ulps(worst['error_ulp'])}"]
        cells += [number_of(worst["input"]), worst["truth"], worst["result"]["decimal"]]
        lines.append(f"| {' | '.join(cells)} |")
    head = "| function | format | | largest error, normal | input | exact | result |"
    return ["", "### Many digits lost", "", head, "|---|---|---|---|---|---|---|", *lines] if lines else []


def _error(row: Row) -> float:
    worst = row["kinds"]["normal"]["worst"]
    return 0.0 if worst is None else float(worst["error_ulp"])


def _by_modes(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """Rows with their modes, those of several modes that are the same at all that is told as one."""
    alike: dict[str, tuple[Row, list[str]]] = {}
    for row in rows:
        told = repr([row[key] for key in ("function", "of", "format", "kinds", "regions", "largest_regions")])
        alike.setdefault(told, (row, []))[1].append(row["mode"])
    return [(row, ", ".join(modes)) for row, modes in alike.values()]
