"""Equal inputs in an equal arrangement gave other results from call to call.

## Why digits are lost

A sum that threads add up in the order in which they arrive, a mask that is drawn anew, a buffer
that keeps what the last call left: the same call gives other bits, in the last place of 24 or in
all of them. As long as the results differ
within the budget that is only told. Where they lie farther apart than twice the budget, one of
them at least is wrong, whatever the truth is; which one, the next call may tell otherwise.

## Example

>>> import torch
>>> _ = torch.manual_seed(0)
>>> x = torch.rand(1000)
>>> def masked_mean(x):
...     return torch.nn.functional.dropout(x, 0.5).mean()
>>> (masked_mean(x) == masked_mean(x)).item()
False

Draw once and hand over what was drawn, switch the draw off, or add in a fixed order:

>>> kept = torch.rand(1000) < 0.5
>>> ((x * kept).mean() == (x * kept).mean()).item()
True
>>> torch.nn.functional.dropout(x, 0.5, training=False).equal(x)
True

`torch.use_deterministic_algorithms(True)` makes torch choose kernels that add in a fixed order. A
routine that varies on purpose says so where it is declared: `varies="stochastic rounding"`.

## Told from its neighbours

- placement: the same call gives the same each time, and another arrangement something else.
- order: a sum that rounds more than the budget allows, each time in the same way.

## How numcheck proves it

It calls the routine again with a sample of the points, and where bits differ, repeats both calls
with equal tensors. Where a repeated call differs from itself, the routine is not_deterministic, and
fails where no truth could be within the budget of both results. The worse of the two is shown. All
points at which it fails have this cause: what else a result shows may be otherwise the next time.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "draw once and hand over what was drawn, or use algorithms that add in a fixed order"
WHERE = "anywhere: equal inputs gave other results when it was called again"


def _dithered(x: torch.Tensor) -> torch.Tensor:
    """Somewhere within 16 ulps of the square root."""
    return torch.sqrt(x) * (1 + 32 * torch.finfo(x.dtype).eps * (torch.rand(x.shape) - 0.5).to(x.dtype))


PLANTED = planted(
    "IEEE 754-2019, section 5.4.1",
    lambda x: m.sqrt(x),
    wrong=_dithered,
    right=lambda x: torch.sqrt(x),
    value=1,
    x=real(1, 100),
)
