"""Pages for people, made from the report's JSON alone: Markdown, and one self-contained page of HTML."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from numcheck.declaration.words import visible
from numcheck.report import drawing, figures, summary
from numcheck.report.figures import cell
from numcheck.report.store import ReportError, finite, text_of, write_text
from numcheck.report.summary import Report
from numcheck.report.table import title_of

FEW_FORMULAS = 4
"""A page of so few formulas shows them all unfolded."""


def to_markdown(report: Report) -> str:
    """The report as Markdown: the verdict, every measurement in one table, then every finding."""
    return _render("page.md", finite(report))


def to_html(report: Report) -> str:
    """The report as one HTML page that needs no other file, no network and no script to be read."""
    return _render("page.html", finite(report))


def write_report(report: Report, directory: str | Path) -> list[Path]:
    """Write report.json, report.md and report.html into a folder, made if need be; returns their paths.

    The files say what the report says: pass `deterministic(report)` for files that are to be committed.
    Raises ReportError, in one line, when the folder cannot be written.
    """
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise ReportError(f"cannot write {folder}: it is a file, and a report needs a folder")
    shown = finite(report)
    return [  # the JSON first: whatever happens to the pages, no figure is lost
        write_text(folder / "report.json", text_of(shown)),
        write_text(folder / "report.md", _render("page.md", shown)),
        write_text(folder / "report.html", _render("page.html", shown)),
    ]


def _render(template: str, report: Report) -> str:
    sections, titles = summary.formula_sections(report), list(summary.columns(report).values())
    return rendered(
        template,
        report=report,
        environment=summary.environment(report),
        fates=summary.FATES,
        verdicts=summary.VERDICTS,
        of_names=summary.OF,
        fate_totals=summary.fate_totals(report),
        unbalanced=summary.unbalanced(report),
        verdict_sentence=summary.verdict_sentence(report),
        opinion_sentence=summary.opinion_sentence(report),
        cause_totals=summary.cause_totals(report),
        columns=titles,
        rows=summary.index_rows(sections, titles),
        sections=sections,
        axes=drawing.error_axes(report),
        unfolded=len(sections) <= FEW_FORMULAS,
    )


def rendered(template: str, **given: Any) -> str:
    """A page, from the template that it has."""
    return _templates().get_template(template).render(**given)


@cache
def _templates() -> Environment:
    """The templates of pages, with all that they call."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    filters = (
        figures.figure,
        figures.count,
        figures.percent,
        figures.bits,
        figures.encoded,
        figures.shortened,
    )
    environment.filters.update(_by_name(*filters, _anchor, cell, _code, _parted, title_of))
    plots = (
        drawing.error_plot,
        drawing.axis_frame,
        drawing.histogram,
        drawing.ladder,
        drawing.ladder_text,
        drawing.loss_scales_text,
    )
    bars = (drawing.fates_bar, drawing.silent_bar, drawing.fates_text)
    words = (figures.counted, summary.verdict, summary.sort_key)
    own = (_same_budget, _stretches, _map_rows, _share_class)
    environment.globals.update(_by_name(*plots, *bars, *words, *own))
    return environment


def _shown(value: Any) -> Any:
    """What a template prints, of text and of markup alike: nothing that a terminal would obey."""
    return type(value)(visible(value)) if isinstance(value, str) else value


def _by_name(*functions: Callable[..., Any]) -> dict[str, Any]:
    """Functions under the names that templates call them by."""
    return {function.__name__.removeprefix("_"): function for function in functions}


def _anchor(names: str | Iterable[str]) -> str:
    """An element's id made of names: letters, digits, `_`, `.` and `-` only."""
    parts = [names] if isinstance(names, str) else names
    return ".".join(re.sub(r"[^\w-]+", "-", part) for part in parts)


def _code(text: Any) -> str:
    """Any text as inline code inside a Markdown line or table, whatever backticks or bars it holds."""
    flat = " ".join(visible(str(text)).split())
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat.replace('|', chr(92) + '|')}{pad}{fence}"


def _parted(text: Any) -> tuple[str, str]:
    """The first sentence of a docstring, what the formula means, and what it says after that."""
    sentence, *rest = re.split(r"\n\s*\n|(?<=\w\.)\s+(?=[A-Z])", str(text).strip(), maxsplit=1)
    return sentence, "".join(rest).strip()


def _stretches(failures: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Where the columns of a map of failures begin and end."""
    edges = failures["edges"]
    return list(itertools.pairwise(edges)) or [(edges[0], edges[0])]


def _map_rows(failures: Mapping[str, Any]) -> list[tuple[str, list[tuple[int, int]]]]:
    """A map of failures row by row: the choices in words, and each cell's points and how many of them fail."""
    return list(zip(failures["rows"], failures["cells"], strict=True))


def _share_class(points: int, failing: int) -> int:
    """How dark a cell is: 0 where no point fails, up to 4 where all do."""
    return 0 if not failing else 1 + min(3, 4 * failing // max(points, 1))


def _same_budget(budgets: tuple[tuple[str, str], ...]) -> str | None:
    """The one budget that holds for value and gradient alike, if there is one."""
    texts = {budget for _, budget in budgets}
    return texts.pop() if len(texts) == 1 else None
