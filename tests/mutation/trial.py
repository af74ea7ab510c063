"""Runs a room's tests on its mutants: each in a fork of the process that has collected and run the tests once."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import Phase, settings

from .mutants import Mutant, inner, mutants, resolved
from .rooms import Room

TESTS = Path(__file__).parents[1]
SLOWER = 5.0
"""A mutant whose tests take so many times as long as they should, and `PATIENCE` seconds, runs for ever."""
PATIENCE = 10.0
NONE = compile("", "<nothing>", "exec")


@dataclass
class Trial:
    """A pytest plugin: instead of the tests, it runs the mutants. `killers` holds what killed each, None if nothing."""

    room: Room
    chosen: Callable[[Mutant], bool]
    told: Callable[[str], None]
    killers: dict[Mutant, str | None] = field(default_factory=dict)
    seconds: float = 0.0
    problem: str | None = None
    failed: bool = False

    def pytest_sessionstart(self) -> None:
        # the same examples for every mutant, and none made smaller: that a test fails is all that is asked
        settings.register_profile(
            "mutation",
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            report_multiple_bugs=False,
        )
        settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not {"full", "cuda"} & set(item.keywords)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            self.problem = "a file of the room's tests cannot be imported"
            return True
        targets = [(module, name) for module, names in self.room.targets.items() for name in names.split()]
        touched, took, imported = self._run_unchanged(session.items, targets)
        if self.problem is not None:
            return True
        first: dict[tuple[str, str], list[pytest.Item]] = {}
        for key in targets:
            asked = [item for item in session.items if key in touched[item]]
            asked.sort(key=lambda item: took[item])
            first[key] = asked
        if killer := self._killer(None, session.items, took):
            self.problem = f"in a fork a test fails with nothing changed: {killer}"
            return True
        for key in targets:
            for mutant in mutants(*key):
                if not self.chosen(mutant) or (mutant.outside and key in imported):
                    continue
                items = first[key]
                killer = self._killer(mutant, items, took)
                self.killers[mutant] = killer
                if killer is None:
                    self.told(f"survived: {mutant}")
                for i, item in enumerate(items):  # what has killed one is tried first on the next
                    if item.nodeid == killer:
                        items.insert(0, items.pop(i))
                        break
        return True

    def _run_unchanged(
        self, items: Sequence[pytest.Item], targets: Sequence[tuple[str, str]]
    ) -> tuple[
        dict[pytest.Item, set[tuple[str, str]]], dict[pytest.Item, float], dict[tuple[str, str], CodeType]
    ]:
        """Which targets each test runs through, how long it takes, and the code of functions that ran at import alone.

        What those do beside making functions happened before any mutant was there.
        """
        functions = {key: resolved(*key) for key in targets}
        codes = {
            code: key
            for key, f in functions.items()
            if hasattr(f, "__code__")
            for code in (f.__code__, *inner(f.__code__))
        }
        imported = {
            key: f.__code__ for key, f in functions.items() if next(inner(getattr(f, "__code__", NONE)), None)
        }
        constants = {key for key, f in functions.items() if not hasattr(f, "__code__")}
        touched: dict[pytest.Item, set[tuple[str, str]]] = {}
        took: dict[pytest.Item, float] = {}
        for item in items:
            met = touched[item] = set(constants)

            def look(frame: FrameType, event: str, _: Any, met: set[tuple[str, str]] = met) -> None:
                if event == "call" and frame.f_code in codes:
                    key = codes[frame.f_code]
                    met.add(key)
                    if frame.f_code is imported.get(key):
                        del imported[key]

            started = time.perf_counter()
            sys.setprofile(look)
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            finally:
                sys.setprofile(None)
            took[item] = time.perf_counter() - started
            self.seconds += took[item]
            if self.failed:
                self.problem = f"a test fails with nothing changed: {item.nodeid}"
                break
        return touched, took, imported

    def _killer(
        self, mutant: Mutant | None, items: Sequence[pytest.Item], took: dict[pytest.Item, float]
    ) -> str | None:
        """The first test that fails, or how the process ended; None where all pass."""
        source, sink = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(source)
            _as_child(self, mutant, items, sink)
        os.close(sink)
        limit = PATIENCE + SLOWER * sum(took[item] for item in items)
        ready, _, _ = select.select([source], [], [], limit)
        answer = os.read(source, 1 << 12).decode() if ready else "ran for ever"
        os.close(source)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return None if answer == "survived" else answer or "the process died"


def _as_child(trial: Trial, mutant: Mutant | None, items: Sequence[pytest.Item], sink: int) -> None:
    answer = "survived"
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(quiet, stream)
        if items:
            reporter = items[0].config.pluginmanager.getplugin("terminalreporter")
            items[0].config.pluginmanager.unregister(reporter)
        if mutant is not None:
            mutant.apply()
        for item in items:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if trial.failed:
                answer = item.nodeid
                break
    except BaseException as error:
        answer = f"the run broke: {type(error).__name__}"
    finally:
        os.write(sink, answer[:4000].encode())
        os._exit(0)


def run(room: Room, chosen: Callable[[Mutant], bool], told: Callable[[str], None]) -> Trial:
    """The trial of a room's mutants, of those that are chosen."""
    trial = Trial(room, chosen, told)
    files = [str(TESTS / name) for name in room.tests if (TESTS / name).exists()]
    options = (
        "-q -p no:cacheprovider -p no:xdist -p no:benchmark -W ignore::pytest.PytestAssertRewriteWarning"
    )
    pytest.main([*files, *options.split()], plugins=[trial])
    return trial
