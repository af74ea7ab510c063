"""What an input may be, and the points at which routines are judged.

A formula declares one domain for each of its inputs. A domain is a frozen dataclass, written with the
function of the same name in lower case (`real(-200, 200)` is `Real(low=-200, high=200, near=())`). A kind of
domain is one file and answers for itself what `kinds` asks: a new one is a new file, and its line here.

`draw` puts the inputs of a formula together. Everything drawn is a value of the format and lies in the
domain, which tells of other values, too (`contains`); and the same seed, name and format draw the same points
bit for bit. `space_of` counts all points that there are, of real numbers and choices, without listing them.

Bounds are read in the format's own order, in which -0 lies below +0: `real(0, 1)` begins at +0, `real(-0.0,
1)` at -0, and `real(-1, 0)` holds both. A bound that the format lacks moves inwards; an infinite bound says
that infinity is an input, too.
"""

from numcheck.domain.box import box
from numcheck.domain.curves import curve
from numcheck.domain.index import index
from numcheck.domain.integer import integer
from numcheck.domain.integers import integers
from numcheck.domain.kinds import Column, Continuous, Domain, continuous, discrete, listed, numeric
from numcheck.domain.labels import labels
from numcheck.domain.mask import mask
from numcheck.domain.matrix import matrix
from numcheck.domain.measures import Measure
from numcheck.domain.moves import magnitude
from numcheck.domain.one_of import one_of
from numcheck.domain.ordered import ordered
from numcheck.domain.points import Points, as_data, draw, met_once, spread
from numcheck.domain.polygon import polygon
from numcheck.domain.real import real
from numcheck.domain.sampled import sampled
from numcheck.domain.simplex import simplex
from numcheck.domain.space import Space, space_of
from numcheck.domain.steps import steps
from numcheck.domain.unit_vector import unit_vector
from numcheck.domain.vector import vector

__all__ = [
    "Column",
    "Continuous",
    "Domain",
    "Measure",
    "Points",
    "Space",
    "as_data",
    "box",
    "continuous",
    "curve",
    "discrete",
    "draw",
]
__all__ += [
    "index",
    "integer",
    "integers",
    "labels",
    "listed",
    "magnitude",
    "mask",
    "matrix",
    "met_once",
    "numeric",
    "one_of",
]
__all__ += [
    "ordered",
    "polygon",
    "real",
    "sampled",
    "simplex",
    "space_of",
    "spread",
    "steps",
    "unit_vector",
    "vector",
]
