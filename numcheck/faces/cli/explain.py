"""`numcheck explain`: everything about one point, or the page of a cause."""

import click

from numcheck.declaration.words import Cause, ExitCode, UsageError, meant
from numcheck.faces.cli.options import EXIT_CODES, devices_option, point_of, timeout_option
from numcheck.faces.names import format_named, names_of


@click.command(epilog=EXIT_CODES)
@click.argument("formula", metavar="FORMULA|CAUSE")
@click.argument("routine", required=False)
@click.argument("more", metavar="[NAME=VALUE]...", nargs=-1)
@click.option(
    "--at", metavar="NAME=VALUE", multiple=True, help="An input's value, in decimal or hex; one per input."
)
@click.option("--format", "format_name", metavar="F", default="float32")
@devices_option("torch devices, with commas between: an explanation for each.")
@click.option(
    "--of", type=click.Choice(["value", "grad"]), default="value", help="Judge the value or the gradient."
)
@click.option(
    "--component",
    type=click.IntRange(min=0),
    default=0,
    help="Of a formula with several outputs, the one whose gradient is shown.",
)
@timeout_option
def explain(
    formula: str,
    routine: str | None,
    more: tuple[str, ...],
    at: tuple[str, ...],
    format_name: str,
    devices: str,
    of: str,
    component: int,
    timeout: float | None,
) -> ExitCode:
    """Explain one point of a ROUTINE of a FORMULA; either is a name, or MODULE:NAME, or FILE.py:NAME.

    \b
    numcheck explain softplus naive_form --at x=-40 --format float32

    Or print the page of a CAUSE, by the name that findings give it: why digits are lost, and what to write instead.

    \b
    numcheck explain cancellation
    """
    if routine is None:
        click.echo(_page_of(formula))
        return ExitCode.PASSED
    point = point_of((*at, *more))
    from numcheck import explain as explanation_of

    form = format_named(format_name, "--format").name
    told = [
        explanation_of(
            routine, formula, point, format=form, device=device, of=of, component=component, timeout=timeout
        )
        for device in names_of(devices, "--devices")
    ]
    click.echo("\n\n".join(str(one) for one in told))
    code = max(one.code for one in told)
    if code == ExitCode.WRONG_USAGE:
        raise UsageError(f"nothing was judged, for {formula} has no value there: write another point")
    return code


def _page_of(word: str) -> str:
    """The page of the cause of that name; UsageError, with what to write, for any other word that stands alone."""
    from numcheck.declaration.registry import formulas, load_catalog
    from numcheck.diagnosis import FACTS

    if word in set(Cause):
        return FACTS[Cause(word)].page
    load_catalog()
    known = formulas()
    if word in known:
        point = " ".join(f"--at {name}=..." for name in known[word].inputs)
        routines = ", ".join(known[word].routines)
        raise UsageError(f"write numcheck explain {word} ROUTINE {point}, with one of {routines}")
    if ":" in word:
        raise UsageError(f"write numcheck explain {word} ROUTINE --at name=value")
    instead = meant(word, [*FACTS, *known]) or f"write one of {', '.join(FACTS)}"
    raise UsageError(f"no cause or formula {word!r}: {instead}")
