"""What an input may be, and the points at which routines are judged.

A formula declares one domain for each of its inputs. A domain is a frozen dataclass, written with the
function of the same name in lower case (`real(-200, 200)` is `Real(low=-200, high=200, near=())`). Of every
format alike it says

- `ragged`: the sizes in which the input comes, None for a single value;
- `differentiable`: whether a gradient with respect to the input means anything;
- `describe`: the domain in words, for reports;

and it answers for one format, and one size where it is ragged, at a time:

- `corners`: the inputs at which code breaks: zeros, bounds, the ends of the format, powers of two, kinks and
  their neighbours;
- `sweep`: uniform in the format's ordinals, so that every magnitude gets its share;
- `sample`: what data look like: normal, log-normal, a large common offset with a small spread;
- `exhaustive`: every input there is, in order, or None where they are more than 65,536;
- `strategy`: a hypothesis strategy whose minimal inputs are readable, because it shrinks the number of
  significand bits first;
- `parse`: one value from the command line, which may lie outside the domain;
- `column`: values side by side, rounded to the format once.

`draw` puts them together for all inputs of a formula. Everything drawn is a value of the format and lies in
the domain, which `contains` tells of other values, too; and the same seed, name and format draw the same
points bit for bit. `space_of` counts all points that there are, of real numbers and choices, without listing
them.

Bounds are read in the format's own order, in which -0 lies below +0: `real(0, 1)` begins at +0, `real(-0.0,
1)` at -0, and `real(-1, 0)` holds both. A bound that the format lacks moves inwards; an infinite bound says
that infinity is an input, too.
"""

from numcheck.domain.curves import CURVES, Curve, curve
from numcheck.domain.points import Domain, Points, contains, draw
from numcheck.domain.ragged import Index, Polygon, Simplex, Vector, index, polygon, simplex, vector
from numcheck.domain.scalars import Column, Integer, OneOf, Real, integer, one_of, real
from numcheck.domain.space import Space, space_of

__all__ = [
    "CURVES",
    "Column",
    "Curve",
    "Domain",
    "Index",
    "Integer",
    "OneOf",
    "Points",
    "Polygon",
    "Real",
    "Simplex",
    "Space",
    "Vector",
    "contains",
    "curve",
    "draw",
    "index",
    "integer",
    "one_of",
    "polygon",
    "real",
    "simplex",
    "space_of",
    "vector",
]
