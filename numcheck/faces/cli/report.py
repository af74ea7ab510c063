"""`numcheck report`: the committed report of this environment, as `tox -e report` makes it."""

from pathlib import Path

import click

from numcheck.declaration.words import ExitCode
from numcheck.faces.cli.terminal import progress_bar


@click.command()
@click.argument("reports", type=click.Path(file_okay=False, path_type=Path))
def report(reports: Path) -> ExitCode:
    """Write this environment's report of the whole catalogue under REPORTS; exit code 1 where its figures changed."""
    from numcheck.report import compare, deterministic, folder_name, read_json, write_report
    from numcheck.runs import check_catalog, jobs

    with progress_bar() as progress:
        measured = check_catalog(progress=progress, jobs=jobs())
    if measured.get("interrupted"):
        raise click.Abort
    folder = reports / folder_name(measured["environment"])
    earlier = folder / "report.json"
    changes: list[str] = []
    if earlier.exists():
        changes = compare(read_json(earlier), measured)
    else:
        click.echo(f"no report of this environment yet: adding {folder}")
    write_report(deterministic(measured), folder)
    for line in changes:
        click.echo(line)
    return ExitCode.FAILED if changes else ExitCode.PASSED
