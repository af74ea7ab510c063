"""What a terminal shows: a console, tables, and how far a run is."""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from numcheck.declaration.words import visible

if TYPE_CHECKING:
    from rich.console import Console

LINE_EACH = 60.0
"""Seconds between two lines of progress where no terminal shows a bar."""

PLAIN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe, where no terminal says how wide it is."""


def console_of(stderr: bool) -> "Console":
    """The console of standard output, or of standard error."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def print_table(console: "Console", titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their titles; figures stand to the right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        side = "right" if title in ("value", "gradient") else "left"
        table.add_column(title, justify=side, overflow="fold")
    for row in rows:
        table.add_row(*map(visible, row))
    console.print(table)


@contextmanager
def progress_bar(plainly: bool = False) -> Generator[Callable[[str, int, int], None] | None]:
    """A bar with the time left on standard error; nothing, or a line now and then, where that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines_of_progress() if plainly else None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(what: str, done: int, total: int) -> None:
            # the first time a reset: what an earlier run did tells nothing of the time left
            change = bar.reset if bar.tasks[0].total is None else bar.update
            change(task, description=what, completed=done, total=total)

        yield show


def _lines_of_progress() -> Callable[[str, int, int], None]:
    """Shows how far a long run is, with the time left, in one line a minute."""
    begun = told = time.monotonic()
    first: int | None = None

    def show(what: str, done: int, total: int) -> None:
        nonlocal told, first
        first = done if first is None else first
        now = time.monotonic()
        if now - told < LINE_EACH or done == first:
            return
        told = now
        left = timedelta(seconds=round((now - begun) / (done - first) * (total - done)))
        click.echo(f"{what}: {done} of {total}, {left} left", err=True)

    return show
