"""An iteration stopped before it arrived: its value still moves, in any precision.

## Why digits are lost

A loop with a fixed number of passes is right where it started near enough and wrong elsewhere.
From x = 1, Heron's method leaps to half of a and then halves x in every pass until it is near the
root: for a = 2 four passes give 12 digits, for a = 1000 they give 67.7 where 31.6 is right. More
digits change nothing; more passes do. Newton's method started on a plateau leaps far away and
takes many passes back.

## Example

>>> import torch
>>> def root(a, passes):
...     x = torch.ones_like(a)
...     for _ in range(passes):
...         x = (x + a / x) / 2
...     return x
>>> a = torch.tensor(1000.0)
>>> round(root(a, 4).item(), 1)
67.7

Iterate until the value stands still, start from the exponent, or bracket the root so that no step
leaves it:

>>> round(root(a, 10).item(), 3)
31.623
>>> significand, exponent = torch.frexp(a)
>>> half = exponent // 2
>>> rest = torch.ldexp(significand, exponent - 2 * half)
>>> round(torch.ldexp(root(rest, 4), half).item(), 3)
31.623

## Told from its neighbours

- wrong_formula, scale: more digits don't heal those either, but no loop of theirs still moves at
  the end.
- order, absorption: a loop of sums that stands still too early, or errs by rounding; more digits
  heal it.

## How numcheck proves it

A line of the routine ran three times or more on one path of calls, and is an iteration: its last
passes each go on from the one before, and take nothing from outside that the one before did not
take, as a loop over points or elements does. Either each does the same, or their steps shrink. It
still moves: its last two results differ by more than two unit roundoffs, or its steps grow. And a
shadow with some 106 significand bits runs the same loop to the same wrong value, to a quarter of
its error. Only a value is called unconverged, never a gradient.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "iterate further, or bracket the root so that no step leaves it"

PASSES = 3  # from so many on, a line that runs again is an iteration
MOVING = 2.0  # unit roundoffs between its last two results, from which on it still moves


def _heron(a: torch.Tensor, passes: int) -> torch.Tensor:
    x = torch.ones_like(a)
    for _ in range(passes):
        x = (x + a / x) / 2
    return x


PLANTED = planted(
    "Heron of Alexandria, Metrica I.8",
    lambda a: m.sqrt(a),
    wrong=lambda a: _heron(a, 4),  # enough near 1 only
    right=lambda a: _heron(a.double(), 20).to(a.dtype),  # enough for every a of the domain, and rounded once
    value=2,
    a=real(2**-10, 2**10),
)
