"""`numcheck list`: what there is to judge."""

import json

import click

from numcheck.faces.cli.terminal import console_of, print_table


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects instead of a table.")
def list_formulas(as_json: bool) -> None:
    """List the formulas with their inputs and routines."""
    from numcheck.declaration.registry import formulas, load_catalog

    load_catalog()
    found = formulas().values()
    if as_json:
        told = [
            {
                "name": formula.name,
                "topic": formula.topic,
                "source": formula.source,
                "inputs": {name: domain.describe() for name, domain in formula.inputs.items()},
                "routines": list(formula.routines),
            }
            for formula in found
        ]
        click.echo(json.dumps(told, indent=2))
        return
    rows = [(one.topic, one.name, ", ".join(one.inputs), ", ".join(one.routines)) for one in found]
    print_table(console_of(stderr=False), ("topic", "formula", "inputs", "routines"), rows)
