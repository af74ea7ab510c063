"""`numcheck known`: a formula's value at a point, as a declaration states it."""

import click

from numcheck.faces.cli.options import EXIT_CODES, point_of


@click.command(epilog=EXIT_CODES)
@click.argument("formula", metavar="FORMULA")
@click.option(
    "--at", metavar="NAME=VALUE", multiple=True, help="An input's value, in decimal or hex; one per input."
)
@click.option(
    "--digits", type=click.IntRange(1, 2000), default=30, help="Decimal digits, all of them proved."
)
def known(formula: str, at: tuple[str, ...], digits: int) -> None:
    """Print a known value of a FORMULA (a name, MODULE:NAME or FILE.py:NAME), to write into its declaration.

    It is what the formula's own text gives: a value found elsewhere, in a table or by other means, tells more.

    \b
    numcheck known softplus --at x=1
    """
    from numcheck.foreign import formula_at
    from numcheck.formats import format_of
    from numcheck.runs import arguments_of
    from numcheck.truth import known_texts

    found = formula_at(formula)
    arguments = arguments_of(found, point_of(at), format_of("float64"))
    click.echo(f"known=[({arguments!r}, {','.join(known_texts(found, arguments, digits))!r})],")
