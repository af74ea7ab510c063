"""The table of how wrong torch's own functions are: measured row by row, kept as it grows, and written.

What a row is of is in `rows`, and of vectors in `sized`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numcheck
from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import format_named
from numcheck.declaration.words import COMPILED, DEFAULT_FORMATS, EAGER, MODES, Of, UsageError
from numcheck.measure import check_device
from numcheck.report import TABLE_SCHEMA, folder_name, read_table, write_json, write_pages
from numcheck.runs.check import Progress
from numcheck.runs.sweep.checkpoint import alone_in
from numcheck.runs.sweep.largest import BUILTIN, NARROW, halves
from numcheck.runs.sweep.plan import MOST_BITS
from numcheck.runs.sweep.rows import (
    FORMATS,
    belongs,
    functions,
    marks_from,
    own_functions,
    rows_of,
    what_runs,
)
from numcheck.runs.sweep.run import Interrupted
from numcheck.runs.sweep.sized import (
    SIZES,
    cells_at_sizes,
    expect_sizes,
    is_sized,
    missing_at_sizes,
    rows_at_sizes,
    sized_functions,
)
from numcheck.runs.workers import workers
from numcheck.truth import BATCH, expect_promises, missing_compiler

SCHEMA = TABLE_SCHEMA
KEPT = Path(".numcheck") / "table"
"""Where the finished chunks of a row in work are kept."""


def table_of(
    rows: Sequence[Mapping[str, Any]],
    told: Mapping[str, str],
    own: Mapping[str, Formula] | None = None,
    formats: Sequence[str] = FORMATS,
) -> dict[str, Any]:
    """The table as its file has it, rows in the order of formats, halves, functions and modes.

    `own` are the functions of which it is, by default torch's, in these formats.
    """
    pages = functions() if own is None else own

    def place(row: Mapping[str, Any]) -> tuple[bool, int, int, str, int, int]:
        half, size = list(Of).index(Of(row["of"])), row.get("size", 0)
        mode = MODES.index(row["mode"])
        return size > 0, FORMATS.index(row["format"]), half, row["function"], size, mode

    missing = [
        [name, form]
        for form in formats
        for name, page in pages.items()
        if belongs(page) and page.routines[BUILTIN].written_for(form) and not _is_whole(rows, page, form)
    ]
    return {
        "schema": SCHEMA,
        "numcheck": numcheck.__version__,
        "environment": dict(told),
        "call": BATCH,
        "open_ulp": NARROW,
        "rows": sorted(rows, key=place),
        "missing": missing,
        "missing_at_sizes": missing_at_sizes(rows, formats) if own is None else [],
    }


def _cell(row: Mapping[str, Any]) -> tuple[str, str] | tuple[str, str, int]:
    """What is measured together: a function in a format, or at a size of it."""
    cell = row["function"], row["format"]
    return (*cell, row["size"]) if "size" in row else cell


def _is_whole(
    rows: Sequence[Mapping[str, Any]], page: Formula, form: str, modes: Sequence[str] = MODES
) -> bool:
    """Whether there are rows of all that is measured of a function in a format; compiled ones if any function has."""
    has = {(row["of"], row["mode"]) for row in rows if _cell(row) == (page.name, form)}
    some = {row["mode"] for row in rows} | {EAGER}
    return has >= set(product(map(str, halves(page)), (mode for mode in modes if mode in some)))


def write_table(folder: Path, table: Mapping[str, Any]) -> Path:
    """Write the table's JSON, and the pages made of it and of its folder; returns the path of the one in Markdown."""
    path = _path(folder, table["environment"])
    write_json(table, path)
    return write_pages(path)


def _measured_at_size(formula: Formula, form: str, size: int) -> list[dict[str, Any]] | str:
    """The rows of a function of vectors; what is wrong with it, in a line, where that is something."""
    try:
        return rows_at_sizes(formula, form, [size])
    except UsageError as error:
        return str(error)


def _path(folder: Path, told: Mapping[str, str]) -> Path:
    return folder / f"{folder_name(told)}.json"


def tabulate(
    folder: str | Path,
    names: Sequence[str] = (),
    formats: Sequence[str] = FORMATS,
    *,
    device: str = "cpu",
    modes: Sequence[str] = MODES,
    sizes: Sequence[int] = SIZES,
    missing: bool = False,
    jobs: int = 1,
    restart: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Measure functions, by default all, and write this environment's table into the folder, row by row.

    Rows that are not asked for stay as they are, and with `missing` those too that the table has. Finished chunks are
    kept under `KEPT`, and the same call goes on from there unless `restart` begins again. Functions of vectors are
    measured at `sizes`, in formats of up to 32 bits. Returns the page's path, and a table of the rows that were asked
    for alone, with a line for each function that `failed`.
    """
    _expect_modes(modes, device)
    known, sized, told = functions(), sized_functions(), what_runs(device)
    _expect_names(names, known | sized)
    _expect_formats(formats)
    path = _path(Path(folder), told)
    failed: list[str] = []
    asked = _cells([name for name in names or known if name in known], known, formats)
    long = cells_at_sizes([name for name in names or sized if name in sized], formats, sizes)
    if not asked and not long:
        raise UsageError(f"torch has no {', '.join(names)} in {', '.join(formats)}: write other --formats")
    with alone_in(KEPT, "begin it in another folder"), alone_in(path.parent):
        rows = _known_rows(path, told)
        for form in _in_turn(formats):
            left = [
                _Cell(name, form, device, tuple(modes), restart, tuple(marks_from(rows, name)))
                for name, where in asked
                if where == form and not (missing and _is_whole(rows, known[name], form, modes))
            ]
            for cell, found in _measured(left, jobs, progress):
                if isinstance(found, str):
                    failed.append(f"{cell.name} in {form}: {found}")
                    continue
                rows = [row for row in rows if _cell(row) != (cell.name, form) or row["mode"] not in modes]
                rows += found
                write_json(table_of(rows, told), path)
                cell.kept.unlink(missing_ok=True)
        for name, form, size in long:
            if missing and any(_cell(row) == (name, form, size) for row in rows):
                continue
            found = _measured_at_size(sized[name], form, size)
            if isinstance(found, str):
                failed.append(f"{name} of {size} entries in {form}: {found}")
                continue
            rows = [row for row in rows if _cell(row) != (name, form, size)] + found
            write_json(table_of(rows, told), path)
        write_table(Path(folder), table_of(rows, told))  # the pages take a second, and are made once
    cells = {*asked, *long}
    own = table_of([row for row in rows if _cell(row) in cells and row["mode"] in modes], told)
    return path.with_suffix(".md"), own | ({"failed": failed} if failed else {})


@dataclass(frozen=True)
class _Cell:
    """A function of the table in a format, to be measured by whichever process."""

    name: str
    form: str
    device: str
    modes: tuple[str, ...]
    restart: bool
    marks: tuple[float, ...]

    @property
    def kept(self) -> Path:
        """Where its finished chunks are kept."""
        return KEPT / f"{self.name}-{self.form}-{self.device.replace(':', '_')}-{'-'.join(self.modes)}.json"

    def rows(self, jobs: int = 1, progress: Progress | None = None) -> list[dict[str, Any]] | str:
        """See `rows_of`; the function is the catalogue's."""
        return self.rows_of(functions()[self.name], jobs, progress)

    def rows_of(self, page: Formula, jobs: int, progress: Progress | None) -> list[dict[str, Any]] | str:
        """Its rows; what is wrong with the function, in a line, where that is something: the other rows go on."""
        told: dict[str, Any] = {"device": self.device, "modes": self.modes, "marks": self.marks}
        told |= {"kept": self.kept, "restart": self.restart}
        try:
            return rows_of(page, self.form, jobs=jobs, progress=progress, **told)
        except UsageError as error:
            return str(error)


def _measured(
    cells: Sequence[_Cell], jobs: int, progress: Progress | None
) -> Iterator[tuple[_Cell, list[dict[str, Any]] | str]]:
    """Each of these cells of one format, as they are done.

    Processes share the inputs of a function that has as many as float32, and else the functions.
    """
    if jobs == 1 or len(cells) < 2 or format_named(cells[0].form).bits == MOST_BITS[1]:
        yield from ((cell, cell.rows(jobs, progress)) for cell in cells)
        return
    try:
        with workers(min(jobs, len(cells)), "numcheck.runs.sweep.table") as hands:
            for done, (cell, found) in enumerate(hands.completed(_Cell.rows, cells)):
                if progress is not None:
                    progress(f"{cell.name} {cell.form}", done + 1, len(cells))
                yield cell, found
    except KeyboardInterrupt:
        raise Interrupted("what is finished is kept, and the same command with --missing goes on") from None


def tabulate_own(
    words: Sequence[str],
    formats: Sequence[str] = FORMATS,
    *,
    device: str = "cpu",
    modes: Sequence[str] = MODES,
    sizes: Sequence[int] = SIZES,
    restart: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The table of the routines of one's own formulas, each MODULE:NAME or FILE.py:NAME; it is written nowhere.

    Finished chunks are kept as `tabulate` keeps them.
    """
    _expect_modes(modes, device)
    pages = {name: page for word in words for name, page in own_functions(word).items()}
    _expect_formats(formats)
    expect_sizes(sizes)
    for page in pages.values():
        expect_promises(page)
    rows, failed = list[dict[str, Any]](), list[str]()
    with alone_in(KEPT, "begin it in another folder"):
        for form, (name, page) in product(_in_turn(formats), pages.items()):
            if not page.routines[BUILTIN].written_for(form):
                continue
            if is_sized(page):
                rows += rows_at_sizes(page, form, sizes) if form in DEFAULT_FORMATS else []
                continue
            marks = marks_from(rows, name)
            cell = _Cell(name, form, device, tuple(modes), restart, tuple(marks))
            found = cell.rows_of(page, 1, progress)
            if isinstance(found, str):
                failed.append(f"{name} in {form}: {found}")
                continue
            rows += found
            cell.kept.unlink(missing_ok=True)
    if not rows:
        nothing = f"no routine of {', '.join(words)} was written for {', '.join(formats)}"
        raise UsageError("; ".join(failed) or nothing)
    return table_of(rows, what_runs(device), pages, formats) | ({"failed": failed} if failed else {})


def _in_turn(formats: Sequence[str]) -> list[str]:
    """The formats from the narrowest on: what they show is looked at closely in the widest."""
    return sorted(formats, key=lambda name: format_named(name).bits)


def _cells(
    names: Sequence[str], known: Mapping[str, Formula], formats: Sequence[str]
) -> list[tuple[str, str]]:
    """These functions in the formats that torch has them in."""
    return [
        (name, form)
        for form in _in_turn(formats)
        for name in names
        if known[name].routines[BUILTIN].written_for(form)
    ]


def _expect_names(names: Sequence[str], known: Mapping[str, Formula]) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"no function {name!r} in the table: write one of {', '.join(known)}")


def _expect_modes(modes: Sequence[str], device: str) -> None:
    check_device(device)
    for name in modes:
        if name not in MODES:
            raise UsageError(f"no mode {name!r}: write {' or '.join(MODES)}")
    if tuple(modes) == (COMPILED,) and (lacking := missing_compiler(device)):
        raise UsageError(f"nothing can be compiled: {lacking}")


def _expect_formats(formats: Sequence[str]) -> None:
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"the table has no {name}: write one of {', '.join(FORMATS)}")


def _known_rows(path: Path, told: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows that the table of this environment has already."""
    if not path.exists():
        return []
    before = read_table(path)
    if before.get("environment") != told:
        raise UsageError(f"{path} is of another environment: move it away")
    return before["rows"]
