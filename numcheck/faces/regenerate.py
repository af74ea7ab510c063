"""The committed report of this environment: `python -m numcheck.faces.regenerate reports`, as `tox -e report` runs it.

Results differ between torch versions, devices and vector instruction sets, so each environment has a folder of its
own and is compared with nothing but itself; an environment that has none yet gets one.
"""

import sys
from pathlib import Path

import click

from numcheck.declaration.words import DEFAULT_FORMATS, DEFAULT_POINTS
from numcheck.faces.cli import jobs, progress_bar


def regenerate(reports: Path) -> list[str]:
    """Write the report of the whole catalogue into its folder under `reports`; what changed since, one line each."""
    from numcheck import report as rooms
    from numcheck.runs.check import check_catalog

    with progress_bar() as progress:
        measured = check_catalog(
            (),
            formats=DEFAULT_FORMATS,
            devices=("cpu",),
            points=DEFAULT_POINTS,
            seed=0,
            routine=None,
            progress=progress,
            jobs=jobs(),
        )
    if measured.get("interrupted"):
        raise KeyboardInterrupt
    folder = reports / rooms.folder_name(measured["environment"])
    earlier = folder / "report.json"
    changes = rooms.compare(rooms.read_json(earlier), measured) if earlier.exists() else []
    if not earlier.exists():
        click.echo(f"no report of this environment yet: adding {folder}")
    rooms.write_report(rooms.deterministic(measured), folder)
    return changes


@click.command()
@click.argument("reports", type=click.Path(file_okay=False, path_type=Path))
def main(reports: Path) -> None:
    """Regenerate this environment's report under REPORTS; exit code 1 where its figures changed."""
    changes = regenerate(reports)
    for line in changes:
        click.echo(line)
    sys.exit(1 if changes else 0)


if __name__ == "__main__":
    main()
