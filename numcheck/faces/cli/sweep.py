"""`numcheck sweep`: routines at every input of a format."""

from pathlib import Path

import click

from numcheck.declaration.words import ExitCode, UsageError, visible
from numcheck.faces.cli.options import EXIT_CODES, devices_option, json_option, timeout_option
from numcheck.faces.cli.terminal import progress_bar
from numcheck.faces.names import format_named, names_of


@click.command(epilog=EXIT_CODES)
@click.argument("formula")
@click.argument("routines", metavar="[ROUTINE]...", nargs=-1)
@click.option("--format", "format_name", metavar="F", required=True, help="The format to sweep.")
@devices_option("torch devices, with commas between: a sweep on each.")
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
@click.option("--witness", is_flag=True, help="Write the worst inputs beside the formula's page.")
@timeout_option
@json_option
def sweep(
    formula: str,
    routines: tuple[str, ...],
    format_name: str,
    devices: str,
    value_only: bool,
    grid: int | None,
    out: str | None,
    processes: int | None,
    restart: bool,
    witness: bool,
    timeout: float | None,
    json_file: str | None,
) -> ExitCode:
    """Judge ROUTINES of a FORMULA, by default all, at every input of a format; either is a name or FILE.py:NAME.

    \b
    numcheck sweep softplus --format float16
    numcheck sweep huber torch_builtin --format float32 --grid 256

    A sweep that was stopped goes on where it stood when the same command is given again.
    """
    form = format_named(format_name, "--format")
    places = names_of(devices, "--devices")
    if len(places) > 1 and (out is not None or json_file is not None):
        raise UsageError("--out and --json take one sweep: write one device")
    from numcheck.declaration.patience import patience
    from numcheck.report import sweep_page, write_text
    from numcheck.runs import Interrupted, folder_of, jobs, plan_of, sweep_verdict, swept

    codes: list[ExitCode] = []
    for plan in [plan_of(formula, routines, form.name, device, grid, value_only) for device in places]:
        folder = folder_of(plan) if out is None else Path(out)
        if plan.note is not None:
            click.echo(f"numcheck: {plan.note}", err=True)
        try:
            with patience(timeout), progress_bar() as progress:
                result = swept(plan, folder, witness, processes or jobs(), restart, progress)
        except Interrupted as stopped:
            raise click.Abort(str(stopped)) from None
        code, sentence = sweep_verdict(result)
        codes.append(code)
        if json_file is not None:
            text = (folder / "result.json").read_text(encoding="utf-8")
            if json_file == "-":
                click.echo(text, nl=False)
                continue
            write_text(json_file, text)
        click.echo(visible(f"{sweep_page(result)}\n\n{sentence}\n{folder / 'result.json'}"))
    return max(codes)
