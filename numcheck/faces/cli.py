"""The command line: `numcheck list`, `numcheck check`, `numcheck sweep`, `numcheck explain`.

A thin layer: it turns words into calls and results into lines. Nothing heavy is imported before a command runs, so
`numcheck --help` answers at once. Results go to standard output; progress and errors go to standard error.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from numcheck import __version__
from numcheck.declaration.words import DEFAULT_FORMATS, DEFAULT_POINTS, DEFAULT_SEED

if TYPE_CHECKING:
    from rich.console import Console

WRONG_USAGE = 2
IN_DOUBT = 3
INTERRUPTED = 130  # what shells expect after Ctrl-C: 128 and the number of SIGINT

EXIT_CODES = """\b
Exit codes:
  0  passed
  1  over budget, as --fail-on asks
  2  wrong usage, or a report that cannot be written
  3  truth in doubt: unresolved points, or two proofs of one number that differ
"""

WORST = Path("reports") / "worst"
"""Where sweeps leave the worst inputs, and where checks look for them."""

MOST_JOBS = 4
"""Processes that measure at once: each holds a torch of its own, some 300 MB."""

LINE_EACH = 60.0
"""Seconds between two lines of progress where no terminal shows a bar."""

PLAIN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe, where no terminal says how wide it is."""


def main() -> NoReturn:
    """Run the command line and leave with its exit code: the entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code of `numcheck ARGUMENTS`; whatever the user got wrong is told in one line on standard error."""
    import_module("numcheck.faces.table")  # a command in a file of its own
    try:
        code = numcheck.main(list(arguments), prog_name="numcheck", standalone_mode=False)
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        click.echo(f"numcheck: {message}", err=True)
        return error.exit_code if isinstance(error, _InDoubtError) else WRONG_USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("numcheck: interrupted", err=True)
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _devices(told: str) -> Callable[[Any], Any]:
    """The option that says where routines run."""
    return click.option("--devices", "--device", metavar="NAMES", default="cpu", show_default=True, help=told)


@click.group(
    invoke_without_command=True, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__)
@click.pass_context
def numcheck(context: click.Context) -> None:
    """Tell how many digits of a formula's routines are right, prove it, and say why the others are lost."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@numcheck.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects instead of a table.")
def list_formulas(as_json: bool) -> None:
    """List the formulas with their inputs and routines."""
    with _told_in_one_line():
        from numcheck.declaration.registry import formulas, load_catalog

        load_catalog()
        found = formulas()
    if as_json:
        rows = [
            {
                "name": formula.name,
                "topic": formula.topic,
                "source": formula.source,
                "inputs": {name: domain.describe() for name, domain in formula.inputs.items()},
                "routines": list(formula.routines),
            }
            for formula in found.values()
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    _print_table(
        _console(stderr=False),
        ("topic", "formula", "inputs", "routines"),
        [
            (formula.topic, formula.name, ", ".join(formula.inputs), ", ".join(formula.routines))
            for formula in found.values()
        ],
    )


@numcheck.command(epilog=EXIT_CODES)
@click.argument("formulas", metavar="[FORMULA]...", nargs=-1)
@click.option(
    "--routine",
    "target",
    metavar="MODULE:NAME",
    help="Judge this function, or that of a path/to/file.py:NAME.",
)
@click.option("--formula", "claimed", metavar="F", help="The formula that --routine claims to compute.")
@click.option(
    "--formats",
    metavar="NAMES",
    default=",".join(DEFAULT_FORMATS),
    show_default=True,
    help="Formats, with commas between.",
)
@_devices("torch devices, with commas between; where two disagree beyond both budgets is a finding.")
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=DEFAULT_POINTS,
    show_default=True,
    help="Points per routine and format, at least.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=DEFAULT_SEED,
    show_default=True,
    help="Reproduces a run bit for bit.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write the results as JSON; - is standard output.")
@click.option("--report", "folder", metavar="DIR", help="Write report.json, report.md and report.html there.")
@click.option(
    "--fail-on",
    type=click.Choice(["over", "gap", "none"]),
    default="over",
    show_default=True,
    help="What makes the run fail: points over budget, declared gaps too, or nothing.",
)
@click.option(
    "--worst",
    metavar="DIR",
    default=str(WORST),
    show_default=True,
    help="Judge the worst inputs first that sweeps left there, if any.",
)
@click.pass_context
def check(
    context: click.Context,
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
    worst: str,
) -> None:
    """Judge every routine of the FORMULAs (names, or FILE.py:NAME), by default of all, against proved truth."""
    if target and (formulas or not claimed):
        raise click.UsageError(f"say what it claims to compute: --routine {target} --formula F")
    if claimed and not target:
        raise click.UsageError(
            f"--formula goes with --routine; for its own routines: numcheck check {claimed}"
        )
    _expect_writable(json_file, folder)
    if not formulas and not target and jobs() > 1:  # the whole catalogue is sure to need them
        from numcheck.runs import workers

        # which the first trace imports in every worker
        workers.prepare("numcheck.runs.check", "torch._dynamo")
    with _told_in_one_line():
        from numcheck.declaration.registry import load_catalog
        from numcheck.foreign import adapt, formula_at, load
        from numcheck.runs.check import check_catalog
        from numcheck.runs.verdict import verdict

        names = _formats(formats)
        load_catalog()
        routine = None
        if target and claimed:
            routine = adapt(load(target), formula_at(claimed), target)
        pages = _console(stderr=json_file == "-")
        pages.print(f"seed {seed}")
        if routine is not None:
            pages.print(f"{target}: {routine.doc}")
        with progress_bar() as progress:
            report = check_catalog(
                [formula_at(word) for word in formulas],
                formats=names,
                devices=_words(devices, "--devices"),
                points=points,
                seed=seed,
                routine=routine,
                progress=progress,
                jobs=jobs(),
                worst=Path(worst),
            )
    code, sentence = verdict(report, fail_on)
    for line in report.get("worst", {}).get("ignored", ()):
        pages.print(line)
    _deliver(report, pages, sentence, json_file, folder)
    if report.get("interrupted"):
        click.echo("numcheck: interrupted", err=True)
        context.exit(INTERRUPTED)
    if code == WRONG_USAGE:
        raise click.ClickException(sentence)
    context.exit(code)


@numcheck.command(epilog=EXIT_CODES)
@click.argument("formula")
@click.argument("routines", metavar="[ROUTINE]...", nargs=-1)
@click.option("--format", "format_name", metavar="F", required=True, help="The format to sweep.")
@_devices("torch devices, with commas between: a sweep on each.")
@click.option("--value-only", is_flag=True, help="Judge the value, and leave the gradient alone.")
@click.option(
    "--grid",
    type=click.IntRange(min=2),
    metavar="N",
    help="Take N evenly spaced values of each real input, its bounds and its corners, instead of all.",
)
@click.option(
    "--out",
    metavar="DIR",
    help="Keep the finished chunks and the result there, by default in a folder under .numcheck/sweeps.",
)
@click.option(
    "--jobs", "processes", type=click.IntRange(min=1), metavar="N", help="Processes that share the work."
)
@click.option("--restart", is_flag=True, help="Begin again, whatever was finished before.")
@click.option(
    "--worst", metavar="DIR", default=str(WORST), show_default=True, help="Leave the worst inputs there."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def sweep(
    context: click.Context,
    formula: str,
    routines: tuple[str, ...],
    format_name: str,
    devices: str,
    value_only: bool,
    grid: int | None,
    out: str | None,
    processes: int | None,
    restart: bool,
    worst: str,
    as_json: bool,
) -> None:
    """Judge ROUTINES of a FORMULA, by default all, at every input of a format; either is a name or FILE.py:NAME.

    \b
    numcheck sweep softplus --format float16
    numcheck sweep huber torch_builtin --format float32 --grid 256

    A sweep that was stopped goes on where it stood when the same command is given again.
    """
    (name,) = _formats(format_name)
    places = _words(devices, "--devices")
    if len(places) > 1 and (out is not None or as_json):
        raise click.UsageError("--out and --json take one sweep: write one device")
    codes: list[int] = []
    with _told_in_one_line():
        from numcheck.report import sweep_page
        from numcheck.runs.sweep import run as sweeps
        from numcheck.runs.sweep.plan import plan_of

        asked: dict[str, Any] = {"format": name, "value_only": value_only, "grid": grid}
        plans = [plan_of(formula, routines, device=device, **asked) for device in places]
        for plan in plans:
            folder = sweeps.folder_of(plan) if out is None else Path(out)
            if plan.note is not None:
                click.echo(f"numcheck: {plan.note}", err=True)
            try:
                with progress_bar(plainly=True) as progress:
                    result = sweeps.sweep(
                        formula,
                        routines,
                        device=plan.device,
                        **asked,
                        out=folder,
                        worst=worst,
                        jobs=processes or jobs(),
                        restart=restart,
                        progress=progress,
                    )
            except sweeps.Interrupted as stopped:
                click.echo(f"numcheck: interrupted: {stopped}", err=True)
                context.exit(INTERRUPTED)
            code, sentence = sweeps.verdict(result)
            codes.append(code)
            if as_json:
                click.echo((folder / "result.json").read_text(encoding="utf-8"), nl=False)
            else:
                click.echo(sweep_page(result))
                click.echo(f"\n{sentence}\n{folder / 'result.json'}\n{sweeps.worst_file(worst, result)}")
    context.exit(max(codes))


@numcheck.command(epilog=EXIT_CODES)
@click.argument("formula", metavar="FORMULA|CAUSE")
@click.argument("routine", required=False)
@click.argument("more", metavar="[NAME=VALUE]...", nargs=-1)
@click.option(
    "--at",
    "at",
    metavar="NAME=VALUE",
    multiple=True,
    help="An input's value, in decimal or hex; one per input.",
)
@click.option("--format", "format_name", metavar="F", default="float32", show_default=True)
@_devices("torch devices, with commas between: an explanation for each.")
@click.option(
    "--of",
    type=click.Choice(["value", "grad"]),
    default="value",
    show_default=True,
    help="Judge the value or the gradient.",
)
@click.option(
    "--component",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of a formula with several outputs, the one whose gradient is shown.",
)
def explain(
    formula: str,
    routine: str | None,
    more: tuple[str, ...],
    at: tuple[str, ...],
    format_name: str,
    devices: str,
    of: str,
    component: int,
) -> None:
    """Explain one point of a ROUTINE of a FORMULA; either is a name, or MODULE:NAME, or FILE.py:NAME.

    \b
    numcheck explain softplus naive --at x=-40 --format float32

    Or print the page of a CAUSE, by the name that findings give it: why digits are lost, and what to write instead.

    \b
    numcheck explain cancellation
    """
    if routine is None:
        with _told_in_one_line():
            click.echo(_page_of(formula))
        return
    point = _point((*at, *more))
    with _told_in_one_line():
        from numcheck.declaration.registry import load_catalog
        from numcheck.foreign import adapt, formula_at, load
        from numcheck.runs import explain as explanation

        (name,) = _formats(format_name)
        load_catalog()
        stated = formula_at(formula)
        judged = adapt(load(routine), stated, routine) if ":" in routine else routine
        told = [
            explanation.explain(judged, stated, point, format=name, device=device, of=of, component=component)
            for device in _words(devices, "--devices")
        ]
    click.echo("\n\n".join(str(one) for one in told))


def _page_of(word: str) -> str:
    """The page of the cause of that name; UsageError, with what to write, for any other word that stands alone."""
    import difflib

    from numcheck import case
    from numcheck.diagnosis.causes import FACTS

    if word in set(case.Cause):
        return FACTS[case.Cause(word)].page
    case.load_catalog()
    known = case.formulas()
    if word in known:
        point = " ".join(f"--at {name}=..." for name in known[word].inputs)
        routines = ", ".join(known[word].routines)
        raise case.UsageError(f"write numcheck explain {word} ROUTINE {point}, with one of {routines}")
    if ":" in word:
        raise case.UsageError(f"write numcheck explain {word} ROUTINE --at name=value")
    near = difflib.get_close_matches(word, [*FACTS, *known])
    meant = f"did you mean {' or '.join(near)}?" if near else f"write one of {', '.join(FACTS)}"
    raise case.UsageError(f"no cause or formula {word!r}: {meant}")


class _InDoubtError(click.ClickException):
    """Two arithmetics proved different things of one number."""

    exit_code = IN_DOUBT


@contextmanager
def _told_in_one_line() -> Generator[None]:
    """Turn what the library says of the user's mistakes into one line and exit code 2, a truth in doubt into 3."""
    from numcheck.declaration.words import UsageError
    from numcheck.reals.enclosures import ContradictionError
    from numcheck.report import ReportError

    try:
        yield
    except (UsageError, ReportError) as error:
        raise click.ClickException(str(error)) from error
    except ContradictionError as error:
        raise _InDoubtError(f"truth in doubt: {error}") from error


def _words(text: str, option: str) -> list[str]:
    words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise click.UsageError(f"{option} names at least one")
    return words


def _formats(text: str) -> list[str]:
    from numcheck.formats import format_of

    try:
        return [format_of(word).name for word in _words(text, "--formats")]
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _point(given: Iterable[str]) -> dict[str, str]:
    point: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise click.UsageError(f"write --at name=value, not {word!r}")
        if name in point:
            raise click.UsageError(f"{name} is given twice: one --at {name}=value")
        point[name] = value
    if not point:
        raise click.UsageError("say at which point: --at name=value for every input")
    return point


def jobs() -> int:
    """Processes to measure with on this machine."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, MOST_JOBS)


def _console(stderr: bool) -> "Console":
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


@contextmanager
def progress_bar(plainly: bool = False) -> Generator[Callable[[str, int, int], None] | None]:
    """A bar with the time left on standard error; nothing, or a line now and then, where that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines_of_progress() if plainly else None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        begun = False

        def show(what: str, done: int, total: int) -> None:
            nonlocal begun
            if begun:
                bar.update(task, description=what, completed=done, total=total)
            else:  # what an earlier run did tells nothing of the time left
                bar.reset(task, description=what, completed=done, total=total)
            begun = True

        yield show


def _lines_of_progress() -> Callable[[str, int, int], None]:
    """Shows how far a long run is, with the time left, in one line a minute."""
    begun = told = time.monotonic()
    first: int | None = None

    def show(what: str, done: int, total: int) -> None:
        nonlocal told, first
        first = done if first is None else first
        now = time.monotonic()
        if now - told < LINE_EACH or done == first:
            return
        told = now
        left = timedelta(seconds=round((now - begun) / (done - first) * (total - done)))
        click.echo(f"{what}: {done} of {total}, {left} left", err=True)

    return show


def _expect_writable(json_file: str | None, folder: str | None) -> None:
    """Find out before hours of work, not after them, that the results have nowhere to go."""
    if json_file == "":
        raise click.UsageError("write --json FILE, or --json - for standard output")
    if json_file not in (None, "-"):
        if Path(json_file).is_dir():
            raise click.UsageError(f"--json names a file, but {json_file} is a folder")
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
        raise click.UsageError(f"cannot write into {folder}: {error.strerror or error}") from error


def _deliver(
    report: Mapping[str, Any], pages: "Console", sentence: str, json_file: str | None, folder: str | None
) -> None:
    """Write and print the results: JSON first, since everything else can be made from it."""
    from numcheck import report as rooms

    lost: list[str] = []
    saved = False
    if json_file == "-":
        click.echo(rooms.json_text(report))
        saved = True
    elif json_file is not None:
        try:
            rooms.write_json(report, Path(json_file))
            saved = True
        except (OSError, rooms.ReportError) as error:
            lost.append(f"cannot write {json_file}: {error}")
    _print_table(
        pages, ("formula", "routine", "format", "value", "gradient", "fates", "causes"), _rows(report)
    )
    pages.print(sentence)
    if folder is not None:
        try:
            written = rooms.write_report(report, Path(folder))
            saved = True
            pages.print(next((str(path) for path in written if path.suffix == ".html"), folder))
        except (OSError, rooms.ReportError) as error:
            lost.append(f"cannot write the report into {folder}: {error}")
    if lost:
        kept = "" if saved else f"; the results are in {_rescued(report)}"
        raise click.ClickException("; ".join(lost) + kept)


def _rescued(report: Mapping[str, Any]) -> str:
    """Where the results of a run went whose report could not be written."""
    from numcheck.report import json_text

    text = json_text(report)
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        path = folder / "numcheck-results.json"
        try:
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        return str(path)
    click.echo(text)
    return "standard output"


def _rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row per routine and format (and device, where there are several): worst spent, fates, causes."""
    devices = {measurement["device"] for measurement in report["measurements"]}
    grouped: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for measurement in report["measurements"]:
        where = (
            measurement["format"] if len(devices) == 1 else f"{measurement['format']} {measurement['device']}"
        )
        grouped.setdefault((measurement["formula"], measurement["routine"], where), []).append(measurement)
    return [
        (*key, _spent(measured, "value"), _spent(measured, "grad"), _fates(measured), _causes(measured))
        for key, measured in grouped.items()
    ]


def _spent(measured: Iterable[Mapping[str, Any]], of: str) -> str:
    worst = next((measurement["spent"] for measurement in measured if measurement["of"] == of), None)
    if worst is None:
        return "-"
    return worst if isinstance(worst, str) else f"{worst:.3g}"


def _fates(measured: Iterable[Mapping[str, Any]]) -> str:
    total: dict[str, int] = {}
    for measurement in measured:
        for fate, count in measurement["fates"].items():
            total[fate] = total.get(fate, 0) + count
    return ", ".join(f"{count} {fate}" for fate, count in total.items() if count)


def _causes(measured: Iterable[Mapping[str, Any]]) -> str:
    found = (finding["cause"] for measurement in measured for finding in measurement["findings"])
    return ", ".join(dict.fromkeys(found))


def _print_table(console: "Console", titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(
            title, justify="right" if title in ("value", "gradient") else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    console.print(table)
