"""The command `numcheck`: one file a command, discovered in this folder.

A thin layer: it turns words into calls and results into lines. A command's file imports nothing heavy before the
command runs, so `numcheck --help` answers at once. Results go to standard output; progress and errors go to standard
error. A command returns its exit code, and says by UsageError what the user got wrong.
"""

import gc
import logging
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import NoReturn

import click

from numcheck import __version__
from numcheck.declaration.words import ExitCode, UsageError, visible
from numcheck.faces.cli.options import EXIT_CODES


def main() -> NoReturn:
    """Run the command line and leave with its exit code: the entry point of the console script."""
    code = run(sys.argv[1:])
    gc.freeze()  # lest the interpreter, at its end, go through all objects of torch for half a second
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """The exit code of `numcheck ARGUMENTS`; whatever the user got wrong is told in one line on standard error."""
    debugged = "--debug" in arguments
    if debugged:
        logger = logging.getLogger("numcheck")
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.DEBUG)
    try:
        code = numcheck.main(list(arguments), prog_name="numcheck", standalone_mode=False)
    except click.ClickException as error:
        return _told(error.format_message(), ExitCode.WRONG_USAGE)
    except UsageError as error:
        if debugged:
            traceback.print_exception(error)
        return _told(str(error), ExitCode.WRONG_USAGE)
    except (KeyboardInterrupt, click.Abort) as error:  # which may say what is kept
        return _told(": ".join(["interrupted", *map(str, error.args)]), ExitCode.INTERRUPTED)
    except MemoryError as error:
        return _told(f"{_NO_MEMORY} ({error})" if str(error) else _NO_MEMORY, ExitCode.WRONG_USAGE)
    except Exception as error:
        if isinstance(error, RuntimeError) and "can't allocate memory" in str(error):  # torch's MemoryError
            return _told(_NO_MEMORY, ExitCode.WRONG_USAGE)
        from numcheck.reals.enclosures import ContradictionError  # whoever can raise it has imported it

        if not isinstance(error, ContradictionError):
            raise
        return _told(f"truth in doubt: {error}", ExitCode.IN_DOUBT)
    return code if isinstance(code, int) else ExitCode.PASSED


_NO_MEMORY = "the memory does not suffice: write fewer --points, or fewer --jobs"


def _told(message: str, code: ExitCode) -> ExitCode:
    click.echo(f"numcheck: {visible(' '.join(message.split()))}", err=True)
    return code


@click.group(
    invoke_without_command=True,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(__version__)
@click.pass_context
def numcheck(context: click.Context) -> None:
    """Tell how many digits of a formula's routines are right, prove it, and say why the others are lost."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _file in iter_modules(__path__):
    for _found in vars(import_module(f"{__name__}.{_file.name}")).values():
        if isinstance(_found, click.Command):
            _found.params.append(
                click.Option(
                    ["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error."
                )
            )
            numcheck.add_command(_found)
