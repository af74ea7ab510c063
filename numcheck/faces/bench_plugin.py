"""`pytest --numcheck-bench`: every routine of a project as a benchmark, with its errors beside its times.

An item times one routine in one format, device, size and mode, forward or backward, in the session of pytest-benchmark:
so its options, storage, `--benchmark-json`, `--benchmark-compare-fail` and the command `pytest-benchmark compare` do
with these items what they do with any benchmark. How wrong the routine is stands in the extra information of each, as
`numcheck check` finds it. Items are collected as those of `--numcheck` are.
"""

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from numcheck.declaration.words import MODES, UsageError, visible
from numcheck.faces.collecting import (
    BrokenPromiseError,
    FormulaNode,
    RoutineItem,
    asked_devices,
    asked_formats,
    whole_number,
)
from numcheck.faces.names import names_of, sizes_of

if TYPE_CHECKING:
    from numcheck.declaration.formulas import Routine
    from numcheck.declaration.words import Of
    from numcheck.formats import Format
    from numcheck.runs import Kernel

MARK = "numcheck_bench"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options that only benchmarks have."""
    group = parser.getgroup("numcheck", "numcheck: digits proved right")
    group.addoption(
        "--numcheck-bench",
        action="store_true",
        help="time every routine of your formulas with pytest-benchmark, with its errors as extra information",
    )
    for name, default, told in (
        ("sizes", "1e4,1e6", "numbers of the largest input of a benchmark, with commas between them"),
        ("modes", "eager", "how routines are benchmarked, eager or compiled or both"),
    ):
        group.addoption(
            f"--numcheck-{name}", metavar=name.upper(), default=default, help=f"{told} (%(default)s)"
        )


def pytest_configure(config: pytest.Config) -> None:
    """Check the options before anything is collected."""
    config.addinivalue_line("markers", f"{MARK}: a routine that `--numcheck-bench` times")
    if not config.getoption("numcheck_bench"):
        return
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError(
            "--numcheck-bench needs pytest-benchmark: pip install pytest-benchmark, and no -p no:benchmark"
        )
    try:
        _sizes(config)
        _modes(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _sizes(config: pytest.Config) -> list[int]:
    return sizes_of(str(config.getoption("numcheck_sizes")), "--numcheck-sizes")


def _modes(config: pytest.Config) -> list[str]:
    from numcheck.runs import lacking

    names = names_of(str(config.getoption("numcheck_modes")), "--numcheck-modes")
    for name in names:
        if name not in MODES:
            raise UsageError(f"--numcheck-modes {name}: write {' or '.join(MODES)}")
        for device in asked_devices(config):
            if (line := lacking(name, device)) is not None:
                raise UsageError(f"--numcheck-modes {name}: {line}")
    return names


def timed_items(node: FormulaNode, routine: "Routine") -> Iterable[pytest.Item]:
    """An item for each format that the routine was written for, device, size, half with a budget, and mode."""
    from numcheck.report import size_name
    from numcheck.runs import DIRECTIONS

    config = node.config
    given = product(
        asked_formats(config), asked_devices(config), _sizes(config), routine.budgets, _modes(config)
    )
    for format, device, size, of, mode in given:
        if routine.written_for(format.name):
            name = f"{routine.name}[{format.name}-{device}-{size_name(size)}-{DIRECTIONS[of]}-{mode}]"
            yield TimedItem.from_parent(
                node, name=name, routine=routine, format=format, device=device, size=size, of=of, mode=mode
            )


KERNELS = pytest.StashKey[dict[tuple[Any, ...], "Kernel | tuple[str, BaseException]"]]()
"""What has been judged in this session: all sizes of a routine have the same errors."""


class TimedItem(RoutineItem):
    """One routine in one format on one device, for one size, forward or backward, eager or compiled."""

    fixturenames = ("benchmark",)
    """By which pytest-benchmark tells its own items from others (`--benchmark-only`)."""

    def __init__(
        self,
        name: str,
        parent: pytest.Collector,
        routine: "Routine",
        format: "Format",
        device: str,
        size: int,
        of: "Of",
        mode: str,
    ) -> None:
        super().__init__(name, parent, routine, format, device)
        self.add_marker(MARK)
        self.size, self.of, self.mode = size, of, mode
        self.funcargs: dict[str, Any] = {}

    def runtest(self) -> None:
        from numcheck.runs import prepared, why_not

        name = f"{self.routine.formula.name}.{self.name}"
        points, seed = whole_number(self.config, "points", 1), whole_number(self.config, "seed", 0)
        benchmark = self.funcargs["benchmark"] = self._benchmark()
        try:
            kernel = self._kernel(points, seed)
            asked = kernel, self.format, self.device, self.size, self.of, points, seed
            with prepared(*asked) as (inputs, made):
                benchmark.extra_info |= self._told(kernel, inputs.elements, made.bytes_moved, made.first)
                benchmark(made.waited)
        except Exception as error:
            benchmark.has_error = True
            why = str(error) if isinstance(error, UsageError) else why_not(error)
            raise BrokenPromiseError(visible(f"{name}: {why}")) from error
        if benchmark.stats:  # none where benchmarks are disabled
            benchmark.extra_info["throughput"] = inputs.elements / benchmark.stats.stats.median

    def _benchmark(self) -> Any:
        """What the fixture of pytest-benchmark would be, whose items are functions with parameters."""
        from pytest_benchmark.fixture import BenchmarkFixture

        from numcheck.report import size_name
        from numcheck.runs import DIRECTIONS

        session: Any = self.config.pluginmanager.get_plugin("pytest-benchmark")
        made: Any = BenchmarkFixture(
            self,
            add_stats=session.benchmarks.append,
            logger=session.logger,
            warner=self.warn,
            disabled=session.disabled,
            **session.options,
        )
        made.params, made.param = self._about(), self.name.partition("[")[2].removesuffix("]")
        told = (
            self.routine.formula.name,
            self.format.name,
            self.device,
            size_name(self.size),
            DIRECTIONS[self.of],
        )
        made.group = " ".join(told)
        return made

    def _about(self) -> dict[str, Any]:
        from numcheck.runs import DIRECTIONS

        return {
            "formula": self.routine.formula.name,
            "routine": self.routine.name,
            "format": self.format.name,
            "device": self.device,
            "size": self.size,
            "of": DIRECTIONS[self.of],
            "mode": self.mode,
        }

    def _told(self, kernel: "Kernel", elements: int, moved: int, first: float) -> dict[str, Any]:
        """The extra information of a benchmark."""
        differs = kernel.differs.get(self.of)
        return {
            **self._about(),
            **kernel.errors[self.of],
            "elements": elements,
            "bytes": moved,
            "first_s": first,
            "differs_at": differs,
        }

    def _kernel(self, points: int, seed: int) -> "Kernel":
        """The routine as it was judged, once for all sizes."""
        from numcheck.runs import kernels_of, sampled

        known = self.config.stash.setdefault(KERNELS, {})
        key = self.routine.formula.name, self.routine.name, self.format.name, self.device, self.mode
        if key not in known:
            sample, _ = sampled(self.routine.formula, self.format, points, seed)
            (known[key],) = kernels_of(self.routine, [self.mode], sample, self.device)
        found = known[key]
        if isinstance(found, tuple):
            raise found[1]
        return found
