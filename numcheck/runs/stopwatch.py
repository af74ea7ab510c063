"""How long a call takes: many timings of it, what copying takes beside it, and no more memory than there is.

On a processor torch's own benchmark timer is asked; on a GPU events around each call tell, after some calls to warm up
and with a cache that holds nothing of the call before. Nothing here knows of formulas.
"""

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.utils.benchmark import Timer

from numcheck.declaration.words import told_of

Call = Callable[[], Any]

WARM = 3
"""Calls before the first one that is timed by events."""
FEWEST = 5
MOST = 10_000
"""Calls that are timed by events."""
FLUSHED = 256 << 20
"""Bytes that are written between two calls: more than the caches of today's GPUs hold."""
KEPT_FREE = 0.1
"""Share of the memory that is left to others."""


@contextmanager
def threads(count: int) -> Generator[None]:
    """Run with so many of torch's threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def times_of(call: Call, device: str, seconds: float, count: int) -> list[float]:
    """Seconds of one call, many times over, for `seconds` in all at least; on a processor with `count` threads."""
    if torch.device(device).type == "cuda":
        return event_times(call, device, seconds)
    timer = Timer("call()", globals={"call": call}, num_threads=count)
    return [float(one) for one in timer.blocked_autorange(min_run_time=seconds).times]


def event_times(call: Call, device: str, seconds: float, cuda: Any = torch.cuda) -> list[float]:
    """Seconds of one call on a GPU, by a pair of events around each, the cache cleared before it."""
    cleared = torch.empty(FLUSHED, dtype=torch.int8, device=device)

    def timed(count: int) -> list[float]:
        pairs = [[cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(count)]
        for begin, end in pairs:
            cleared.zero_()
            begin.record()
            call()
            end.record()
        cuda.synchronize(device)
        return [begin.elapsed_time(end) / 1e3 for begin, end in pairs]

    for _ in range(WARM):
        call()
    cuda.synchronize(device)
    known = max(sorted(timed(FEWEST))[FEWEST // 2], 1e-7)
    return timed(min(MOST, max(FEWEST, round(seconds / known))))


def once(call: Call, device: str) -> tuple[float, Any]:
    """Seconds of this one call, until its result is there, and what it gives."""
    finished(device)
    begun = time.perf_counter()
    given = call()
    finished(device)
    return time.perf_counter() - begun, given


def finished(device: str) -> None:
    """Wait for all that a GPU was asked for."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def copying(bytes_moved: int, device: str) -> Call:
    """A copy that reads and writes so many bytes in all."""
    half = max(1, bytes_moved // 2)
    one = torch.zeros(half, dtype=torch.uint8, device=device)
    other = torch.ones_like(one)
    return lambda: other.copy_(one)


# Memory -----------------------------------------------------------------------------------------------------------


@contextmanager
def memory_of(device: str) -> Generator[None]:
    """Refuse, by an exception, what is more than the memory that is free now, where the system would end the process.

    Only Linux says what is free, and a GPU refuses by itself.
    """
    free = free_memory() if torch.device(device).type == "cpu" else None
    if free is None:
        yield
        return
    import resource

    before, most = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + int((1 - KEPT_FREE) * free)
    given = [one for one in (before, most) if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([limit, *given]), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


def free_memory() -> int | None:
    """Bytes that this process may still take, by the system and by the group that it runs in; None where none says."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    told = dict(line.split(":", 1) for line in lines)
    free = int(told["MemAvailable"].split()[0]) << 10
    group = Path("/sys/fs/cgroup")
    try:
        most, taken = ((group / f"memory.{name}").read_text(encoding="ascii") for name in ("max", "current"))
        return free if most.strip() == "max" else max(0, min(free, int(most) - int(taken)))
    except (OSError, ValueError):
        return free


def why_not(error: BaseException) -> str:
    """What kept a call from being timed, in one line."""
    text = str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in text:
        return no_room()
    return told_of(error)


def no_room() -> str:
    """What is said of a size that does not fit."""
    free = free_memory()
    room = "" if free is None else f", of which {free / 2**30:.1f} GiB are free"
    return f"it does not fit into the memory{room}: write smaller --sizes"
