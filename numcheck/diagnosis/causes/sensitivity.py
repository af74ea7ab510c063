"""The problem itself magnifies its inputs' last bits: digits are lost, and not by the code.

## Why digits are lost

Every input is a rounded number, off by up to one unit roundoff u. Where f answers a relative
change of x by a larger one of its own, digits of f(x) mean nothing: x**2 - y**2 at x = 1.001,
y = 1 answers a change of x in its seventh digit by one in its fourth. A budget forgives that:
ulps * ulp(f) + cond * u * sum(abs(x_i * df/dx_i)), with cond = 1 by default. The sum is taken
from the exact derivative, so that it can't be stretched. See Higham 2002, section 1.6, on
conditioning.

## Example

>>> import torch
>>> x, y = torch.tensor(1.001), torch.tensor(1.0)
>>> exact = x.item() ** 2 - y.item() ** 2
>>> abs((x * x - y * y).item() / exact - 1) > 1e-5
True

Nothing needs to be written instead. Where inputs are exact, a form that loses nothing is worth
having all the same:

>>> abs(((x - y) * (x + y)).item() / exact - 1) < 1e-7
True

## Told from its neighbours

- cancellation: looks the same, a difference of close numbers. There the formula is calm
  (exp(x) - 1 near 0 answers a change of x by one of the same size), so that another form keeps
  all digits and nothing is forgiven.
- Of all causes this alone is no failure: the point counts as within its budget. It is shown so
  that nobody trusts those digits.

## How numcheck proves it

The point's error is larger than the budget's ulps and not larger than ulps and conditioning
together; the truth and its derivatives are proved enclosures, so that neither hangs on a
rounding. Nothing is run again and nothing is traced.
"""

from numcheck.diagnosis.causes import planted
from numcheck.domain import real

REMEDY = "nothing in the code: the problem itself magnifies its inputs' last bits here"
PLANTED = planted(
    "elementary algebra",
    lambda x, y: x**2 - y**2,
    wrong=lambda x, y: x * x - y * y,  # errs as much as if x and y had been rounded once more
    right=lambda x, y: (x - y) * (x + y),  # x - y is exact, and two roundings follow
    value=2,
    x=real(1, 2),
    y=real(1, 2),
)
