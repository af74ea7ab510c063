"""`numcheck table`: how wrong torch's own functions are at every input of a format."""

from collections.abc import Mapping
from typing import Any

import click

from numcheck.declaration.words import DEFAULT_FORMATS, MODES, ExitCode, UsageError
from numcheck.faces.cli.options import EXIT_CODES, json_option
from numcheck.faces.cli.terminal import progress_bar
from numcheck.faces.names import formats_of, names_of, sizes_of


@click.command(epilog=EXIT_CODES)
@click.argument("functions", metavar="[FUNCTION]...", nargs=-1)
@click.option(
    "--formats",
    metavar="NAMES",
    default=",".join((*DEFAULT_FORMATS, "float64")),
    help="Formats, with commas between; float64 is searched.",
)
@click.option(
    "--out",
    metavar="DIR",
    default="reports/torch-accuracy",
    help="The folder of tables: this environment's is written or completed there.",
)
@click.option(
    "--sizes",
    metavar="NUMBERS",
    default="64,1024,16384",
    help="Entries of each vector of a function of vectors, with commas between.",
)
@click.option(
    "--modes",
    metavar="NAMES",
    default=",".join(MODES),
    help="How functions run, with commas between; compiled where there is a compiler.",
)
@json_option
@click.option("--missing", is_flag=True, help="Measure only rows that the table lacks.")
@click.option(
    "--compare",
    nargs=2,
    metavar="A.json B.json",
    type=click.Path(),
    help="Measure nothing: say in which rows two tables differ, and by how much.",
)
@click.option("--device", metavar="NAME", default="cpu", help="The torch device on which functions run.")
@click.option(
    "--jobs", "processes", type=click.IntRange(min=1), metavar="N", help="Processes that share the work."
)
@click.option("--restart", is_flag=True, help="Begin rows again, whatever was finished of them before.")
def table(
    functions: tuple[str, ...],
    formats: str,
    out: str,
    sizes: str,
    modes: str,
    json_file: str | None,
    missing: bool,
    compare: tuple[str, str] | None,
    device: str,
    processes: int | None,
    restart: bool,
) -> ExitCode:
    """Measure torch's FUNCTIONs, by default all, at every input of the formats, eager and compiled.

    \b
    numcheck table sqrt exp --formats float16,bfloat16
    numcheck table --missing
    numcheck table --modes eager --formats float16,bfloat16
    numcheck table --device cuda --formats float16,bfloat16
    numcheck table sum matmul --sizes 64,1024
    numcheck table numcheck.catalog.activations.softplus:softplus --formats float16

    A function is a formula of one real number or two whose page has a routine torch_builtin; or one of vectors, of
    which some points are drawn at stated sizes, and judged by its budget, eagerly. Rows that are not asked
    for stay as they are, and a row that was stopped goes on where it stood when the same command is given again. Of
    MODULE:NAME or FILE.py:NAME, a formula of one's own, all routines are measured in the same way, and the page is
    printed. Two tables that are compared end with exit code 1 where a row differs.
    """
    if compare is not None:
        return _compared(*compare)
    names = [format.name for format in formats_of(formats, "--formats")]
    entries = sizes_of(sizes, "--sizes")
    from numcheck.report import table_page
    from numcheck.runs import Interrupted, jobs, tabulate, tabulate_own

    asked: dict[str, Any] = {"device": device, "sizes": entries, "restart": restart}
    asked["modes"] = tuple(names_of(modes, "--modes"))
    own = [word for word in functions if ":" in word]
    if own and len(own) < len(functions):
        raise UsageError(
            "torch's functions have a table of their own: ask for them, or for your own, at a time"
        )
    try:
        with progress_bar() as progress:
            if own:
                rows = tabulate_own(own, names, **asked, progress=progress)
                page = table_page(rows).rstrip("\n")
            else:
                asked |= {"missing": missing, "jobs": processes or jobs()}
                page, rows = tabulate(out, functions, names, **asked, progress=progress)
    except Interrupted as stopped:
        raise click.Abort(str(stopped)) from None
    return _told(page, rows, json_file)


def _told(page: Any, rows: Mapping[str, Any], json_file: str | None) -> ExitCode:
    """Print the page, or the JSON of what was measured, which may go into a file beside."""
    from numcheck.report import json_text, write_json

    if json_file == "-":
        click.echo(json_text(rows), nl=False)
        return ExitCode.PASSED
    if json_file is not None:
        write_json(rows, json_file)
    click.echo(str(page))
    if failed := rows.get("failed"):
        raise UsageError("; ".join(failed))
    return ExitCode.PASSED


def _compared(one: str, other: str) -> ExitCode:
    """Print what differs between two tables."""
    from numcheck.report import compare_tables, read_table

    lines = compare_tables(read_table(one), read_table(other))
    for line in lines:
        click.echo(line)
    differing = [line for line in lines[:-1] if not line.startswith("environment ")]
    return ExitCode.FAILED if differing else ExitCode.PASSED
