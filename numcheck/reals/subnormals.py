"""Whether the processor keeps subnormal numbers: numcheck's own arithmetic does, whatever mode others have set.

A thread can be told to take subnormal operands and results for zero (`torch.set_flush_denormal`, or a library that was
compiled for speed and sets it when it is loaded). Then 1e-45 would be read as 0, and the truth told of another point.
So the mode is looked at wherever points are read, truths proved and routines run. What is found is remembered as the
mode in which the code of this thread runs: a routine is run in it, and its results are judged outside of it.
"""

import math
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

import torch

_found: set[int] = set()
"""The threads that were found flushing, by their identities: the mode is each thread's own."""
_LEAST, _LEAST_NORMAL, _ONE, _TWO = math.ulp(0.0), sys.float_info.min, 1.0, 2.0


def flushing() -> bool:
    """Whether this thread takes subnormal operands or results for zero."""
    return _LEAST * _ONE == 0 or _LEAST_NORMAL / _TWO == 0


def keep() -> None:
    """Keep subnormal numbers from here on; a thread that didn't is remembered as one whose code flushes them."""
    if flushing():
        _found.add(threading.get_ident())
        torch.set_flush_denormal(False)


@contextmanager
def as_found() -> Generator[list[bool]]:
    """Run code of others in the mode in which the thread was found, and keep subnormals again afterwards.

    Gives a list that then holds whether they were flushed, by the mode that was found or that the code has set.
    """
    keep()
    found = threading.get_ident() in _found
    told: list[bool] = []
    if found:
        torch.set_flush_denormal(True)
    try:
        yield told
    finally:
        told.append(found or flushing())
        torch.set_flush_denormal(False)
