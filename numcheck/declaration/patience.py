"""How long a routine may take: a call that does not return is given up, with the process that it is made in.

Under `patience(seconds)` each call is made in a process of its own, forked for it and killed when the time has passed,
whether Python or C is at work there; so one that ends its process, by a segmentation fault say, ends no run either. It
costs a fork a call, some hundredths of a second, and what a routine remembers from one call to the next (what was
compiled, say) is lost. A process that uses a GPU cannot be forked, and Windows forks none.
"""

import io
import os
import pickle
import select
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from numcheck.declaration.words import UsageError, told_of

T = TypeVar("T")

MOST_TIMES = 20
"""Calls of one kind that are waited for in vain: so many find one of two thousand points at which a routine hangs."""


class TimedOutError(Exception):
    """A call took longer than it may; the message says so."""


@dataclass(frozen=True)
class _Patience:
    seconds: float
    in_vain: Counter[Hashable] = field(default_factory=Counter[Hashable])


_patience: ContextVar[_Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patience(seconds: float | None) -> Generator[None]:
    """Let each call of `in_time` take so many seconds, any number where it is None. UsageError for what cannot be."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise UsageError(f"a timeout of {seconds:g}: write a number of seconds above 0")
    if seconds is not None and not hasattr(os, "fork"):
        raise UsageError("--timeout needs a system that forks processes: leave it out here")
    before = _patience.get()
    be_patient(seconds)
    try:
        yield
    finally:
        _patience.set(before)


def be_patient(seconds: float | None) -> None:
    """Have the `patience` of another process in this one, to its end."""
    _patience.set(None if seconds is None else _Patience(seconds))


def limit() -> float | None:
    """The seconds that a call may take here."""
    now = _patience.get()
    return None if now is None else now.seconds


def in_time(call: Callable[[], T], kind: Hashable) -> T:
    """What a call gives, or raises; TimedOutError where it does not return in time.

    Results have to be what can be pickled. Of a `kind` of calls that was waited for in vain `MOST_TIMES` none is made
    any more.
    """
    now = _patience.get()
    if now is None:
        return call()
    late = f"timed out after {now.seconds:g} s"
    if now.in_vain[kind] >= MOST_TIMES:
        raise TimedOutError(f"{late} {MOST_TIMES} times, and is not called any more")
    told = _forked(call, now.seconds)
    if told is None:
        now.in_vain[kind] += 1
        raise TimedOutError(late)
    result, raised = pickle.loads(told)
    if raised is not None:
        raise raised
    return result


def _forked(call: Callable[[], Any], seconds: float) -> bytes | None:
    """What a forked process made of a call, pickled; None where the time passed."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # else both processes would print what is waiting there
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads: none of ours holds a lock that a routine takes
        process = os.fork()
    if not process:
        _answer(call, writing)
    os.close(writing)
    parts: list[bytes] = []
    end = time.monotonic() + seconds
    try:
        while True:
            if not select.select([reading], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            part = os.read(reading, 1 << 20)
            if not part:
                break
            parts.append(part)
    finally:
        os.close(reading)
        os.kill(process, signal.SIGKILL)  # it has answered, or never will
        status = os.waitpid(process, 0)[1]
    return b"".join(parts) or pickle.dumps((None, _died(status)))


def _died(status: int) -> Exception:
    """What is told of a process that ended without an answer."""
    code = os.waitstatus_to_exitcode(status)
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return RuntimeError(f"it ended its process {how}")


def _answer(call: Callable[[], Any], writing: int) -> None:
    """Make the call in this process, send what came of it, and end."""
    try:
        try:
            answer = _pickled((call(), None))
        except BaseException as error:  # whatever a routine can raise, or leave by
            answer = _told(error)
        sys.stdout.flush()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


class _Pickler(pickle.Pickler):
    """One whose tensors of 8-bit floats can be read again: torch 2.13 cannot read those that it writes."""

    def reducer_override(self, thing: Any) -> Any:
        import torch  # not above: worker processes are started first, and load it at the same time as this one

        if isinstance(thing, torch.Tensor) and thing.is_floating_point() and thing.itemsize == 1:
            return _of_bytes, (thing.detach().contiguous().view(torch.uint8), thing.dtype)
        return NotImplemented


def _of_bytes(data: Any, dtype: Any) -> Any:
    return data.view(dtype)


def _pickled(answer: tuple[Any, BaseException | None]) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(answer)
    return stream.getvalue()


def _told(error: BaseException) -> bytes:
    """An exception to be raised elsewhere, or one that is told in the same words."""
    try:
        answer = _pickled((None, error))
        pickle.loads(answer)
    except Exception:  # its own class may refuse either in any way
        named = type(error).__name__
        answer = pickle.dumps((None, RuntimeError(told_of(error) if str(error) else named)))
    return answer
