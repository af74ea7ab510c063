"""What a routine may promise."""

from dataclasses import dataclass

from numcheck.declaration.words import DeclarationError

LARGEST = 64  # ulps that a budget may promise, or unit roundoffs of conditioning that it may forgive


@dataclass(frozen=True)
class Budget:
    """What a routine promises: abs(got - exact) <= ulps * ulp(exact) + cond * u * sum(abs(x_i * df/dx_i)).

    `gamma` adds the number of input components to `cond`, for a sum in any order (Higham 2002, section 4.2).
    `coupled` measures a gradient's components against the ulp of the largest of them, and says so in reports.
    """

    ulps: float
    cond: float = 1.0
    gamma: bool = False
    coupled: bool = False

    def __str__(self) -> str:
        cond = f"({self.cond:g} + n)" if self.gamma else f"{self.cond:g}"
        largest = " of the largest component" if self.coupled else ""
        return f"{self.ulps:g} ulp{largest} + {cond} cond"


def ulps(count: float, cond: float = 1.0, gamma: bool = False, coupled: bool = False) -> Budget:
    """A budget of `count` units in the last place beside what the problem's conditioning forgives."""
    if not (0 <= count <= LARGEST and 0 <= cond <= LARGEST):
        raise DeclarationError(
            f"a budget is small and written by hand: ulps and cond lie in [0, {LARGEST}], not {count}, {cond}"
        )
    return Budget(count, cond, gamma, coupled)
