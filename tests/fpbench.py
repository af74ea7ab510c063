"""FPBench's loop-free cores as formulas: 115 expressions that papers on rounding errors publish, with their domains.

Source: Damouche et al. 2016, Toward a Standard Benchmark Format and Suite for Floating-Point Analysis (fpbench.org),
suite 2.0: Hamming 1987 chapter 3, Herbie (Panchekha et al. 2015), Rosa (Darulova and Kuncak 2014), FPTaylor (Solovyev
et al. 2015) and real2float (Magron et al. 2017), Daisy, Rump 1988 and 2002, and one from graphics. A domain that the
suite leaves open goes to the ends of the core's format. Constants are the decimal numbers as printed, not their
neighbours in binary.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch

from numcheck.declaration.formulas import Formula, formula_of
from numcheck.domain import real
from numcheck.formats import Format, format_of
from numcheck.reals import vocabulary as m

Ends = tuple[float, float]


@dataclass(frozen=True)
class Core:
    """A core: its formula, and the format that it is published for."""

    formula: Formula
    format: Format


CORES: dict[str, Core] = {}


def d(text: str) -> Any:
    """A decimal constant, exactly."""
    return m.ratio(*Fraction(text).as_integer_ratio())


def core(
    name: str,
    function: Callable[..., Any],
    inputs: Mapping[str, Ends],
    pre: Callable[..., Any] | None = None,
    format: str = "float64",
) -> None:
    """Add a core to the suite; `pre` is what its precondition says of inputs together."""
    function.__name__ = function.__qualname__ = name
    domains = {one: real(*ends) for one, ends in inputs.items()}
    CORES[name] = Core(
        formula_of(function, "FPBench 2.0", [], None, domains, relation=pre), format_of(format)
    )


def same(ends: Ends, names: str) -> dict[str, Ends]:
    """Several inputs of one domain."""
    return dict.fromkeys(names.split(), ends)


LARGEST = torch.finfo(torch.float64).max
EVERY, POSITIVE = (-LARGEST, LARGEST), (0.0, LARGEST)


# Hamming 1987, chapter 3 --------------------------------------------------------------------------------------------

core("NMSE example 3.1", lambda x: m.sqrt(x + 1) - m.sqrt(x), {"x": POSITIVE})
core("NMSE example 3.3", lambda x, eps: m.sin(x + eps) - m.sin(x), same(EVERY, "x eps"))
core("NMSE example 3.4", lambda x: (1 - m.cos(x)) / m.sin(x), {"x": EVERY})
core("NMSE example 3.5", lambda n: m.atan(n + 1) - m.atan(n), {"n": EVERY})
core("NMSE example 3.6", lambda x: 1 / m.sqrt(x) - 1 / m.sqrt(x + 1), {"x": POSITIVE})
core("NMSE problem 3.3.1", lambda x: 1 / (x + 1) - 1 / x, {"x": EVERY})
core("NMSE problem 3.3.2", lambda x, eps: m.tan(x + eps) - m.tan(x), same(EVERY, "x eps"))
core("NMSE problem 3.3.3", lambda x: 1 / (x + 1) - 2 / x + 1 / (x - 1), {"x": EVERY})
core("NMSE problem 3.3.4", lambda x: (x + 1) ** m.ratio(1, 3) - x ** m.ratio(1, 3), {"x": POSITIVE})
core("NMSE problem 3.3.5", lambda x, eps: m.cos(x + eps) - m.cos(x), same(EVERY, "x eps"))
core("NMSE problem 3.3.6", lambda n: m.log(n + 1) - m.log(n), {"n": POSITIVE})
core("NMSE problem 3.3.7", lambda x: m.exp(x) - 2 + m.exp(-x), {"x": EVERY})


def _root(a: Any, half_b: Any, c: Any, sign: int) -> Any:
    return (-half_b + sign * m.sqrt(half_b * half_b - a * c)) / a


def _quadratic(a: Any, b: Any, c: Any, sign: int) -> Any:
    return (-b + sign * m.sqrt(b * b - 4 * (a * c))) / (2 * a)


core(
    "NMSE p42, positive",
    lambda a, b, c: _quadratic(a, b, c, 1),
    same(EVERY, "a b c"),
    lambda a, b, c: b * b >= 4 * (a * c),
)
core(
    "NMSE p42, negative",
    lambda a, b, c: _quadratic(a, b, c, -1),
    same(EVERY, "a b c"),
    lambda a, b, c: b * b >= 4 * (a * c),
)
core(
    "NMSE problem 3.2.1, positive",
    lambda a, b2, c: _root(a, b2, c, 1),
    same(EVERY, "a b2 c"),
    lambda a, b2, c: b2 * b2 >= a * c,
)
core(
    "NMSE problem 3.2.1, negative",
    lambda a, b2, c: _root(a, b2, c, -1),
    same(EVERY, "a b2 c"),
    lambda a, b2, c: b2 * b2 >= a * c,
)
core("NMSE example 3.7", lambda x: m.exp(x) - 1, {"x": (-0.00017, LARGEST)})
core("NMSE example 3.8", lambda n: (n + 1) * m.log(n + 1) - n * m.log(n) - 1, {"n": (6.8e15, LARGEST)})
core("NMSE example 3.9", lambda x: 1 / x - 1 / m.tan(x), {"x": (-0.026, 0.026)})
core("NMSE example 3.10", lambda x: m.log(1 - x) / m.log(1 + x), {"x": (-1, 1)})
core("NMSE problem 3.4.1", lambda x: (1 - m.cos(x)) / (x * x), {"x": EVERY})
core(
    "NMSE problem 3.4.2",
    lambda a, b, eps: eps * (m.exp((a + b) * eps) - 1) / ((m.exp(a * eps) - 1) * (m.exp(b * eps) - 1)),
    same(EVERY, "a b") | {"eps": (-1, 1)},
)
core("NMSE problem 3.4.3", lambda eps: m.log((1 - eps) / (1 + eps)), {"eps": (-1, 1)})
core("NMSE problem 3.4.4", lambda x: m.sqrt((m.exp(2 * x) - 1) / (m.exp(x) - 1)), {"x": EVERY})
core("NMSE problem 3.4.5", lambda x: (x - m.sin(x)) / (x - m.tan(x)), {"x": EVERY})
core("NMSE problem 3.4.6", lambda x, n: (x + 1) ** (1 / n) - x ** (1 / n), {"x": POSITIVE, "n": EVERY})
core("NMSE section 3.5", lambda a, x: m.exp(a * x) - 1, same(EVERY, "a x"))
core("NMSE section 3.11", lambda x: m.exp(x) / (m.exp(x) - 1), {"x": EVERY})


# Herbie -------------------------------------------------------------------------------------------------------------


def _logistic(x: Any) -> Any:
    return 1 / (1 + m.exp(-x))


def _likelihood(x: Any, positive: Any, negative: Any) -> Any:
    return _logistic(x) ** positive * (1 - _logistic(x)) ** negative


core(
    "Complex square root",
    lambda re, im: m.sqrt(2 * (m.sqrt(re * re + im * im) + re)) / 2,
    same(EVERY, "re im"),
)
core("Complex sine and cosine", lambda re, im: m.sin(re) / 2 * (m.exp(-im) - m.exp(im)), same(EVERY, "re im"))
core(
    "Probabilities in a clustering algorithm",
    lambda cp, cn, t, s: _likelihood(s, cp, cn) / _likelihood(t, cp, cn),
    same(POSITIVE, "cp cn") | same(EVERY, "t s"),
)


# Graphics, Rump -----------------------------------------------------------------------------------------------------

core(
    "An eigenvalue calculation from TNG",
    lambda a, b, c, d: m.sqrt((a + d) ** 2 + (b - c) ** 2) - m.sqrt((a - d) ** 2 + (b + c) ** 2),
    same(EVERY, "a b c d"),
)
core(
    "Rump's example, with pow",
    lambda a, b: 333.75 * b**6 + a**2 * (11 * a**2 * b**2 - b**6 - 121 * b**4 - 2) + 5.5 * b**8 + a / (2 * b),
    same(EVERY, "a b"),
)


def _rump(a: Any, b: Any) -> Any:
    b2 = b * b
    b4, a2 = b2 * b2, a * a
    b6, b8 = b4 * b2, b4 * b4
    return 333.75 * b6 + a2 * (11 * a2 * b2 - b6 - 121 * b4 - 2) + 5.5 * b8 + a / (2 * b)


def _rump_revisited(a: Any, b: Any) -> Any:
    b2 = b * b
    b4, a2 = b2 * b2, a * a
    b6, b8 = b4 * b2, b4 * b4
    return (333.75 - a2) * b6 + a2 * (11 * a2 * b2 - 121 * b4 - 2) + 5.5 * b8 + a / (2 * b)


core("Rump's example, from C program", _rump, same(EVERY, "a b"))
core("Rump's example revisited for floating point", _rump_revisited, same(EVERY, "a b"))


# Rosa ---------------------------------------------------------------------------------------------------------------


def _doppler(u: Any, v: Any, t: Any) -> Any:
    t1 = d("331.4") + d("0.6") * t
    return -t1 * v / ((t1 + u) * (t1 + u))


core("doppler1", lambda u, v, t: _doppler(u, v, t), {"u": (-100, 100), "v": (20, 20000), "t": (-30, 50)})
core("doppler2", lambda u, v, t: _doppler(u, v, t), {"u": (-125, 125), "v": (15, 25000), "t": (-40, 60)})
core("doppler3", lambda u, v, t: _doppler(u, v, t), {"u": (-30, 120), "v": (320, 20300), "t": (-50, 30)})
core("rigidBody1", lambda x1, x2, x3: -(x1 * x2) - 2 * x2 * x3 - x1 - x3, same((-15, 15), "x1 x2 x3"))
core(
    "rigidBody2",
    lambda x1, x2, x3: 2 * x1 * x2 * x3 + 3 * x3 * x3 - x2 * x1 * x2 * x3 + 3 * x3 * x3 - x2,
    same((-15, 15), "x1 x2 x3"),
)


def _jet_engine(x1: Any, x2: Any) -> Any:
    t, over = 3 * x1 * x1 + 2 * x2 - x1, x1 * x1 + 1
    s, s_star = t / over, (3 * x1 * x1 - 2 * x2 - x1) / over
    return x1 + (
        (2 * x1 * s * (s - 3) + x1 * x1 * (4 * s - 6)) * over
        + 3 * x1 * x1 * s
        + x1 * x1 * x1
        + x1
        + 3 * s_star
    )


TURBINE = {"v": (-4.5, -0.3), "w": (0.4, 0.9), "r": (3.8, 7.8)}
core("jetEngine", _jet_engine, {"x1": (-5, 5), "x2": (-20, 5)})
core(
    "turbine1",
    lambda v, w, r: 3 + 2 / (r * r) - 0.125 * (3 - 2 * v) * (w * w * r * r) / (1 - v) - 4.5,
    TURBINE,
)
core("turbine2", lambda v, w, r: 6 * v - 0.5 * v * (w * w * r * r) / (1 - v) - 2.5, TURBINE)
core(
    "turbine3",
    lambda v, w, r: 3 - 2 / (r * r) - 0.125 * (1 + 2 * v) * (w * w * r * r) / (1 - v) - 0.5,
    TURBINE,
)
core("verhulst", lambda x: 4 * x / (1 + x / d("1.11")), {"x": (0.1, 0.3)})
core("predatorPrey", lambda x: 4 * x * x / (1 + (x / d("1.11")) * (x / d("1.11"))), {"x": (0.1, 0.3)})
core(
    "carbonGas",
    lambda v: (
        (35_000_000 + d("0.401") * (1000 / v) * (1000 / v)) * (v - 1000 * d("42.7e-6"))
        - d("1.3806503e-23") * 1000 * 300
    ),
    {"v": (0.1, 0.5)},
)
core(
    "sine",
    lambda x: x - x * x * x / 6 + x * x * x * x * x / 120 - x * x * x * x * x * x * x / 5040,
    {"x": (-1.57079632679, 1.57079632679)},
)
core(
    "sqroot",
    lambda x: 1 + 0.5 * x - 0.125 * x * x + 0.0625 * x * x * x - 0.0390625 * x * x * x * x,
    {"x": (0, 1)},
)
core(
    "sineOrder3",
    lambda x: d("0.954929658551372") * x - d("0.12900613773279798") * (x * x * x),
    {"x": (-2, 2)},
)


def _smart_root(c: Any) -> Any:
    a, b = 3, 3.5
    root = m.sqrt(b * b - a * c * 4)
    return m.where(b * b - a * c > 10, c * 2 / (-b - root), (-b + root) / (a * 2))


core("smartRoot", _smart_root, {"c": (-2, 2)}, lambda c: 3.5 * 3.5 - 3 * c * 4 > 0.1)
core("cav10", lambda x: m.where(x * x - x >= 0, x / 10, x * x + 2), {"x": (0, 10)})
core("squareRoot3", lambda x: m.where(x < d("1e-5"), 1 + 0.5 * x, m.sqrt(1 + x)), {"x": (0, 10)})
core("squareRoot3Invalid", lambda x: m.where(x < d("1e-4"), 1 + 0.5 * x, m.sqrt(1 + x)), {"x": (0, 10)})


def _heron(a: Any, b: Any, c: Any) -> Any:
    s = (a + b + c) / 2
    return m.sqrt(s * (s - a) * (s - b) * (s - c))


def _wider_by(margin: float, a: Any, b: Any, c: Any) -> Any:
    return (a + b > c + margin) & (a + c > b + margin) & (b + c > a + margin)


def _sorted_triangle(a: Any, b: Any, c: Any) -> Any:
    low, high = m.minimum(a, b), m.maximum(a, b)
    return m.sqrt((c + (high + low)) * (low - (c - high)) * (low + (c - high)) * (c + (high - low))) / 4


core("triangle", lambda a, b, c: _heron(a, b, c), {"a": (9, 9), "b": (4.71, 4.89), "c": (4.71, 4.89)})
for _exponent in range(1, 13):
    core(
        f"triangle{_exponent}",
        lambda a, b, c: _heron(a, b, c),
        same((1, 9), "a b c"),
        # a relation's inputs are its parameters, so the margin is none of them
        (lambda margin: lambda a, b, c: _wider_by(margin, a, b, c))(10.0**-_exponent),
    )
core("bspline3", lambda u: -(u * u * u) / 6, {"u": (0, 1)})
core(
    "triangleSorted",
    _sorted_triangle,
    same((1, 9), "a b c"),
    lambda a, b, c: _wider_by(1e-6, a, b, c) & (a < c) & (b < c),
)


# FPTaylor: its paper, its tests, what it adds -------------------------------------------------------------------------


def _sum3(x0: Any, x1: Any, x2: Any) -> Any:
    return (x0 + x1 - x2) + (x1 + x2 - x0) + (x2 + x0 - x1)


def _nonlin2(x: Any, y: Any) -> Any:
    t = x * y
    return (t - 1) / (t * t - 1)


def _dqmom9(m0: Any, m1: Any, m2: Any, w0: Any, w1: Any, w2: Any, a0: Any, a1: Any, a2: Any) -> Any:
    v0, v1, v2 = (
        w * (0 - m) * (-3 * ((a / w) * (a / w))) for m, w, a in ((m0, w0, a0), (m1, w1, a1), (m2, w2, a2))
    )
    return v0 + (v1 + v2)


core("intro-example", lambda t: t / (t + 1), {"t": (0, 999)})
core("sec4-example", lambda x, y: _nonlin2(x, y), same((1.001, 2), "x y"))
core("test01_sum3", lambda x0, x1, x2: _sum3(x0, x1, x2), same((1, 2), "x0 x1 x2"), format="float32")
core(
    "test02_sum8",
    lambda x0, x1, x2, x3, x4, x5, x6, x7: x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7,
    same((1, 2), "x0 x1 x2 x3 x4 x5 x6 x7"),
)
core("test03_nonlin2", lambda x, y: (x + y) / (x - y), {"x": (0, 1), "y": (-1, -0.1)})
core("test04_dqmom9", _dqmom9, same((-1, 1), "m0 m1 m2") | same((1e-5, 1), "w0 w1 w2 a0 a1 a2"))
core("test05_nonlin1, r4", lambda x: (x - 1) / (x * x - 1), {"x": (1.00001, 2)})
core("test05_nonlin1, test2", lambda x: 1 / (x + 1), {"x": (1.00001, 2)})
SUMS = {"x0": (-1e-5, 1.00001)} | same((0, 1), "x1 x2 x3")
core("test06_sums4, sum1", lambda x0, x1, x2, x3: ((x0 + x1) + x2) + x3, SUMS, format="float32")
core("test06_sums4, sum2", lambda x0, x1, x2, x3: (x0 + x1) + (x2 + x3), SUMS, format="float32")

KEPLER = (4, 6.3504)


def _delta4(x1: Any, x2: Any, x3: Any, x4: Any, x5: Any, x6: Any) -> Any:
    return -x2 * x3 - x1 * x4 + x2 * x5 + x3 * x6 - x5 * x6 + x1 * (-x1 + x2 + x3 - x4 + x5 + x6)


def _delta(x1: Any, x2: Any, x3: Any, x4: Any, x5: Any, x6: Any) -> Any:
    return (
        x1 * x4 * (-x1 + x2 + x3 - x4 + x5 + x6)
        + x2 * x5 * (x1 - x2 + x3 + x4 - x5 + x6)
        + x3 * x6 * (x1 + x2 - x3 + x4 + x5 - x6)
        + -x2 * x3 * x4
        + -x1 * x3 * x5
        + -x1 * x2 * x6
        + -x4 * x5 * x6
    )


core("intro-example-mixed", lambda t: t / (t + 1), {"t": (1, 999)}, format="float32")
core("delta4", _delta4, same(KEPLER, "x1 x2 x3 x4 x5 x6"))
core("delta", _delta, same(KEPLER, "x1 x2 x3 x4 x5 x6"))
core("sqrt_add", lambda x: 1 / (m.sqrt(x + 1) + m.sqrt(x)), {"x": (1, 1000)})
core("exp1x", lambda x: (m.exp(x) - 1) / x, {"x": (0.01, 0.5)})
core("exp1x_32", lambda x: (m.exp(x) - 1) / x, {"x": (0.01, 0.5)}, format="float32")
core("floudas", lambda x1, x2: x1 + x2, {"x1": (0, 2), "x2": (0, 3)}, lambda x1, x2: x1 + x2 <= 2)
core("exp1x_log", lambda x: (m.exp(x) - 1) / m.log(m.exp(x)), {"x": (0.01, 0.5)})
core("x_by_xy", lambda x, y: x / (x + y), same((1, 4), "x y"), format="float32")
core("hypot", lambda x1, x2: m.sqrt(x1 * x1 + x2 * x2), same((1, 100), "x1 x2"))
core("hypot32", lambda x1, x2: m.sqrt(x1 * x1 + x2 * x2), same((1, 100), "x1 x2"), format="float32")
core("logexp, extra", lambda x: m.log(1 + m.exp(x)), {"x": (-8, 8)})
core("sum", lambda x0, x1, x2: _sum3(x0, x1, x2), same((1, 2), "x0 x1 x2"))
core("nonlin1", lambda z: z / (z + 1), {"z": (0, 999)})
core("nonlin2", lambda x, y: _nonlin2(x, y), same((1.001, 2), "x y"))
core("i4", lambda x, y: m.sqrt(x + y * y), {"x": (0.1, 10), "y": (-5, 5)}, format="float32")
core("i6", lambda x, y: m.sin(x * y), {"x": (0.1, 10), "y": (-5, 5)}, format="float32")
core(
    "himmilbeau",
    lambda x1, x2: (x1 * x1 + x2 - 11) * (x1 * x1 + x2 - 11) + (x1 + x2 * x2 - 7) * (x1 + x2 * x2 - 7),
    same((-5, 5), "x1 x2"),
)


# FPTaylor's real2float ------------------------------------------------------------------------------------------------


def _azimuth(lat1: Any, lat2: Any, lon1: Any, lon2: Any) -> Any:
    between = lon2 - lon1
    across = m.cos(lat2) * m.sin(between)
    return m.atan(across / (m.cos(lat1) * m.sin(lat2) - m.sin(lat1) * m.cos(lat2) * m.cos(between)))


def _wells(weights: tuple[str, ...], centres: tuple[str, ...], x: tuple[Any, ...]) -> Any:
    return m.exp(
        -sum(d(w) * ((x_i - d(c)) * (x_i - d(c))) for w, c, x_i in zip(weights, centres, x, strict=True))
    )


def _hartman(wells: tuple[tuple[str, str], ...], *x: Any) -> Any:
    first, second, third, fourth = (_wells(tuple(w.split()), tuple(c.split()), x) for w, c in wells)
    return -(first + d("1.2") * second + 3 * third + d("3.2") * fourth)


HARTMAN3 = (
    ("3.0 10.0 30.0", "0.3689 0.117 0.2673"),
    ("0.1 10.0 35.0", "0.4699 0.4387 0.747"),
    ("3.0 10.0 30.0", "0.1091 0.8732 0.5547"),
    ("0.1 10.0 35.0", "0.03815 0.5743 0.8828"),
)
HARTMAN6 = (
    ("10.0 3.0 17.0 3.5 1.7 8.0", "0.1312 0.1696 0.5569 0.0124 0.8283 0.5886"),
    ("0.05 10.0 17.0 0.1 8.0 14.0", "0.2329 0.4135 0.8307 0.3736 0.1004 0.9991"),
    ("3.0 3.5 1.7 10.0 17.0 8.0", "0.2348 0.1451 0.3522 0.2883 0.3047 0.665"),
    ("17.0 8.0 0.05 10.0 0.1 14.0", "0.4047 0.8828 0.8732 0.5743 0.1091 0.0381"),
)


def _floudas1(x1: Any, x2: Any, x3: Any, x4: Any, x5: Any, x6: Any) -> Any:
    squares = (x2 - 2, x3 - 1, x4 - 4, x5 - 1, x6 - 4)
    return -25 * ((x1 - 2) * (x1 - 2)) - sum(one * one for one in squares)


def _feasible1(x1: Any, x2: Any, x3: Any, x4: Any, x5: Any, x6: Any) -> Any:
    bent = ((x3 - 3) * (x3 - 3) + x4 >= 4) & ((x5 - 3) * (x5 - 3) + x6 >= 4)
    return bent & (2 - x1 + 3 * x2 >= 0) & (2 + x1 >= x2) & (6 - x1 >= x2) & (x1 + x2 >= 2)


def _feasible2(x1: Any, x2: Any) -> Any:
    square = x1 * x1
    return (2 * square * square - 8 * square * x1 + 8 * square >= x2) & (
        4 * square * square - 32 * square * x1 + 88 * square - 96 * x1 + 36 >= x2
    )


def _kepler0(x1: Any, x2: Any, x3: Any, x4: Any, x5: Any, x6: Any) -> Any:
    return x2 * x5 + x3 * x6 - x2 * x3 - x5 * x6 + x1 * (-x1 + x2 + x3 - x4 + x5 + x6)


def _kepler1(x1: Any, x2: Any, x3: Any, x4: Any) -> Any:
    return (
        x1 * x4 * (-x1 + x2 + x3 - x4)
        + x2 * (x1 - x2 + x3 + x4)
        + x3 * (x1 + x2 - x3 + x4)
        - x2 * x3 * x4
        - x1 * x3
        - x1 * x2
        - x4
    )


def _kepler2(x1: Any, x2: Any, x3: Any, x4: Any, x5: Any, x6: Any) -> Any:
    return (
        x1 * x4 * (-x1 + x2 + x3 - x4 + x5 + x6)
        + x2 * x5 * (x1 - x2 + x3 + x4 - x5 + x6)
        + x3 * x6 * (x1 + x2 - x3 + x4 + x5 - x6)
        - x2 * x3 * x4
        - x1 * x3 * x5
        - x1 * x2 * x6
        - x4 * x5 * x6
    )


core("logexp", lambda x: m.log(1 + m.exp(x)), {"x": (-8, 8)})
core(
    "sphere",
    lambda x, r, lat, lon: x + r * m.sin(lat) * m.cos(lon),
    {"x": (-10, 10), "r": (0, 10), "lat": (-1.570796, 1.570796), "lon": (-3.14159265, 3.14159265)},
)
core(
    "azimuth",
    _azimuth,
    {"lat1": (0, 0.4), "lat2": (0.5, 1), "lon1": (0, 3.14159265), "lon2": (-3.14159265, -0.5)},
)
core(
    "floudas1",
    _floudas1,
    same((0, 6), "x1 x2") | {"x3": (1, 5), "x4": (0, 6), "x5": (0, 6), "x6": (0, 10)},
    _feasible1,
)
core("floudas2", lambda x1, x2: -x1 - x2, {"x1": (0, 3), "x2": (0, 4)}, _feasible2)
core(
    "floudas3",
    lambda x1, x2: -12 * x1 - 7 * x2 + x2 * x2,
    {"x1": (0, 2), "x2": (0, 3)},
    lambda x1, x2: -2 * (x1 * x1 * (x1 * x1)) + 2 >= x2,
)
core("hartman3", lambda x1, x2, x3: _hartman(HARTMAN3, x1, x2, x3), same((0, 1), "x1 x2 x3"))
core(
    "hartman6",
    lambda x1, x2, x3, x4, x5, x6: _hartman(HARTMAN6, x1, x2, x3, x4, x5, x6),
    same((0, 1), "x1 x2 x3 x4 x5 x6"),
)
core("kepler0", _kepler0, same((4, 6.36), "x1 x2 x3 x4 x5 x6"))
core("kepler1", _kepler1, same((4, 6.36), "x1 x2 x3 x4"))
core("kepler2", _kepler2, same((4, 6.36), "x1 x2 x3 x4 x5 x6"))


# Daisy ----------------------------------------------------------------------------------------------------------------


def _radians(degrees: Any) -> Any:
    return degrees * (d("3.14159265359") / 180)


def _current(t: Any, resistance: Any, frequency: Any, inductance: Any, voltage: Any) -> Any:
    turns = 2 * d("3.14159265359") * frequency
    reactance = turns * inductance
    over = resistance * resistance + reactance * reactance
    re, im = voltage * resistance / over, -(voltage * reactance) / over
    return m.sqrt(re * re + im * im) * m.cos(turns * t + m.atan(im / re))


core("carthesianToPolar, radius", lambda x, y: m.sqrt(x * x + y * y), same((1, 100), "x y"))
core(
    "carthesianToPolar, theta", lambda x, y: m.atan(y / x) * (180 / d("3.14159265359")), same((1, 100), "x y")
)
POLAR = {"radius": (1, 10), "theta": (0, 360)}
core("polarToCarthesian, x", lambda radius, theta: radius * m.cos(_radians(theta)), POLAR)
core("polarToCarthesian, y", lambda radius, theta: radius * m.sin(_radians(theta)), POLAR)
core(
    "instantaneousCurrent",
    _current,
    {
        "t": (0, 300),
        "resistance": (1, 50),
        "frequency": (1, 100),
        "inductance": (0.001, 0.004),
        "voltage": (1, 12),
    },
)
core(
    "matrixDeterminant",
    lambda a, b, c, d, e, f, g, h, i: (
        (a * e * i + b * f * g + c * d * h) - (c * e * g + b * d * i + a * f * h)
    ),
    same((-10, 10), "a b c d e f g h i"),
)
core(
    "matrixDeterminant2",
    lambda a, b, c, d, e, f, g, h, i: (
        (a * (e * i) + (g * (b * f) + c * (d * h))) - (e * (c * g) + (i * (b * d) + a * (f * h)))
    ),
    same((-10, 10), "a b c d e f g h i"),
)
