"""What float64 balls take on trust of a device, looked at before they are trusted.

That is IEEE 754's arithmetic, correctly rounded with gradual underflow, and torch's functions within their bounds,
beside which in `ball64.BOUNDS` stands the worst that was ever measured.
"""

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.reals.arb import ARB
from numcheck.reals.ball64 import BOUNDS, ORDERS, two_product, two_sum
from numcheck.reals.enclosures import ContradictionError
from numcheck.reals.precision import precision

LOOKED_AT = 64  # points of each operation and function that a run looks at
BITS = 192
_looked: set[str] = set()


def look(device: str) -> None:
    """Once in a process, test the device's arithmetic and audit torch's functions there, at other points each time.

    With so few points one thread makes the first call of each function. That matters on the CPU: threads that race for
    the first call of MKL's vector functions may get a coarse kernel (pytorch issue 188792).
    """
    if device not in _looked:
        seed = secrets.randbits(32)
        self_test(device, seed)
        audit_functions(device, seed, LOOKED_AT)
        _looked.add(device)


def compiler_options(device: torch.device) -> dict[str, Any]:
    """How what is trusted is compiled, here and in sweeps: for whole vectors of 512 bits where the processor has them.

    For most of Intel's processors GCC prefers halves, and widens float32 to float64 by them; a vector that is read
    back from two halves must wait for both. Torch 2.11 leaves no choice.
    """
    from torch._inductor import config

    whole = device.type == "cpu" and "AVX512" in torch.backends.cpu.get_cpu_capability()
    return {"cpp.march": "x86-64-v4"} if whole and hasattr(config.cpp, "march") else {}


# Arithmetic -------------------------------------------------------------------------------------------------------


def operands(random: np.random.Generator, count: int) -> np.ndarray:
    """Doubles of all magnitudes, many of them of one bit, of all bits or next to another one."""
    anywhere = random.random(count) < 0.5
    exponents = np.where(anywhere, random.integers(-1074, 1024, count), random.integers(-8, 9, count))
    bits = np.array([1, 2 - 2.0**-52, 1 + 2.0**-52])
    some = np.where(random.random(count) < 0.5, 1 + random.random(count), bits[random.integers(0, 3, count)])
    x = np.ldexp(some, exponents) * random.choice([-1.0, 1.0], count)
    return np.where(random.random(count) < 0.05, 0.0, x)


def _rounded(exact: Fraction) -> float:
    """The nearest double, ties to even: what IEEE 754 makes of an exact result."""
    try:
        return exact.numerator / exact.denominator
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "{!r} + {!r}": lambda x, y: x + y,
    "{!r} - {!r}": lambda x, y: x - y,
    "{!r} * {!r}": lambda x, y: x * y,
    "{!r} / {!r}": lambda x, y: x / y,
    "1 / {1!r}": lambda x, y: 1 / y,  # a function of its own in torch
}


def self_test(
    device: str,
    seed: int = 0,
    count: int = LOOKED_AT,
    through: Callable[..., Any] = lambda function: function,
) -> None:
    """Raises ContradictionError where the device rounds a sum, product or quotient of doubles incorrectly.

    Or flushes what is subnormal to zero, or loses the error of a sum or product that a second double holds.
    """
    random = np.random.default_rng([seed, 754])
    x = operands(random, count)
    with np.errstate(over="ignore"):  # beside the largest number lies infinity, which is left out below
        near = np.nextafter(-x, random.choice([-np.inf, np.inf], count))  # cancels but for the last bit
    y = np.where(random.random(count) < 0.3, near, operands(random, count))
    y = np.where(random.random(count) < 0.2, np.ldexp(1 + random.random(count), -1022) / np.where(x, x, 1), y)
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]

    def all_of(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        return (*(operation(a, b) for operation in OPERATIONS.values()), *two_sum(a, b), *two_product(a, b))

    found = through(all_of)(torch.from_numpy(x).to(device), torch.from_numpy(y).to(device))
    told = [part.cpu().tolist() for part in found]
    for i, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        p, q = Fraction(a), Fraction(b)
        for (words, operation), got in zip(OPERATIONS.items(), told, strict=False):
            if "/" in words and b == 0:
                continue
            if got[i] != (rounded := _rounded(operation(p, q))):
                raise ContradictionError(
                    f"{device} has {got[i]!r} for {words.format(a, b)}, which rounds to {rounded!r}: float64 balls"
                    " cannot be trusted there"
                )
        s, s_error, m, m_error = (part[i] for part in told[len(OPERATIONS) :])
        for sign, exact, (high, low), slack in (
            ("+", p + q, (s, s_error), 0),
            ("*", p * q, (m, m_error), 0 if abs(p * q) > 2.0**-900 else 4 * Fraction(5e-324)),
        ):
            if abs(exact) > 1e300 or max(abs(a), abs(b)) > 2.0**990:
                continue  # a part may overflow, and such a ball is unknown
            if not abs(Fraction(high) + Fraction(low) - exact) <= slack:
                raise ContradictionError(
                    f"{device} has {high!r} + {low!r} for {a!r} {sign} {b!r}, which is not exact: float64 balls"
                    " cannot be trusted there"
                )


# Functions --------------------------------------------------------------------------------------------------------

ZEROS = {"log": 1.0, "lgamma": 1.0, "digamma": 1.4616321449683623, "log1p": 0.0}


def points(name: str, random: np.random.Generator, count: int) -> np.ndarray:
    """Doubles all over the interval of a bound: of all magnitudes, evenly spread, near ends, zeros and 1."""
    bound = BOUNDS[name]
    low, high = bound.low, min(bound.high, 2.0**1023)
    signs = random.choice([-1.0, 1.0], count)
    least, most = (math.frexp(low)[1] - 1 if low > 0 else -1074), math.frexp(max(high, -low))[1]
    spread = np.ldexp(1 + random.random(count), random.integers(least, most, count))
    spread = spread * signs if low < 0 else spread
    evenly = low + random.random(count) * (min(high, 2.0**40) - low)
    closeness = 2.0 ** -random.uniform(0, 52, count)
    below, above = high - closeness * (high - max(low, high / 2)), low + closeness * max(abs(low), 2.0**-52)
    ends = np.where(signs > 0, below, above)
    near = ZEROS.get(name, random.choice([1.0, 2.0], count)) + signs * closeness
    if name in ("sin", "cos"):  # doubles nearest to multiples of pi/2, where the most digits are lost
        near = random.integers(-651, 652, count) * (math.pi / 2)
    kinds = np.stack([spread, spread, evenly, ends, near])
    return np.clip(kinds[random.integers(0, 5, count), np.arange(count)], low, high)


def _arguments(random: np.random.Generator, count: int) -> dict[str, tuple[np.ndarray, ...]]:
    """For each function of BOUNDS the arguments at which it is looked at."""
    drawn: dict[str, tuple[np.ndarray, ...]] = {name: (points(name, random, count),) for name in BOUNDS}
    y, x = (points("atan2", random, count) * random.choice([-1.0, 1.0], count) for _ in range(2))
    x = np.where(random.random(count) < 0.5, y * 2.0 ** random.uniform(-60, 60, count), x)
    y = np.where(random.random(count) < 0.02, operands(random, count), y)
    beyond = np.maximum(np.abs(x), np.abs(y)) > BOUNDS["atan2"].high
    drawn["atan2"] = (np.where(beyond, 1.0, y), np.where(beyond, -1.0, x))
    drawn["zeta"] = (random.integers(ORDERS.start, ORDERS.stop, count).astype(np.float64), *drawn["zeta"])
    return drawn


def _called(drawn: Sequence[Sequence[Tensor]]) -> tuple[Tensor, ...]:
    return tuple(bound.function(*parts) for bound, parts in zip(BOUNDS.values(), drawn, strict=True))


def audit_functions(
    device: str, seed: int, count: int, through: Callable[..., Any] = lambda function: function
) -> Mapping[str, float]:
    """The worst error of each of torch's functions as a share of its bound, at `count` points against Arb.

    Of what `through` makes of them, such as torch.compile. Raises ContradictionError where one exceeds its bound.
    """
    drawn = _arguments(np.random.default_rng([seed, count]), count)
    tensors = [[torch.from_numpy(part).to(device) for part in parts] for parts in drawn.values()]
    worst: dict[str, float] = {}
    for (name, parts), told in zip(drawn.items(), through(_called)(tensors), strict=True):
        y, bound = told.cpu().numpy(), BOUNDS[name]
        with np.errstate(all="ignore"):
            # as ball64 takes it, and what gradual underflow may take
            allowed = bound.rate * (np.abs(y) + bound.absolute) + 2.0**-1070
            shares = _errors(name, parts, y) / allowed
        shares = np.where(np.isnan(shares), np.inf, shares)
        at = int(np.argmax(shares))
        worst[name] = float(shares[at])
        if worst[name] > 1:
            raise ContradictionError(
                f"torch's {name} on {device} is off by {worst[name]:.3g} times its bound of"
                f" {bound.ulps} ulps at {[float(part[at]) for part in parts]}: float64 balls that rest on it"
                " cannot be trusted"
            )
    return worst


_distance: Any = np.frompyfunc(lambda got, exact: float((got - exact).abs_upper()), 2, 1)


def _errors(name: str, parts: tuple[np.ndarray, ...], y: np.ndarray) -> np.ndarray:
    with precision(BITS):
        lifted = [ARB.lift(part) for part in parts]
        exact = (ARB.unary if len(lifted) == 1 else ARB.binary)(name, *lifted)
        return np.asarray(_distance(ARB.lift(y), exact), dtype=np.float64)
