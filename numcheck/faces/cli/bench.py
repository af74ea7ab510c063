"""`numcheck bench`: how fast routines are, beside how wrong."""

from typing import TYPE_CHECKING, Any

import click

from numcheck.declaration.words import DEFAULT_POINTS, DEFAULT_SEED, ExitCode, UsageError, visible
from numcheck.faces.cli.options import EXIT_CODES, devices_option, json_option
from numcheck.faces.cli.terminal import console_of, print_table, progress_bar
from numcheck.faces.names import formats_of, names_of, sizes_of

if TYPE_CHECKING:
    from numcheck.declaration.formulas import Routine


@click.command(epilog=EXIT_CODES)
@click.argument("formulas", metavar="[FORMULA]...", nargs=-1)
@click.option(
    "--routine",
    "targets",
    metavar="MODULE:NAME",
    multiple=True,
    help="Time this function, or that of a path/to/file.py:NAME, beside the routines of --formula.",
)
@click.option("--formula", "claimed", metavar="F", help="The formula that --routine claims to compute.")
@click.option(
    "--sizes", metavar="SIZES", default="1e4,1e6", help="Numbers of the largest input, with commas between."
)
@click.option("--formats", metavar="NAMES", default="float32", help="Formats, with commas between.")
@devices_option("torch devices, with commas between.")
@click.option(
    "--modes",
    metavar="NAMES",
    help="eager, compiled or both, with commas between; both where there is a compiler.",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads of torch on the processor.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=0.1,
    help="Time each routine for so long at least, three times over.",
)
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=DEFAULT_POINTS,
    help="Points at which errors are measured, as a check draws them.",
)
@click.option("--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, help="Seed of these points.")
@json_option
@click.option("--report", "folder", metavar="DIR", help="Write bench.json, bench.md and bench.html there.")
def bench(
    formulas: tuple[str, ...],
    targets: tuple[str, ...],
    claimed: str | None,
    sizes: str,
    formats: str,
    devices: str,
    modes: str | None,
    threads: int,
    seconds: float,
    points: int,
    seed: int,
    json_file: str | None,
    folder: str | None,
) -> ExitCode:
    """Time all routines of the FORMULAs (names, FILE.py:NAME or FILE.py), beside how wrong a check finds them.

    \b
    numcheck bench softplus --sizes 1e4,1e6 --modes eager
    numcheck bench my_formulas.py --formats float32,bfloat16 --report out

    Forward and backward, eager and compiled; who is on the front of speed and accuracy is told for each size. What
    cannot be measured gets a line, and everything else goes on.
    """
    if targets and not claimed:
        raise UsageError(f"say what it claims to compute: --routine {targets[0]} --formula F")
    if claimed and not targets:
        raise UsageError(f"--formula goes with --routine; for its own routines: numcheck bench {claimed}")
    numbers = tuple(sizes_of(sizes, "--sizes"))
    from numcheck.foreign import formulas_at
    from numcheck.runs import Workload, benched

    asked = Workload(
        numbers,
        tuple(format.name for format in formats_of(formats, "--formats")),
        tuple(names_of(devices, "--devices")),
        None if modes is None else tuple(names_of(modes, "--modes")),
        points,
        seed,
        threads,
        seconds,
    )
    kernels = _kernels(targets, claimed)
    pages = [found for word in formulas for found in formulas_at(word)]
    shown = console_of(stderr=json_file == "-")
    shown.print(f"seed {seed}")
    for kernel in kernels:
        shown.print(visible(f"{kernel.name}: {kernel.doc}"))
    with progress_bar() as progress:
        report = benched(pages, kernels, asked, progress)
    _deliver(report, json_file, folder)
    if report.get("interrupted"):
        raise click.Abort
    if report["lost"]:
        raise UsageError(f"nothing was measured of {', '.join(report['lost'])}")
    return ExitCode.PASSED


def _kernels(targets: tuple[str, ...], claimed: str | None) -> "list[Routine]":
    """The functions as routines of the formula, with the budgets that a check gives them."""
    if claimed is None:
        return []
    from numcheck.foreign import adapt, formula_at, load

    formula = formula_at(claimed)
    return [adapt(load(target), formula, target) for target in dict.fromkeys(targets)]


def _deliver(report: dict[str, Any], json_file: str | None, folder: str | None) -> None:
    """Write what was measured, whatever was not, and print it."""
    from numcheck.report import (
        bench_table,
        json_text,
        noise_sentence,
        sentences,
        write_bench,
        write_json,
    )

    shown = console_of(stderr=json_file == "-")
    if json_file == "-":
        click.echo(json_text(report), nl=False)
    elif json_file is not None:
        write_json(report, json_file)
    print_table(shown, *bench_table(report))
    for line in ("", *sentences(report), "", f"{noise_sentence(report)}."):
        shown.print(visible(line))
    for line in (*report["notes"], *report["failed"]):
        click.echo(visible(f"numcheck: {line}"), err=True)
    if folder is not None:
        shown.print(str(write_bench(report, folder)[-1]))
