"""`numcheck check`: every routine against proved truth."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numcheck.declaration.words import DEFAULT_POINTS, DEFAULT_SEED, ExitCode, UsageError
from numcheck.faces.cli.options import EXIT_CODES, devices_option, formats_option
from numcheck.faces.cli.terminal import console_of, print_table, progress_bar
from numcheck.faces.names import formats_of, names_of

if TYPE_CHECKING:
    from rich.console import Console


@click.command(epilog=EXIT_CODES)
@click.argument("formulas", metavar="[FORMULA]...", nargs=-1)
@click.option(
    "--routine",
    "target",
    metavar="MODULE:NAME",
    help="Judge this function, or that of a path/to/file.py:NAME.",
)
@click.option("--formula", "claimed", metavar="F", help="The formula that --routine claims to compute.")
@formats_option
@devices_option("torch devices, with commas between; where two disagree beyond both budgets is a finding.")
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=DEFAULT_POINTS,
    help="Points per routine and format, at least.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, help="Reproduces a run bit for bit."
)
@click.option("--json", "json_file", metavar="FILE", help="Write the results as JSON; - is standard output.")
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
    formats: str,
    devices: str,
    points: int,
    seed: int,
    json_file: str | None,
    folder: str | None,
    fail_on: str,
    witness: bool,
) -> ExitCode:
    """Judge every routine of the FORMULAs (names, FILE.py:NAME or FILE.py), by default of all, against proved truth."""
    if target and (formulas or not claimed):
        raise UsageError(f"say what it claims to compute: --routine {target} --formula F")
    if claimed and not target:
        raise UsageError(f"--formula goes with --routine; for its own routines: numcheck check {claimed}")
    if witness and not formulas:
        raise UsageError("say whose witnesses are to be written: numcheck check FORMULA... --witness")
    _expect_writable(json_file, folder)
    from numcheck.runs import jobs, prepare

    if not formulas and not target and jobs() > 1:  # the whole catalogue is sure to need them
        prepare("numcheck.runs.check")
    from numcheck.declaration.registry import load_catalog
    from numcheck.foreign import adapt, formula_at, formulas_at, load
    from numcheck.runs import check_catalog, verdict_of

    asked = formats_of(formats, "--formats")
    load_catalog()
    routine = adapt(load(target), formula_at(claimed), target) if target and claimed else None
    pages = console_of(stderr=json_file == "-")
    pages.print(f"seed {seed}")
    if routine is not None:
        pages.print(f"{target}: {routine.doc}")
    with progress_bar() as progress:
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
        )
    code, sentence = verdict_of(report, fail_on)
    for line in report.get("remarks", ()):
        pages.print(line)
    _deliver(report, pages, sentence, json_file, folder)
    if report.get("interrupted"):
        raise click.Abort
    if code == ExitCode.WRONG_USAGE:
        raise UsageError(sentence)
    return code


def _expect_writable(json_file: str | None, folder: str | None) -> None:
    """Find out before hours of work, not after them, that the results have nowhere to go."""
    if json_file == "":
        raise UsageError("write --json FILE, or --json - for standard output")
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
    pages.print(sentence)
    if folder is not None:
        try:
            pages.print(str(write_report(report, folder)[-1]))
        except (OSError, ReportError) as error:
            lost.append(f"cannot write the report into {folder}: {error}")
    if lost:
        asked = [json_file is not None, folder is not None].count(True)
        kept = "" if len(lost) < asked else f"; the results are in {_rescued(json_text(report))}"
        raise UsageError("; ".join(lost) + kept)


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
        causes = dict.fromkeys(finding["cause"] for one in measured for finding in one["findings"])
        rows.append((*key, _spent(measured, "value"), _spent(measured, "grad"), fates, ", ".join(causes)))
    return rows


def _spent(measured: Iterable[Mapping[str, Any]], of: str) -> str:
    worst = next((one["spent"] for one in measured if one["of"] == of), "-")
    return worst if isinstance(worst, str) else f"{worst:.3g}"
