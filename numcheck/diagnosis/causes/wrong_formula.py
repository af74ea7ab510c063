"""The code computes another function than the formula's: in any precision it is as wrong.

## Why digits are lost

None is lost to rounding. The code has a wrong axis, a swapped argument, a softmax too many, an
epsilon in another place, a clamp that bites. Such a routine agrees with itself in every format,
so that comparing float32 with float64 shows nothing: only an independent formula does. For the
logits (8, 0) the loss of class 0 is 0.0003; after a second softmax it is 0.3134, and 0.3133 is
the least that it can be.

## Example

>>> import torch
>>> from torch.nn.functional import cross_entropy
>>> logits, label = torch.tensor([8.0, 0.0]), torch.tensor(0)
>>> round(cross_entropy(torch.softmax(logits, 0), label).item(), 4)
0.3134

cross_entropy takes logits and does the softmax itself:

>>> round(cross_entropy(logits, label).item(), 4)
0.0003

## Told from its neighbours

- scale: the same proof, but all results are one multiple of the truth.
- unconverged: more digits don't heal that either, but the value still moves from pass to pass of
  a loop.
- special_value, overflow: a NaN or an infinity is called by what made it; a wrong formula's
  result is finite.
- A small difference may be meant: an approximation (GELU by tanh) is another formula, and wants
  its own page.

## How numcheck proves it

The routine runs beside a shadow with some 106 significand bits. Where that shares the wrong result,
to half of its error, the routine's own code is executed exactly at that input, with torch's own
derivatives: on rational numbers while they are rational, on Arb's balls after that, without a range
and following the branches that exact numbers take. At 128 bits, 512 or 2,048 the balls tell whether
what it gives lies nearer to the failing result than half of the error. If so, exact arithmetic
misses the truth too, by the greater part of the error, and no rounding has a part in that.

Numbers that are written in Python (0.1, or 1 / 3) count as the code has them, in float64. Where an
operator has no exact rule, where random numbers are drawn, or where numbers leave torch for numpy,
nothing is proved: the finding then has another cause, and a note says why this one was not proved.
"""

import torch
from torch.nn import functional

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "exact arithmetic gives the same result: compare the code with the formula's source"


PLANTED = planted(
    "Goodfellow, Bengio & Courville 2016, section 6.2.2.2",
    lambda logit: m.log(1 + m.exp(-logit)),
    wrong=lambda logit: functional.softplus(-torch.sigmoid(logit)),  # takes a probability for a logit
    right=lambda logit: functional.softplus(-logit),  # softplus has the sigmoid in it
    value=4,
    logit=real(-20, 20),
)
