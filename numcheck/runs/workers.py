"""Where independent work is done: in this process, in worker processes, or wherever an executor takes it."""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import forkserver
from multiprocessing.connection import wait as wait_for_any
from typing import Any, ParamSpec, TypeVar

from numcheck.declaration.patience import be_patient, limit
from numcheck.runs.switches import those_set, turn

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Items handed out for each worker: one in work, and one waiting, so that none has to wait for us."""

MOST_JOBS = 4
"""Processes that measure at once, if nobody asks for more: each holds a torch of its own, some 300 MB."""

_METHOD = "forkserver" if sys.platform == "linux" else "spawn"


class InThisProcess(Executor):
    """Does the work when it is submitted; what is asked for next waits until that is done."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """A future that is done already. Ctrl-C is not caught: it stops the caller."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Workers:
    """An executor, and how many items it is handed before the first comes back."""

    executor: Executor
    ahead: int

    def completed(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Each item with what `work` made of it, as they are done."""
        waiting = iter(items)
        pending: dict[Future[R], T] = {}
        while True:
            for item in islice(waiting, self.ahead - len(pending)):
                pending[self.executor.submit(work, item)] = item
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield pending.pop(future), future.result()


def jobs() -> int:
    """Processes to measure with on this machine."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, MOST_JOBS)


def prepare(*preload: str) -> None:
    """Let the modules of later `workers` be imported by then, beside whatever this process does in the meantime.

    A fork server imports torch once, before any thread exists, and forks the workers from there.
    """
    if _METHOD == "forkserver":
        multiprocessing.get_context(_METHOD).set_forkserver_preload([*preload])
        forkserver.ensure_running()


@contextmanager
def workers(jobs: int, preload: str) -> Generator[Workers]:
    """So many local processes, or this one where `jobs` is 1.

    Arb's precision is global to a process, so processes it is. `preload` names the module that does the work (see
    `prepare`). They wait for routines as long as this one does now. What is still in work when the block is left by an
    exception is given up.
    """
    if jobs == 1:
        yield Workers(InThisProcess(), 1)
        return
    prepare(preload)
    context = multiprocessing.get_context(_METHOD)
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(limit(), those_set()))
    try:
        yield Workers(pool, AHEAD * jobs)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    pool.shutdown()


def _begin(seconds: float | None, switches: Mapping[str, str]) -> None:
    """Leave Ctrl-C to the process that hands out the work, and end with it, however it ends; be as patient as it is.

    And have torch's switches where it has them.
    """
    be_patient(seconds)
    if switches:
        turn(switches)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # what was imported stays: no collection needs to go through it again
    gc.set_threshold(5_000)  # and few need to be made: what takes memory here is in no cycles
    parent: Any = multiprocessing.parent_process()

    def follow() -> None:
        wait_for_any([parent.sentinel])
        os._exit(1)

    # A killed parent closes no queue: without this a worker would wait for its next item for ever.
    threading.Thread(target=follow, daemon=True).start()
