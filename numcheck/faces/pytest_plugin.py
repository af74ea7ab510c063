"""`pytest --numcheck`: every routine of a project, in every format and on every device, as a test item.

An item judges one routine's value and gradient: at the points that `numcheck check` draws, then by hypothesis's search.
It fails with the finding; a routine that fails only where its gaps say so is expected to fail (`xfailed`), and a gap
that has become stale fails the item. Formulas are found in whatever pytest imports (a conftest.py, a test, a file that
is named) and in installed packages that name theirs; paths limit them, and the catalogue is judged where it is asked
for. Items are collected below the session, after the tests, so that every option of pytest that chooses tests chooses
among them. Nothing heavy is imported without `--numcheck`.
"""

import json
import shlex
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from itertools import groupby, product
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from numcheck.declaration.words import DEFAULT_FORMATS, DEFAULT_POINTS, DEFAULT_SEED, UsageError, visible
from numcheck.faces.names import formats_of, names_of

if TYPE_CHECKING:
    from numcheck.declaration.formulas import Routine
    from numcheck.formats import Format
    from numcheck.measure import Measurement
    from numcheck.runs import Sample, Tested

ROOT = "numcheck"
"""The first part of every item's node id, where a test file's path stands for other items."""


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
    if not config.getoption("numcheck"):
        return
    from numcheck.declaration.patience import patience

    try:
        _whole(config, "points", 1)
        _whole(config, "seed", 0)
        _formats(config)
        with patience(_timeout(config)):
            _devices(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if hasattr(config.option, "numcheck_paths"):  # handed on to a worker of xdist
        return
    named = config.args if config.args_source is config.ArgsSource.ARGS else []
    chosen = [argument for argument in named if argument.split("::")[0] == ROOT and "::" in argument]
    paths = [argument for argument in named if argument not in chosen]
    config.option.numcheck_chosen = chosen
    config.option.numcheck_paths = paths
    if chosen:
        # They are no paths, so pytest must not look for them; the files are imported for what they declare.
        config.args[:] = paths or config.getini("testpaths") or [str(config.invocation_params.dir)]


def _whole(config: pytest.Config, what: str, least: int) -> int:
    text = str(config.getoption(f"numcheck_{what}"))
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise UsageError(f"--numcheck-{what} {text}: write a whole number, {least} or more")
    return number


def _timeout(config: pytest.Config) -> float | None:
    text = config.getoption("numcheck_timeout")
    try:
        return None if text is None else float(str(text))
    except ValueError:
        raise UsageError(f"--numcheck-timeout {text}: write a number of seconds above 0") from None


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let the catalogue follow whatever else the session collects, when every module is imported."""
    report = yield
    config = collector.config
    if not config.getoption("numcheck"):
        return report
    if isinstance(collector, pytest.Session):
        report.result = [*(report.result or ()), Catalog.from_parent(collector, name=ROOT, nodeid=ROOT)]
    elif isinstance(collector, pytest.Module) and config.getoption("lf", False) and not report.result:
        # `--lf` skips the files without a failing test, but an item that failed may be declared there
        with suppress(Exception, pytest.skip.Exception):
            _ = collector.obj
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of items that were asked for by node id each has to be there; where nothing else was asked for, drop the rest."""
    chosen: list[str] = getattr(config.option, "numcheck_chosen", [])
    if not (config.getoption("numcheck") and chosen):
        return
    absent = [node for node in chosen if not any(_within(item.nodeid, node) for item in items)]
    if absent:
        raise pytest.UsageError(
            f"no item {absent[0]}: `pytest --numcheck --collect-only -q` prints the node ids"
        )
    if not config.option.numcheck_paths:
        others = [item for item in items if not isinstance(item, RoutineItem)]
        items[:] = [item for item in items if isinstance(item, RoutineItem)]
        config.hook.pytest_deselected(items=others)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str | None:
    """How many items there are, and what brings in those that were left out."""
    if not config.getoption("numcheck") or config.get_verbosity() < 0:
        return None
    count = sum(isinstance(item, RoutineItem) for item in items)
    if count or getattr(config.option, "numcheck_chosen", []):
        return f"numcheck: {count} items"
    return (
        "numcheck: no formula of your own is imported, or lies in the paths given: name its file, import it in "
        "conftest.py, or add --numcheck-catalog for the catalogue"
    )


def _within(nodeid: str, chosen: str) -> bool:
    return nodeid == chosen or nodeid.startswith((f"{chosen}::", f"{chosen}["))


class Catalog(pytest.Collector):
    """Stands above every formula in node ids and in the tree of `--collect-only`."""

    def collect(self) -> Iterable[pytest.Collector]:
        """A node for each formula."""
        from numcheck.declaration.registry import formulas, load_catalog

        try:
            load_catalog()
            known = formulas()  # here, where what is declared wrongly can be told in one line
            folders = _folders(self.config)
        except UsageError as error:
            raise self.CollectError(f"numcheck: {error}") from None
        for name, formula in known.items():
            routines = [one for one in formula.routines.values() if self._is_asked_for(name, one, folders)]
            if routines:
                yield FormulaNode.from_parent(self, name=name, routines=routines)

    def _is_asked_for(self, name: str, routine: "Routine", folders: Sequence[Path]) -> bool:
        """Whether a routine is the project's own and lies in the paths given, or was asked for otherwise."""
        chosen: list[str] = self.config.option.numcheck_chosen
        if chosen:
            node = f"{self.nodeid}::{name}::{routine.name}"
            return any(_within(node, one) or one.startswith(f"{node}[") for one in chosen)
        modules = routine.formula.module, str(getattr(routine.function, "__module__", ""))
        files = [Path(file) for name in modules if (file := getattr(sys.modules.get(name), "__file__", None))]
        inside = any(file.is_relative_to(folder) for file in files for folder in folders)
        if all(name.startswith(f"{CATALOG}.") for name in modules):
            within = any(folder.is_relative_to(_folder_of(CATALOG)) for folder in folders)
            return within and inside if folders else bool(self.config.getoption("numcheck_catalog"))
        return inside or not self.config.option.numcheck_paths


CATALOG = "numcheck.catalog"


def _folder_of(package: str) -> Path:
    return Path(str(import_module(package).__file__)).parent


def _folders(config: pytest.Config) -> list[Path]:
    """The files and folders that limit what is collected; with `--pyargs` those of packages, too."""
    found: list[Path] = []
    for argument in config.option.numcheck_paths:
        if "::" in argument:  # one test
            continue
        path = Path(config.invocation_params.dir, argument)
        if config.getoption("pyargs") and not path.exists():
            with suppress(ImportError, ValueError):
                spec = find_spec(argument)
                if spec is not None and spec.origin is not None:
                    path = Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
        found.append(path.resolve())
    return found


class FormulaNode(pytest.Collector):
    """One formula, above the items of its routines."""

    def __init__(self, name: str, parent: pytest.Collector, routines: "Sequence[Routine]") -> None:
        super().__init__(name, parent)
        self.routines = routines

    def collect(self) -> Iterable[pytest.Item]:
        """An item for each routine, in each format that it was written for, on each device.

        A formula that does not keep its promises, or that cannot be evaluated, is an error of the collection.
        """
        from numcheck.truth import ContradictionError, expect_promises

        try:
            for formula in dict.fromkeys(routine.formula for routine in self.routines):
                expect_promises(formula)
        except UsageError as error:
            raise self.CollectError(visible(str(error))) from None
        except ContradictionError as error:
            raise self.CollectError(visible(f"truth in doubt: {error}")) from None
        for routine, format, device in product(self.routines, _formats(self.config), _devices(self.config)):
            if routine.written_for(format.name):
                name = f"{routine.name}[{format.name}-{device}]"
                yield RoutineItem.from_parent(self, name=name, routine=routine, format=format, device=device)


class RoutineItem(pytest.Item):
    """One routine in one format on one device, its value and its gradient."""

    def __init__(
        self, name: str, parent: pytest.Collector, routine: "Routine", format: "Format", device: str
    ) -> None:
        # given whole, for pytest takes the brackets of a node id that it reads apart (from --lf's cache, say)
        super().__init__(name, parent, nodeid=f"{parent.nodeid}::{name}")
        self.add_marker(ROOT)
        self.routine, self.format, self.device = routine, format, device

    def runtest(self) -> None:
        from numcheck.declaration.patience import patience

        with patience(_timeout(self.config)):
            self._judge()

    def _judge(self) -> None:
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
        except UsageError as error:  # of the formula, which its message names
            raise BrokenPromiseError(str(error)) from None
        finally:
            torch.set_num_threads(threads)
        self.user_properties.append((ROOT, json.dumps(_tally(self, halves))))
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
        yield from _half_lines(one, f"sampled, seed {seed}")
    for gap in dict.fromkeys(gap for one in halves for gap in one.stale):
        yield f"\nstale gap {gap.name!r} ({gap.why}): its witnesses fail no more here; delete the gap, or run --witness"
    yield f"\n  again      {_again(item)}"


def _again(item: RoutineItem) -> str:
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
        words += ["-m", ROOT, *paths]
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


def _title(item: RoutineItem) -> str:
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table: one line for each formula."""
    reports: list[pytest.TestReport] = [
        report
        for alike in terminalreporter.stats.values()
        for report in alike
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    reports.sort(key=lambda report: report.start)
    tallies = [json.loads(str(told)) for one in reports for name, told in one.user_properties if name == ROOT]
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
