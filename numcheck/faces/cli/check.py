"""`numcheck check`: every routine against proved truth."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numcheck.declaration.words import (
    DEFAULT_POINTS,
    DEFAULT_SEED,
    FEW_FORMULAS,
    POINTS_OF_EACH,
    ExitCode,
    UsageError,
    visible,
)
from numcheck.faces.cli.options import (
    EXIT_CODES,
    devices_option,
    formats_option,
    json_option,
    switch_option,
    timeout_option,
)
from numcheck.faces.cli.terminal import console_of, print_table, progress_bar
from numcheck.faces.names import formats_of, names_of

if TYPE_CHECKING:
    from rich.console import Console

    from numcheck.declaration.budgets import Budget
    from numcheck.declaration.formulas import Routine

MOST_FINDINGS = 3
"""Findings that the terminal is told, the worst first; a report has them all."""


@click.command(epilog=EXIT_CODES)
@click.argument("formulas", metavar="[FORMULA]...", nargs=-1)
@click.option(
    "--routine",
    "target",
    metavar="MODULE:NAME",
    help="Judge this function, or that of a path/to/file.py:NAME.",
)
@click.option("--formula", "claimed", metavar="F", help="The formula that --routine claims to compute.")
@click.option("--value-ulps", type=float, metavar="N", help="What --routine promises of its value (4).")
@click.option("--grad-ulps", type=float, metavar="N", help="What --routine promises of its gradient (8).")
@click.option(
    "--cond", type=float, metavar="C", help="What both budgets add of the problem's own conditioning (1)."
)
@click.option(
    "--gap",
    "gaps",
    metavar="CAUSE=WHY",
    multiple=True,
    help="A known failure of --routine; several causes of one mechanism have commas between.",
)
@formats_option
@devices_option("torch devices, with commas between; where two disagree beyond both budgets is a finding.")
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=None,
    help=f"Points per routine and format: {DEFAULT_POINTS}, or {POINTS_OF_EACH} of over {FEW_FORMULAS} formulas.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, help="Reproduces a run bit for bit."
)
@switch_option
@timeout_option
@json_option
@click.option("--report", "folder", metavar="DIR", help="Write report.json, report.md and report.html there.")
@click.option(
    "--fail-on",
    type=click.Choice(["over", "gap", "none"]),
    default="over",
    help="What makes the run fail: points over budget, declared gaps too, or nothing.",
)
@click.option(
    "--witness",
    is_flag=True,
    help="Write the inputs that show each gap beside the formula's page; every run tries them first.",
)
def check(
    formulas: tuple[str, ...],
    target: str | None,
    claimed: str | None,
    value_ulps: float | None,
    grad_ulps: float | None,
    cond: float | None,
    gaps: tuple[str, ...],
    formats: str,
    devices: str,
    points: int | None,
    seed: int,
    switches: tuple[str, ...],
    timeout: float | None,
    json_file: str | None,
    folder: str | None,
    fail_on: str,
    witness: bool,
) -> ExitCode:
    """Judge every routine of FORMULAs (names, topics, FILE.py:NAME or FILE.py) against proved truth; by default all."""
    if target and (formulas or not claimed):
        raise UsageError(f"say what it claims to compute: --routine {target} --formula F")
    if claimed and not target:
        raise UsageError(f"--formula goes with --routine; for its own routines: numcheck check {claimed}")
    if not target and (gaps or not value_ulps is grad_ulps is cond is None):
        raise UsageError(
            "--value-ulps, --grad-ulps, --cond and --gap say what a --routine MODULE:NAME promises"
        )
    if witness and not formulas:
        raise UsageError("say whose witnesses are to be written: numcheck check FORMULA... --witness")
    _expect_writable(json_file, folder)
    from numcheck.runs import jobs, prepare

    if not formulas and not target and jobs() > 1:  # the whole catalogue is sure to need them
        prepare("numcheck.runs.check")
    from numcheck.declaration.patience import patience
    from numcheck.declaration.registry import load_catalog
    from numcheck.foreign import formulas_at
    from numcheck.runs import check_catalog, switched, verdict_of

    asked = formats_of(formats, "--formats")
    load_catalog()
    routine = None
    if target and claimed:
        with patience(timeout):
            routine = _promising(target, claimed, (value_ulps, grad_ulps, cond), gaps)
    pages = console_of(stderr=json_file == "-")
    pages.print(f"seed {seed}")
    if routine is not None:
        pages.print(visible(f"{target}: {routine.doc}"))
    with progress_bar() as progress, switched(switches):
        report = check_catalog(
            [found for word in formulas for found in formulas_at(word)],
            formats=[format.name for format in asked],
            devices=names_of(devices, "--devices"),
            points=points,
            seed=seed,
            routine=routine,
            progress=progress,
            jobs=jobs(),
            witness=witness,
            timeout=timeout,
        )
    code, sentence = verdict_of(report, fail_on)
    for line in report.get("remarks", ()):
        pages.print(visible(line))
    _deliver(report, pages, sentence, json_file, folder)
    if report.get("interrupted"):
        raise click.Abort
    if code == ExitCode.WRONG_USAGE:
        raise UsageError(sentence)
    return code


def _promising(
    target: str, claimed: str, budget: tuple[float | None, float | None, float | None], gaps: Iterable[str]
) -> "Routine":
    """The function as a routine of the formula, with the budgets and gaps that the command line gives it."""
    from numcheck.declaration.budgets import ulps
    from numcheck.declaration.formulas import gap_of, with_gap
    from numcheck.foreign import GRAD, VALUE, adapt, formula_at, load

    value, grad, cond = budget
    promised = None if value is cond is None else ulps(*_either(value, cond, VALUE))
    slope = None if grad is None else ulps(*_either(grad, cond, GRAD))
    routine = adapt(load(target), formula_at(claimed), target, promised, slope)
    if grad is None and cond is not None and routine.grad is not None:
        routine = replace(routine, grad=ulps(*_either(None, cond, GRAD)))
    for word in reversed(tuple(gaps)):
        causes, equals, why = word.partition("=")
        if not equals:
            raise UsageError(
                f"--gap {word}: write --gap CAUSE=WHY, such as --gap 'overflow=exp leaves the range'"
            )
        routine = with_gap(routine, gap_of([cause.strip() for cause in causes.split(",")], why))
    return routine


def _either(ulps: float | None, cond: float | None, usual: "Budget") -> tuple[float, float]:
    return usual.ulps if ulps is None else ulps, usual.cond if cond is None else cond


def _expect_writable(json_file: str | None, folder: str | None) -> None:
    """Find out before hours of work, not after them, that the results have nowhere to go."""
    if json_file == "":
        raise UsageError("write --json FILE, or --json alone for standard output")
    if json_file not in (None, "-"):
        if Path(json_file).is_dir():
            raise UsageError(f"--json names a file, but {json_file} is a folder")
        _try_writing(Path(json_file).parent, create=False)
    if folder is not None:
        _try_writing(Path(folder), create=True)


def _try_writing(folder: Path, create: bool) -> None:
    try:
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror or error}") from error


def _deliver(
    report: Mapping[str, Any], pages: "Console", sentence: str, json_file: str | None, folder: str | None
) -> None:
    """Write and print the results: JSON first, since everything else can be made from it."""
    from numcheck.report import ReportError, json_text, write_json, write_report

    lost: list[str] = []
    if json_file == "-":
        click.echo(json_text(report))
    elif json_file is not None:
        try:
            write_json(report, json_file)
        except (OSError, ReportError) as error:
            lost.append(f"cannot write {json_file}: {error}")
    titles = "formula routine format value gradient fates causes".split()
    print_table(pages, titles, _rows(report))
    for line in _worst(report, folder is None):
        pages.print(line)
    pages.print(visible(sentence))
    if folder is not None:
        try:
            pages.print(str(write_report(report, folder)[-1]))
        except (OSError, ReportError) as error:
            lost.append(f"cannot write the report into {folder}: {error}")
    if lost:
        asked = [json_file is not None, folder is not None].count(True)
        kept = "" if len(lost) < asked else f"; the results are in {_rescued(json_text(report))}"
        raise UsageError("; ".join(lost) + kept)


def _worst(report: Mapping[str, Any], hint: bool) -> Iterator[str]:
    """The worst findings, each with the input that shows it, and how to come by the others."""
    from numcheck.report import worst_findings

    found = worst_findings(report)
    for lines in found[:MOST_FINDINGS]:
        yield ""
        yield from map(visible, lines)
    if found:
        yield ""
        more = len(found) - MOST_FINDINGS
        if hint:
            beyond = f"; {more} more findings are in there" if more > 0 else ""
            yield f"--report DIR writes pages with plots and every example{beyond}"


def _rescued(text: str) -> str:
    """Where the results of a run went whose report could not be written."""
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        path = folder / "numcheck-results.json"
        with suppress(OSError):
            path.write_text(text, encoding="utf-8")
            return str(path)
    click.echo(text)
    return "standard output"


def _rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row per routine and format (and device, where there are several): worst spent, fates, causes."""
    devices = {one["device"] for one in report["measurements"]}
    grouped: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for one in report["measurements"]:
        where = one["format"] if len(devices) == 1 else f"{one['format']} {one['device']}"
        grouped.setdefault((one["formula"], one["routine"], where), []).append(one)
    rows: list[tuple[str, ...]] = []
    for key, measured in grouped.items():
        total: Counter[str] = Counter()
        for one in measured:
            total.update(one["fates"])
        fates = ", ".join(f"{count} {fate}" for fate, count in total.items() if count)
        raised = dict.fromkeys(
            str(one["message"]).partition(":")[0] for one in measured if one.get("message")
        )
        causes = {
            **raised,
            **dict.fromkeys(finding["cause"] for one in measured for finding in one["findings"]),
        }
        rows.append((*key, _spent(measured, "value"), _spent(measured, "grad"), fates, ", ".join(causes)))
    return rows


def _spent(measured: Iterable[Mapping[str, Any]], of: str) -> str:
    worst = next((one["spent"] for one in measured if one["of"] == of), "-")
    return worst if isinstance(worst, str) else f"{worst:.3g}"
