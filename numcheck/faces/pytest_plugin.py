"""`pytest --numcheck`: every routine of a project, in every format and on every device, as a test item.

An item judges one routine's value and gradient: at the points that `numcheck check` draws, then by hypothesis's search.
It fails with the finding; a routine that fails only where its gaps say so is expected to fail (`xfailed`), and a gap
that has become stale fails the item. How items are collected, those of `--numcheck-bench` as well, is told in
`collecting`. Nothing heavy is imported without these options.
"""

import json
import shlex
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from itertools import groupby, product
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pytest

from numcheck.declaration.words import DEFAULT_FORMATS, DEFAULT_POINTS, DEFAULT_SEED, UsageError, visible
from numcheck.faces.collecting import (
    JUDGED,
    TIMED,
    BrokenPromiseError,
    Catalog,
    FormulaNode,
    Items,
    RoutineItem,
    asked_devices,
    asked_for,
    asked_formats,
    is_within,
    timeout_of,
    whole_number,
)

if TYPE_CHECKING:
    from numcheck.declaration.formulas import Routine
    from numcheck.measure import Measurement
    from numcheck.runs import Sample, Tested

pytest_plugins = ["numcheck.faces.bench_plugin"]
"""What pytest loads beside this."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; each has a name that says whose it is."""
    group = parser.getgroup("numcheck", "numcheck: digits proved right")
    group.addoption(
        "--numcheck",
        action="store_true",
        help="judge every routine of your formulas, in every format, as a test",
    )
    group.addoption(
        "--numcheck-timeout", metavar="SECONDS", help="give up a call of a routine that takes longer"
    )
    group.addoption(
        "--numcheck-catalog",
        "--numcheck-catalogue",
        action="store_true",
        help="judge the routines of numcheck's own catalogue, too",
    )
    for name, metavar, default, told in (
        ("formats", "NAMES", ",".join(DEFAULT_FORMATS), "formats with commas between them"),
        ("devices", "NAMES", "cpu", "devices with commas between them"),
        ("points", "N", DEFAULT_POINTS, "points drawn for each formula and format, before the search"),
        ("seed", "S", DEFAULT_SEED, "seed of the drawn points"),
    ):
        help_text = f"{told} (%(default)s)"
        group.addoption(f"--numcheck-{name}", metavar=metavar, default=str(default), help=help_text)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options before anything is collected, and set the items aside that were asked for by node id."""
    config.addinivalue_line(
        "markers", "numcheck: a routine in a format on a device, which `--numcheck` judges"
    )
    if not asked_for(config):
        return
    from numcheck.declaration.patience import patience

    try:
        whole_number(config, "points", 1)
        whole_number(config, "seed", 0)
        asked_formats(config)
        with patience(timeout_of(config)):
            asked_devices(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if hasattr(config.option, "numcheck_paths"):  # handed on to a worker of xdist
        return
    named = config.args if config.args_source is config.ArgsSource.ARGS else []
    chosen = [
        argument for argument in named if argument.split("::")[0] in (JUDGED, TIMED) and "::" in argument
    ]
    paths = [argument for argument in named if argument not in chosen]
    config.option.numcheck_chosen = chosen
    config.option.numcheck_paths = paths
    if chosen:
        # They are no paths, so pytest must not look for them; the files are imported for what they declare.
        config.args[:] = paths or config.getini("testpaths") or [str(config.invocation_params.dir)]


# Collecting -------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let the catalogue follow whatever else the session collects, when every module is imported."""
    report = yield
    config = collector.config
    if not asked_for(config):
        return report
    if isinstance(collector, pytest.Session):
        roots = [
            Catalog.from_parent(collector, name=root, items=_ITEMS[root]()) for root in asked_for(config)
        ]
        report.result = [*(report.result or ()), *roots]
    elif isinstance(collector, pytest.Module) and config.getoption("lf", False) and not report.result:
        # `--lf` skips the files without a failing test, but an item that failed may be declared there
        with suppress(Exception, pytest.skip.Exception):
            _ = collector.obj
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of items that were asked for by node id each has to be there; where nothing else was asked for, drop the rest."""
    chosen: list[str] = getattr(config.option, "numcheck_chosen", [])
    if not (asked_for(config) and chosen):
        return
    absent = [node for node in chosen if not any(is_within(item.nodeid, node) for item in items)]
    if absent:
        raise pytest.UsageError(
            f"no item {absent[0]}: `pytest --{asked_for(config)[0]} --collect-only -q` prints the node ids"
        )
    if not config.option.numcheck_paths:
        others = [item for item in items if not isinstance(item, RoutineItem)]
        items[:] = [item for item in items if isinstance(item, RoutineItem)]
        config.hook.pytest_deselected(items=others)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str | None:
    """How many items there are, and what brings in those that were left out."""
    if not asked_for(config) or config.get_verbosity() < 0:
        return None
    count = sum(isinstance(item, RoutineItem) for item in items)
    if count or getattr(config.option, "numcheck_chosen", []):
        return f"numcheck: {count} items"
    return (
        "numcheck: no formula of your own is imported, or lies in the paths given: name its file, import it in "
        "conftest.py, or add --numcheck-catalog for the catalogue"
    )


def judged_items(node: FormulaNode, routine: "Routine") -> Iterable[pytest.Item]:
    """An item for each format that the routine was written for, on each device."""
    for format, device in product(asked_formats(node.config), asked_devices(node.config)):
        if routine.written_for(format.name):
            name = f"{routine.name}[{format.name}-{device}]"
            yield JudgedItem.from_parent(node, name=name, routine=routine, format=format, device=device)


def _timed_items() -> Items:
    from numcheck.faces.bench_plugin import timed_items

    return timed_items


_ITEMS: dict[str, Callable[[], Items]] = {JUDGED: lambda: judged_items, TIMED: _timed_items}


class JudgedItem(RoutineItem):
    """One routine in one format on one device, its value and its gradient."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.add_marker(JUDGED)

    def runtest(self) -> None:
        from numcheck.declaration.patience import patience

        with patience(timeout_of(self.config)):
            self._judge()

    def _judge(self) -> None:
        import torch

        from numcheck.measure import RoutineError
        from numcheck.runs import property_of, sampled

        points, seed = whole_number(self.config, "points", 1), whole_number(self.config, "seed", 0)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the batches are small, and xdist's workers share the cores
        try:
            sample, known = sampled(self.routine.formula, self.format, points, seed)
            halves = property_of(self.routine, sample, known, self.device)
        except RoutineError as error:
            raise BrokenPromiseError(f"{self.routine.formula.name}: {error}") from None
        except UsageError as error:  # of the formula, which its message names
            raise BrokenPromiseError(str(error)) from None
        finally:
            torch.set_num_threads(threads)
        self.user_properties.append((JUDGED, json.dumps(_tally(self, halves))))
        if sample.opinion.disagreements or not all(one.passed for one in halves):
            raise BrokenPromiseError(visible("\n".join(_failure(self, sample, halves, seed))))
        if not any(one.judged for one in halves):
            raise BrokenPromiseError(
                f"{self.routine.formula.name} is undefined at every point that was drawn: declare the domains in which "
                "it has a value"
            )
        met = [gap for one in halves for gap in one.met]
        if met:
            if self.config.option.runxfail:
                raise BrokenPromiseError(visible("\n".join(_gap_lines(self, halves))))
            pytest.xfail("; ".join(dict.fromkeys(f"{gap.name}: {gap.why}" for gap in met)))


# What a failing item prints ---------------------------------------------------------------------------------------


def _failure(item: JudgedItem, sample: "Sample", halves: "tuple[Tested, ...]", seed: int) -> Generator[str]:
    # pytest's short summary shows the beginning of the first line.
    yield f"{_headline(sample, halves)}: {_title(item)}"
    for told in sample.opinion.disagreements:
        yield f"truth in doubt: the second opinion disagrees: {told}"
    for one in halves:
        yield from _half_lines(one, f"sampled, seed {seed}")
    for gap in dict.fromkeys(gap for one in halves for gap in one.stale):
        yield f"\nstale gap {gap.name!r} ({gap.why}): its witnesses fail no more here; delete the gap, or run --witness"
    yield f"\n  again      {_again(item)}"


def _again(item: JudgedItem) -> str:
    """The command that judges an item again from where pytest was started, with the options that it hangs on."""
    config = item.config
    usual = {"points": str(DEFAULT_POINTS), "seed": str(DEFAULT_SEED)}
    options = {name: str(config.getoption(f"numcheck_{name}")) for name in usual}
    options |= {"formats": item.format.name, "devices": item.device}
    usual |= {"formats": item.format.name if item.format.name in DEFAULT_FORMATS else "", "devices": "cpu"}
    words = ["pytest", "--numcheck"]
    words += [f"--numcheck-{name}={told}" for name, told in options.items() if told != usual[name]]
    paths: list[str] = config.option.numcheck_paths
    if paths:  # where the formula is found, without the tests that stand there
        words += ["--pyargs"] if config.getoption("pyargs") else []
        words += ["-m", JUDGED, *paths]
    return shlex.join([*words, item.nodeid])


def _headline(sample: "Sample", halves: "tuple[Tested, ...]") -> str:
    told: list[str] = []
    for one in halves:
        cause = one.searched.cause
        told += [finding.cause.value for finding in one.findings]
        if one.searched.found is not None:
            told.append("crash" if cause is None else cause.value)
        told += ["crash"] * (one.examined.crash is not None)
        told += ["stale gap"] * bool(one.stale) + ["truth in doubt"] * one.in_doubt
    told += ["truth in doubt"] * bool(sample.opinion.disagreements)
    return ", ".join(dict.fromkeys(told))


def _title(item: JudgedItem) -> str:
    routine = item.routine
    file, line, _ = item.reportinfo()
    where = routine.formula.module if line is None else f"{file}:{line + 1}"
    return f"{routine.formula.name}.{routine.name} in {item.format.name} on {item.device} ({where})"


def _half_lines(one: "Tested", sampled: str) -> Generator[str]:
    """What is told of a value or a gradient: an empty line stands before each cause."""
    from numcheck.diagnosis import alone
    from numcheck.runs import examine_at

    examined, seen, found = one.examined, one.searched, one.searched.found
    searched = f"searched, {seen.examples} examples"
    if one.in_doubt:
        points = one.points + seen.examples
        yield f"truth in doubt: {one.unresolved} of {points} points unresolved ({examined.of})"
    spends = f"\n{examined.of} spends more than its budget of {examined.parts[0].budget}"
    for finding in one.findings:
        like = finding.measurement
        yield f"{spends}: {finding.sentence}, at {finding.points} of {one.points} points"
        yield from _indented(finding.lines())
        yield f"  worst      {_point(like, finding.worst)}  ({sampled})"
        if finding.outside is not None:
            yield f"  outside    {_point(finding.outside, 0)}  ({sampled}; far worse, but outside of the region)"
        if found is not None and seen.cause is finding.cause:
            yield from _example(found.parts[0], 0, searched)
        else:
            where = like.format, like.device, like.of
            simplest = examine_at(like.routine, finding.simplest, finding.component, *where)
            yield from _example(simplest.parts[0], 0, "sampled")
    if examined.crash is not None:
        measurement, row = examined.crash
        count = f"{len(measurement.crashes)} of {len(measurement.points)}"
        yield f"\n{examined.of} raises, as it does at {count} points drawn"
        yield from _example(measurement, row, sampled)
    if found is None or any(seen.cause is finding.cause for finding in one.findings):
        return
    if seen.cause is None:
        yield f"\n{examined.of} raises at the simplest input found"
    elif seen.flaky:
        yield f"{spends}: equal inputs gave different results"
    else:
        for finding in alone(found.findings()):
            yield f"{spends}: {finding.sentence}, at an input that was searched for"
            yield from _indented(finding.lines())
    yield from _example(found.parts[0], 0, searched)


def _indented(lines: Iterable[tuple[str, str]]) -> Generator[str]:
    for name, content in lines:
        yield f"  {name:<10} {content}"


def _example(measurement: "Measurement", row: int, evidence: str) -> Generator[str]:
    """An input, what came of it, and the command that shows it again."""
    from numcheck.runs import shown_again

    if row in measurement.crashes:
        yield f"  message    {measurement.crashes[row]}"
        yield f"  input      {_input(measurement, row)}  ({evidence})"
    else:
        yield f"  simplest   {_point(measurement, row)}  ({evidence})"
    point, component = measurement.points.select([row]), int(measurement.component[row])
    yield f"  reproduce  {shown_again(measurement, point, component)}"


def _point(measurement: "Measurement", row: int) -> str:
    from numcheck.runs import decimal

    judged, worst = measurement.judgement, measurement.judgement.worst
    which = f"[{judged.worst_element[row]}]" if judged.got.shape[1] > 1 else ""
    return (
        f"{_input(measurement, row)}: got{which} {float(worst.got[row])!r}, "
        f"truth {decimal(worst.truth, row)}, spent {worst.spent[row]:.4g}"
    )


def _input(measurement: "Measurement", row: int) -> str:
    from numcheck.truth import describe

    return describe(measurement.points.select([row]))


def _gap_lines(item: JudgedItem, halves: "tuple[Tested, ...]") -> Generator[str]:
    yield f"known gaps, taken as failures by --runxfail: {_title(item)}"
    for one in halves:
        for gap, mask in one.examined.covered.items():
            yield f"{one.examined.of}: gap {gap.name!r} at {mask.sum()} of {one.points} points: {gap.why}"


# The summary ------------------------------------------------------------------------------------------------------


def _tally(item: JudgedItem, halves: "tuple[Tested, ...]") -> dict[str, Any]:
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table: one line for each formula."""
    reports: list[pytest.TestReport] = [
        report
        for alike in terminalreporter.stats.values()
        for report in alike
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    reports.sort(key=lambda report: report.start)
    tallies = [
        json.loads(str(told)) for one in reports for name, told in one.user_properties if name == JUDGED
    ]
    if tallies:
        terminalreporter.section("numcheck")
        for line in _summary(tallies, str(config.getoption("numcheck_seed"))):
            terminalreporter.line(line)


def _summary(tallies: list[dict[str, Any]], seed: str) -> Generator[str]:
    def total(name: str, among: Iterable[Mapping[str, Any]]) -> int:
        return sum(tally[name] for tally in among)

    yield (
        f"{len(tallies)} items: {total('points', tallies):,} points sampled (seed {seed}), "
        f"{total('examples', tallies):,} searched, {total('gap_points', tallies):,} in known gaps, "
        f"{total('unresolved', tallies):,} unresolved"
    )
    rows: list[tuple[Any, ...]] = [("formula", "items", "worst spent", "by", "gap points", "unresolved")]
    formula_of = itemgetter("formula")
    for name, group in groupby(sorted(tallies, key=formula_of), formula_of):
        among = list(group)
        worst = max(among, key=lambda tally: float(tally["spent"]))
        spent, by = f"{float(worst['spent']):.3g}", f"{worst['routine']} {worst['of']} {worst['format']}"
        rows.append((name, len(among), spent, by, total("gap_points", among), total("unresolved", among)))
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, "<>><>>", widths, strict=True)
        yield "  ".join(f"{cell:{side}{width}}" for cell, side, width in cells)
