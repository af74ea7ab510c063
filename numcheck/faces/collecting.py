"""Routines below the session as items of pytest: what is collected for them, under which node ids.

`--numcheck` judges routines and `--numcheck-bench` times them, each below a root of its own, which stands after the
tests, so that every option of pytest that chooses tests chooses among them. Formulas are found in whatever pytest
imports and in installed packages that name theirs; paths limit them, and the catalogue is taken where it is asked for.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from numcheck.declaration.words import UsageError, visible
from numcheck.faces.names import formats_of, names_of

if TYPE_CHECKING:
    from numcheck.declaration.formulas import Routine
    from numcheck.formats import Format

JUDGED, TIMED = "numcheck", "numcheck-bench"
"""The first part of every item's node id, where a test file's path stands for other items; and the option for it."""

Items = Callable[["FormulaNode", "Routine"], Iterable[pytest.Item]]
"""The items of one routine."""


def asked_for(config: pytest.Config) -> list[str]:
    """The roots whose option is given."""
    return [root for root in (JUDGED, TIMED) if config.getoption(root.replace("-", "_"))]


# Options ----------------------------------------------------------------------------------------------------------


def whole_number(config: pytest.Config, what: str, least: int) -> int:
    """The number that `--numcheck-WHAT` gives."""
    text = str(config.getoption(f"numcheck_{what}"))
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise UsageError(f"--numcheck-{what} {text}: write a whole number, {least} or more")
    return number


def timeout_of(config: pytest.Config) -> float | None:
    """The seconds that a call may take."""
    text = config.getoption("numcheck_timeout")
    try:
        return None if text is None else float(str(text))
    except ValueError:
        raise UsageError(f"--numcheck-timeout {text}: write a number of seconds above 0") from None


def asked_formats(config: pytest.Config) -> "list[Format]":
    """The formats of the items."""
    return formats_of(str(config.getoption("numcheck_formats")), "--numcheck-formats")


def asked_devices(config: pytest.Config) -> list[str]:
    """The devices of the items, each of which there is."""
    from numcheck.measure import check_device

    names = names_of(str(config.getoption("numcheck_devices")), "--numcheck-devices")
    try:
        for name in names:
            check_device(name)
    except UsageError as error:
        raise UsageError(f"--numcheck-devices: {error}") from None
    return names


# Nodes ------------------------------------------------------------------------------------------------------------


def is_within(nodeid: str, chosen: str) -> bool:
    """Whether a node is the chosen one, or stands below it."""
    return nodeid == chosen or nodeid.startswith((f"{chosen}::", f"{chosen}["))


class Catalog(pytest.Collector):
    """Stands above every formula in node ids and in the tree of `--collect-only`."""

    def __init__(self, name: str, parent: pytest.Collector, items: Items) -> None:
        super().__init__(name, parent, nodeid=name)
        self.items = items

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
                yield FormulaNode.from_parent(self, name=name, routines=routines, items=self.items)

    def _is_asked_for(self, name: str, routine: "Routine", folders: Sequence[Path]) -> bool:
        """Whether a routine is the project's own and lies in the paths given, or was asked for otherwise."""
        chosen: list[str] = self.config.option.numcheck_chosen
        if chosen:
            node = f"{self.nodeid}::{name}::{routine.name}"
            return any(is_within(node, one) or one.startswith(f"{node}[") for one in chosen)
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

    def __init__(
        self, name: str, parent: pytest.Collector, routines: "Sequence[Routine]", items: Items
    ) -> None:
        super().__init__(name, parent)
        self.routines, self.items = routines, items

    def collect(self) -> Iterable[pytest.Item]:
        """The items of each routine.

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
        for routine in self.routines:
            yield from self.items(self, routine)


class RoutineItem(pytest.Item):
    """One routine in one format on one device."""

    def __init__(
        self, name: str, parent: pytest.Collector, routine: "Routine", format: "Format", device: str
    ) -> None:
        # given whole, for pytest takes the brackets of a node id that it reads apart (from --lf's cache, say)
        super().__init__(name, parent, nodeid=f"{parent.nodeid}::{name}")
        self.routine, self.format, self.device = routine, format, device

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
