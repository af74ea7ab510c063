"""Code that was not written for numcheck: found by its name, matched with a formula, and called as it wants to be."""

from numcheck.foreign.adapt import GRAD, VALUE, adapt, routine_at
from numcheck.foreign.load import formula_at, formulas_at, load

__all__ = ["GRAD", "VALUE", "adapt", "formula_at", "formulas_at", "load", "routine_at"]
