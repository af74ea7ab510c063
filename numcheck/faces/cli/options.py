"""What several commands ask, and ask in the same way."""

from collections.abc import Callable
from typing import Any

import click

from numcheck.declaration.words import UsageError

EXIT_CODES = """\b
Exit codes:
  0  passed
  1  over budget, as --fail-on asks
  2  wrong usage, or a report that cannot be written
  3  truth in doubt: unresolved points, or two proofs of one number that differ
"""


def devices_option(told: str) -> Callable[[Any], Any]:
    """The option that says where routines run."""
    return click.option("--devices", "--device", metavar="NAMES", default="cpu", help=told)


def names_of(text: str, option: str) -> list[str]:
    """The names between the commas, each once."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError(f"{option} names at least one")
    return names


def formats_of(text: str) -> list[str]:
    """The names of the formats between the commas, each as numcheck spells it."""
    from numcheck.formats import format_of

    try:
        return [format_of(name).name for name in names_of(text, "--formats")]
    except ValueError as error:
        raise UsageError(str(error)) from error
