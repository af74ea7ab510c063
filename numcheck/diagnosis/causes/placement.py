"""A result depends on where its point lies: on the others of its batch, or on the memory.

## Why digits are lost

A row is computed with the mean of its batch, or with the largest number of all rows; a kernel
ends a batch in other code than it goes through it; one reads memory that isn't its own when a
tensor has gaps. Then a row has one result among 1,000 others and another one alone. Differences
within the budget are only told: vectorised and plain code may round the last bit otherwise. Where
results lie farther apart than both budgets allow, one of them at least is wrong.

## Example

>>> import torch
>>> def log_sum_exp(x):  # of each row
...     top = x.max()  # of all rows
...     return top + torch.log(torch.exp(x - top).sum(1))
>>> rows = torch.tensor([[0.0, 1.0], [200.0, 0.0]])
>>> log_sum_exp(rows).tolist()
[-inf, 200.0]
>>> f"{log_sum_exp(rows[:1]).item():.4f}"
'1.3133'

Let each row see itself only:

>>> f"{torch.logsumexp(rows, 1)[0].item():.4f}"
'1.3133'

## Told from its neighbours

- not_deterministic: there the very same call gives something else.
- wrong_formula: wrong in every arrangement. What is wrong in all of them in the same way is that.
- cancellation, absorption: where the routine magnifies the last bit, any other rounding moves the
  result far; these are told then.

## How numcheck proves it

It calls the routine again with a sample of the points, backwards, with gaps in memory and fewer
at a time, and with some of them each alone. Where two results lie farther apart than both budgets
allow, no truth fits both. The operators are to blame instead where rounding each of them otherwise,
by a unit or two, would move the result as far.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import vector
from numcheck.reals import vocabulary as m

REMEDY = "compute each row from itself alone, whatever its neighbours and its strides are"
WHERE = "where it is called in another arrangement"

SHAKEN = 2.0  # unit roundoffs by which each operator's result is moved, at most
TRIALS = 16  # times that it is
MAGNIFIED = 0.5  # of the error: what that may move of a result that the arrangement is to blame for


def _top_of_all_rows(x: torch.Tensor) -> torch.Tensor:
    top = x.max()
    return top + torch.log(torch.exp(x - top).sum(1))


PLANTED = planted(
    "Goodfellow, Bengio & Courville 2016, section 4.1",
    lambda x: m.log(m.sum(m.exp(x))),
    wrong=_top_of_all_rows,
    right=lambda x: torch.logsumexp(x.double(), 1).to(x.dtype),
    value=2,
    x=vector(100, 1000, sizes=(4,)),
)
