"""The working precision of Arb and mpmath, and the only place that sets one.

It doubles until an enclosure is narrow enough, as Ziv 1991 raises precision until a rounding is decided. So no truth
hangs on a number of bits that was picked by hand.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
from flint import ctx

from numcheck.reals.arb import QUICK
from numcheck.reals.mp import CONTEXT

START, LIMIT = QUICK, 10_000


@contextmanager
def precision(bits: int) -> Generator[None, None, None]:
    """FLINT's and mpmath's working precision, put back afterwards."""
    before, before_mp = ctx.prec, CONTEXT.prec
    ctx.prec = CONTEXT.prec = bits
    try:
        # FLINT leaves the processor's floating-point flags raised (digamma does), and numpy would warn of them
        with np.errstate(all="ignore"):
            yield
    finally:
        ctx.prec, CONTEXT.prec = before, before_mp


def precisions() -> Iterator[int]:
    """128, 256, ... up to the limit."""
    bits = START
    while bits < LIMIT:
        yield bits
        bits *= 2
    yield LIMIT
