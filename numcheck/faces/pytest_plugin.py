"""`pytest --numcheck`: every registered routine, in every format and on every device, as a test item.

An item judges one routine's value and gradient: at the corners, sweep and sample that `numcheck check` draws, then by
hypothesis's search for an input that spends more than the budget. It fails with the finding; a routine that fails only
where its gaps say so is expected to fail (`xfailed`), and a gap that has become stale fails the item.

Formulas that a package or conftest.py declares are collected too, as soon as pytest imports them. Nothing heavy is
imported without `--numcheck`: this file needs pytest and nothing else of weight.
"""

import json
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from numcheck.declaration.words import DEFAULT_FORMATS, DEFAULT_POINTS, DEFAULT_SEED, UsageError
from numcheck.faces.names import formats_of, names_of

if TYPE_CHECKING:
    from numcheck.declaration.formulas import Formula, Routine
    from numcheck.diagnosis import Finding
    from numcheck.formats import Format
    from numcheck.measure import Measurement
    from numcheck.runs import Found, Sample, Tested

ROOT = "numcheck"
"""The first part of every item's node id, where a test file's path stands for other items."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; each has a name that says whose it is."""
    group = parser.getgroup("numcheck", "numcheck: digits proved right")
    group.addoption(
        "--numcheck", action="store_true", help="judge every registered routine, in every format, as a test"
    )
    group.addoption(
        "--numcheck-formats",
        metavar="NAMES",
        default=",".join(DEFAULT_FORMATS),
        help="formats with commas between them (%(default)s)",
    )
    group.addoption(
        "--numcheck-devices",
        metavar="NAMES",
        default="cpu",
        help="devices with commas between them (%(default)s)",
    )
    group.addoption(
        "--numcheck-points",
        metavar="N",
        default=str(DEFAULT_POINTS),
        help="points drawn for each formula and format, before the search (%(default)s)",
    )
    group.addoption(
        "--numcheck-seed",
        metavar="S",
        default=str(DEFAULT_SEED),
        help="seed of the drawn points (%(default)s)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options before anything is collected, and set the items aside that were asked for by node id."""
    if not config.getoption("numcheck"):
        return
    try:
        _whole(config, "points", 1)
        _whole(config, "seed", 0)
        _formats(config)
        _devices(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    chosen = [argument for argument in config.args if argument.split("::")[0] == ROOT and "::" in argument]
    if chosen:
        # They are no paths, so pytest must not look for them; the files are imported for what they declare. The
        # choice is an option because that is what xdist hands to its workers.
        config.option.numcheck_chosen = chosen
        rest = [argument for argument in config.args if argument not in chosen]
        config.option.numcheck_only = not rest
        config.args[:] = rest or config.getini("testpaths") or [str(config.invocation_params.dir)]
    config.pluginmanager.register(Tallies(), "numcheck-tallies")


def _whole(config: pytest.Config, what: str, least: int) -> int:
    text = str(config.getoption(f"numcheck_{what}"))
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise UsageError(f"--numcheck-{what} {text}: write a whole number, {least} or more")
    return number


def _formats(config: pytest.Config) -> "list[Format]":
    return formats_of(str(config.getoption("numcheck_formats")), "--numcheck-formats")


def _devices(config: pytest.Config) -> list[str]:
    from numcheck.measure import check_device

    names = names_of(str(config.getoption("numcheck_devices")), "--numcheck-devices")
    try:
        for name in names:
            check_device(name)
    except UsageError as error:
        raise UsageError(f"--numcheck-devices: {error}") from None
    return names


# Collecting -------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add an item for each routine: now, when every module is imported, and before -k and -m choose."""
    if not config.getoption("numcheck"):
        return
    from numcheck.declaration.registry import formulas, load_catalog

    try:
        load_catalog()
        known = formulas()
    except UsageError as error:
        raise pytest.UsageError(f"numcheck: {error}") from None
    chosen: list[str] = getattr(config.option, "numcheck_chosen", [])
    if chosen and config.option.numcheck_only:
        config.hook.pytest_deselected(items=items[:])
        items.clear()
    root = Catalog.from_parent(session, name=ROOT, nodeid=ROOT, formulas=known)
    found = [item for item in session.genitems(root) if isinstance(item, RoutineItem)]
    for node in chosen:
        if not any(_within(item.nodeid, node) for item in found):
            raise pytest.UsageError(
                f"no item {node}: `pytest --numcheck --collect-only -q` prints the node ids"
            )
    items.extend(i for i in found if not chosen or any(_within(i.nodeid, node) for node in chosen))


def _within(nodeid: str, chosen: str) -> bool:
    return nodeid == chosen or nodeid.startswith((f"{chosen}::", f"{chosen}["))


class Catalog(pytest.Collector):
    """Stands above every formula in node ids and in the tree of `--collect-only`."""

    def __init__(
        self, name: str, parent: pytest.Session, nodeid: str, formulas: "Mapping[str, Formula]"
    ) -> None:
        super().__init__(name, parent, nodeid=nodeid)
        self.formulas = formulas

    def collect(self) -> Iterable[pytest.Collector]:
        """A node for each formula."""
        for formula in self.formulas.values():
            yield FormulaNode.from_parent(self, name=formula.name, formula=formula)


class FormulaNode(pytest.Collector):
    """One formula, above the items of its routines."""

    def __init__(self, name: str, parent: pytest.Collector, formula: "Formula") -> None:
        super().__init__(name, parent)
        self.formula = formula

    def collect(self) -> Iterable[pytest.Item]:
        """An item for each routine, in each format that it was written for, on each device."""
        formats, devices = _formats(self.config), _devices(self.config)
        for routine in self.formula.routines.values():
            for format in formats:
                if routine.formats is not None and format.name not in routine.formats:
                    continue
                for device in devices:
                    name = f"{routine.name}[{format.name}-{device}]"
                    yield RoutineItem.from_parent(
                        self, name=name, routine=routine, format=format, device=device
                    )


class RoutineItem(pytest.Item):
    """One routine in one format on one device, its value and its gradient."""

    def __init__(
        self, name: str, parent: pytest.Collector, routine: "Routine", format: "Format", device: str
    ) -> None:
        super().__init__(name, parent)
        self.routine = routine
        self.format = format
        self.device = device

    def runtest(self) -> None:
        import torch

        from numcheck.measure import RoutineError
        from numcheck.runs import property_of, sampled

        points, seed = _whole(self.config, "points", 1), _whole(self.config, "seed", 0)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the batches are small, and xdist's workers share the cores
        try:
            sample, known = sampled(self.routine.formula, self.format, points, seed)
            halves = property_of(self.routine, sample, known, self.device)
        except RoutineError as error:
            raise BrokenPromiseError(f"{self.routine.formula.name}: {error}") from None
        finally:
            torch.set_num_threads(threads)
        self.user_properties.append((ROOT, json.dumps(_tally(self, halves))))
        if sample.opinion.disagreements or not all(one.passed for one in halves):
            raise BrokenPromiseError("\n".join(_failure(self, sample, halves, seed)))
        met = [gap for one in halves for gap in one.met]
        if met:
            if self.config.option.runxfail:
                raise BrokenPromiseError("\n".join(_gap_lines(self, halves)))
            pytest.xfail("; ".join(dict.fromkeys(f"{gap.name}: {gap.why}" for gap in met)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, BrokenPromiseError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path | str, int | None, str]:
        code = getattr(self.routine.function, "__code__", None)
        if code is None:
            return self.path, None, self.nodeid
        return code.co_filename, code.co_firstlineno - 1, self.nodeid


class BrokenPromiseError(Exception):
    """A routine spends more than its budget, or a gap is stale; the message is what the user reads."""


# What a failing item prints ---------------------------------------------------------------------------------------


def _failure(item: RoutineItem, sample: "Sample", halves: "tuple[Tested, ...]", seed: int) -> Generator[str]:
    # pytest's short summary shows the beginning of the first line.
    yield f"{_headline(sample, halves)}: {_title(item)}"
    for told in sample.opinion.disagreements:
        yield f"truth in doubt: the second opinion disagrees: {told}"
    for one in halves:
        of, examples = one.examined.of, one.searched.examples
        if one.in_doubt:
            yield f"truth in doubt: {one.unresolved} of {one.points + examples} points unresolved ({of})"
        budget = f"spends more than its budget of {item.routine.budgets[of]}"
        found = one.searched.found
        for finding in one.findings:
            shrunk = found if found is not None and found.cause is finding.cause else None
            yield ""
            yield f"{of} {budget}: {finding.sentence}, at {finding.points} of {one.points} points"
            yield from _indented(finding.lines())
            yield f"  worst      {_point(finding.measurement, finding.worst)}  (sampled, seed {seed})"
            yield from _simplest(finding, shrunk, examples)
        if one.examined.crash is not None:
            measurement, row = one.examined.crash
            yield ""
            yield f"{of} raises, as it does at {len(measurement.crashes)} of {len(measurement.points)} points drawn"
            yield from _crash_lines(measurement, row, f"sampled, seed {seed}")
        if found is not None and found.cause is None:
            yield ""
            yield f"{of} raises at the simplest input found"
            yield from _crash_lines(found.examined.parts[0], 0, f"searched, {examples} examples")
        elif found is not None and all(found.cause is not finding.cause for finding in one.findings):
            yield ""
            yield from _found_lines(f"{of} {budget}", found, examples)
    for gap in dict.fromkeys(gap for one in halves for gap in one.stale):
        yield ""
        yield f"stale gap {gap.name!r} ({gap.why}): its witnesses fail no more here; delete the gap, or run --witness"
    yield ""
    yield f"  again      pytest --numcheck '{item.nodeid}'"


def _headline(sample: "Sample", halves: "tuple[Tested, ...]") -> str:
    told: list[str] = []
    for one in halves:
        found = one.searched.found
        told += [finding.cause.value for finding in one.findings]
        told += [] if found is None or found.cause is None else [found.cause.value]
        raised = found is not None and found.cause is None
        told += ["crash"] * (raised or one.examined.crash is not None)
        told += ["stale gap"] * bool(one.stale) + ["truth in doubt"] * one.in_doubt
    told += ["truth in doubt"] * bool(sample.opinion.disagreements)
    return ", ".join(dict.fromkeys(told))


def _title(item: RoutineItem) -> str:
    routine = item.routine
    code = getattr(routine.function, "__code__", None)
    where = routine.formula.module if code is None else f"{code.co_filename}:{code.co_firstlineno}"
    return f"{routine.formula.name}.{routine.name} in {item.format.name} on {item.device} ({where})"


def _indented(lines: Iterable[tuple[str, str]]) -> Generator[str]:
    for name, content in lines:
        yield f"  {name:<10} {content}"


def _simplest(finding: "Finding", shrunk: "Found | None", examples: int) -> Generator[str]:
    """The simplest input: that which the search shrunk, else the one that the region's search found."""
    from numcheck.runs import examine_at

    like = finding.measurement
    if shrunk is not None:
        simplest, evidence = shrunk.examined, f"searched, {examples} examples"
    else:
        simplest, evidence = (
            examine_at(like.routine, finding.simplest, finding.component, like.format, like.device, like.of),
            "sampled",
        )
    yield f"  simplest   {_point(simplest.parts[0], 0)}  ({evidence})"
    yield from _reproduce_lines(simplest.parts[0])


def _found_lines(says: str, found: "Found", examples: int) -> Generator[str]:
    from numcheck.diagnosis import alone

    for finding in () if found.flaky else alone(found.examined.findings()):
        yield f"{says}: {finding.sentence}, at an input that was searched for"
        yield from _indented(finding.lines())
    if found.flaky:
        yield f"{says}: equal inputs gave different results"
    yield f"  simplest   {_point(found.examined.parts[0], 0)}  (searched, {examples} examples)"
    yield from _reproduce_lines(found.examined.parts[0])


def _crash_lines(measurement: "Measurement", row: int, evidence: str) -> Generator[str]:
    yield f"  message    {measurement.crashes[row]}"
    yield f"  input      {_inputs(measurement, row)}  ({evidence})"
    yield from _reproduce_lines(measurement, row)


def _reproduce_lines(measurement: "Measurement", row: int = 0) -> Generator[str]:
    from numcheck.runs import shown_again

    component = int(measurement.component[row]) if measurement.of == "grad" else 0
    yield f"  reproduce  {shown_again(measurement, measurement.points.select([row]), component)}"


def _point(measurement: "Measurement", row: int) -> str:
    from numcheck.runs import decimal

    judged = measurement.judgement
    element = int(judged.worst_element[row])
    which = f"[{element}]" if judged.got.shape[1] > 1 else ""
    return (
        f"{_inputs(measurement, row)}: got{which} {float(judged.got[row, element])!r}, "
        f"truth {decimal(judged.truth, (row, element))}, spent {float(judged.spent[row, element]):.4g}"
    )


def _inputs(measurement: "Measurement", row: int) -> str:
    from numcheck.truth import describe

    return describe(measurement.points.select([row]))


def _gap_lines(item: RoutineItem, halves: "tuple[Tested, ...]") -> Generator[str]:
    yield f"known gaps, taken as failures by --runxfail: {_title(item)}"
    for one in halves:
        for gap, mask in one.examined.covered.items():
            yield f"{one.examined.of}: gap {gap.name!r} at {mask.sum()} of {one.points} points: {gap.why}"


# The summary ------------------------------------------------------------------------------------------------------


def _tally(item: RoutineItem, halves: "tuple[Tested, ...]") -> dict[str, Any]:
    worst = max(halves, key=lambda one: one.spent)
    return {
        "formula": item.routine.formula.name,
        "routine": item.routine.name,
        "format": item.format.name,
        "points": sum(one.points for one in halves),
        "examples": sum(one.searched.examples for one in halves),
        "unresolved": sum(one.unresolved for one in halves),
        "gap_points": sum(int(mask.sum()) for one in halves for mask in one.examined.covered.values()),
        "spent": str(worst.spent),  # an infinity is no JSON number
        "of": worst.examined.of.value,
    }


class Tallies:
    """What the items of a run reported, from this process or from xdist's workers."""

    def __init__(self) -> None:
        self.tallies: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what an item says of itself."""
        if report.when == "call":
            self.tallies += [json.loads(str(told)) for name, told in report.user_properties if name == ROOT]

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """Print the table: one line for each formula."""
        if not self.tallies:
            return
        terminalreporter.section("numcheck")
        for line in _summary(self.tallies, str(config.getoption("numcheck_seed"))):
            terminalreporter.line(line)


def _summary(tallies: list[dict[str, Any]], seed: str) -> Generator[str]:
    def total(name: str, among: Iterable[Mapping[str, Any]]) -> int:
        return sum(tally[name] for tally in among)

    yield (
        f"{len(tallies)} items: {total('points', tallies):,} points sampled (seed {seed}), "
        f"{total('examples', tallies):,} searched, {total('gap_points', tallies):,} in known gaps, "
        f"{total('unresolved', tallies):,} unresolved"
    )
    by_formula: dict[str, list[dict[str, Any]]] = {}
    for tally in tallies:
        by_formula.setdefault(tally["formula"], []).append(tally)
    rows = [("formula", "items", "worst spent", "by", "gap points", "unresolved")]
    for name, among in sorted(by_formula.items()):
        worst = max(among, key=lambda tally: float(tally["spent"]))
        by = f"{worst['routine']} {worst['of']} {worst['format']}"
        spent = f"{float(worst['spent']):.3g}"
        rows.append(
            (
                name,
                str(len(among)),
                spent,
                by,
                str(total("gap_points", among)),
                str(total("unresolved", among)),
            )
        )
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        cells = [
            text.ljust(width) if k in (0, 3) else text.rjust(width)
            for k, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
