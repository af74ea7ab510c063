"""`numcheck list`: what there is to judge."""

import json

import click

from numcheck.faces.cli.options import json_option
from numcheck.faces.cli.terminal import console_of, print_table


@click.command("list")
@json_option
def list_formulas(json_file: str | None) -> None:
    """List the formulas with their inputs and routines."""
    from numcheck.declaration.registry import formulas, load_catalog

    load_catalog()
    found = formulas().values()
    if json_file is not None:
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
        text = json.dumps(told, indent=2) + "\n"
        if json_file == "-":
            click.echo(text, nl=False)
        else:
            from numcheck.report import write_text

            write_text(json_file, text)
        return
    rows = [(one.topic, one.name, ", ".join(one.inputs), ", ".join(one.routines)) for one in found]
    print_table(console_of(stderr=False), ("topic", "formula", "inputs", "routines"), rows)
