"""What a terminal shows: a console, tables, and how far a run is."""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from numcheck.declaration.words import visible

if TYPE_CHECKING:
    from rich.console import Console

FIRST_LINE = 5.0
LINE_EACH = 60.0
"""Seconds before the first line of progress where no terminal shows a bar, and between two at most; they double."""

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
    """Print rows under their titles; figures stand to the right, and no word is cut, however narrow the terminal is."""
    from rich.table import Table

    cells = [tuple(titles), *(tuple(map(visible, row)) for row in rows)]
    longest = [
        max(len(word) for cell in column for word in [*cell.split(), ""])
        for column in zip(*cells, strict=True)
    ]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, width in zip(titles, longest, strict=True):
        side = "right" if title in ("value", "gradient") else "left"
        table.add_column(title, justify=side, overflow="fold", min_width=width)
    for row in cells[1:]:
        table.add_row(*row)
    console.width = max(console.width, sum(longest) + 2 * len(longest))
    console.print(table)


Show = Callable[[str, int, int], None]
"""Takes note of what is being done, and of how many things out of how many are done."""


@contextmanager
def progress_bar() -> Generator[Show]:
    """A bar with the time left on standard error; a line now and then where that is not a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        with _lines_of_progress() as tell:
            yield tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(what: str, done: int, total: int) -> None:
            # the first time a reset: what an earlier run did tells nothing of the time left
            change = bar.reset if bar.tasks[0].total is None else bar.update
            change(task, description=escape(visible(what)), completed=done, total=total)

        yield show


@contextmanager
def _lines_of_progress() -> Generator[Show]:
    """Lines with the time left, also while something takes long and nobody calls: then they name it."""
    begun = time.monotonic()
    latest: tuple[str, int, int] | None = None
    first = 0
    ended = threading.Event()

    def show(what: str, done: int, total: int) -> None:
        nonlocal latest, first
        first = done if latest is None else first
        latest = what, done, total

    def tell() -> None:
        gap = FIRST_LINE
        while not ended.wait(gap):
            gap = min(2 * gap, LINE_EACH)
            if latest is None:
                continue
            what, done, total = latest
            left = ""
            if done > first:
                seconds = (time.monotonic() - begun) / (done - first) * (total - done)
                left = f", {timedelta(seconds=round(seconds))} left"
            click.echo(visible(f"{what}: {done} of {total}{left}"), err=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield show
    finally:
        ended.set()
        teller.join()
