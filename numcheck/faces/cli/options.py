"""What several commands ask, and ask in the same way."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from numcheck.declaration.words import DEFAULT_FORMATS, UsageError

EXIT_CODES = """\b
Exit codes:
  0  passed
  1  over budget, as --fail-on asks
  2  wrong usage, or a report that cannot be written
  3  truth in doubt: unresolved points, or two proofs of one number that differ
"""


formats_option = click.option(
    "--formats", metavar="NAMES", default=",".join(DEFAULT_FORMATS), help="Formats, with commas between."
)


json_option = click.option(
    "--json",
    "json_file",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Write what was found as JSON into a file; without one, or to -, on standard output.",
)


timeout_option = click.option(
    "--timeout",
    type=float,
    metavar="SECONDS",
    help="Give up a call of a routine that takes longer: its points crash. It runs in processes of its own then.",
)


switch_option = click.option(
    "--switch",
    "switches",
    metavar="NAME=VALUE",
    multiple=True,
    help="Set a switch under torch.backends for this run, such as cuda.matmul.allow_tf32=true; reports tell it.",
)


def devices_option(told: str) -> Callable[[Any], Any]:
    """The option that says where routines run."""
    return click.option("--devices", "--device", metavar="NAMES", default="cpu", help=told)


def point_of(given: Iterable[str]) -> dict[str, str]:
    """The point that is written as NAME=VALUE for every input."""
    point: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise UsageError(f"write --at name=value, not {word!r}")
        if name in point:
            raise UsageError(f"{name} is given twice: one --at {name}=value")
        point[name] = value
    return point
