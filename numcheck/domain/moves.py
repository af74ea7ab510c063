"""How large real numbers are, and which of them take less ink."""

import numpy as np
import torch

from numcheck.domain.numbers import Doubles
from numcheck.formats import Format


def magnitude(column: torch.Tensor) -> torch.Tensor:
    """One double for each point: a number itself, or of several the largest without its sign."""
    wide = column.double()
    return wide if wide.ndim == 1 else wide.abs().flatten(1).amax(1)


def shorter_versions(column: torch.Tensor) -> list[Doubles]:
    """The only value of a column, each entry rounded to a few bits; and the same short number everywhere."""
    x = column.double().numpy()
    mantissa, exponent = np.frexp(x)
    with np.errstate(over="ignore"):
        few_bits = [
            np.ldexp(rounding(mantissa * 2.0**bits) * 2.0**-bits, exponent)
            for bits in (1, 2, 3, 4, 6)
            for rounding in (np.round, np.floor, np.ceil)
        ]
    everywhere = (0.0, 1.0, -1.0, 2.0, -2.0, 10.0, -10.0, 20.0, -20.0, 100.0, -100.0)
    return [x, *few_bits, *(np.full_like(x, number) for number in everywhere)]


def shorter(column: torch.Tensor, format: Format) -> torch.Tensor:
    """The shorter versions of the only value of a column, rounded to the format."""
    return format.round(torch.from_numpy(np.concatenate(shorter_versions(column))))
