"""Kepler's equation: hard for long orbits near their nearest point, where E - e sin(E) has a slope of nearly 0."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Meeus 1998, Astronomical Algorithms, chapter 30 (equation of Kepler)",
    known=[
        ((1, 0.5), "1.49870113351784831405798549726"),
        ((0.5, 0), "0.5"),
        ((0.25, 0.875), "0.973503553074833683691700963912"),
    ],
    wrt=(),
    mean=real(2.0**-10, 3.140625),
    eccentricity=real(0, 0.984375),
)
def kepler_equation(mean, eccentricity):
    """The eccentric anomaly E, in radians, with E - eccentricity sin(E) = the mean anomaly."""
    return m.root(lambda x: x - eccentricity * m.sin(x) - mean, mean, mean + eccentricity)


@kepler_equation.law
def it_is_a_fixed_point(f, mean, eccentricity):
    """E = M + e sin(E)."""
    anomaly = f(mean, eccentricity)
    return anomaly, mean + eccentricity * m.sin(anomaly)


@kepler_equation.law
def on_a_circle_both_are_one(f, mean, eccentricity):
    """Without eccentricity."""
    return f(mean, 0 * eccentricity), mean


def _step(x, mean, eccentricity):
    return x - (x - eccentricity * torch.sin(x) - mean) / (1 - eccentricity * torch.cos(x))


@kepler_equation.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def newton_from_half_a_turn(mean, eccentricity):
    """Newton in float64 from pi, from where it comes down without a leap (Charles & Tatum 1998)."""
    anomaly = torch.full_like(mean, torch.pi, dtype=torch.float64)
    for _ in range(12):
        anomaly = _step(anomaly, mean.double(), eccentricity.double())
    return anomaly.to(mean.dtype)


@kepler_equation.routine(value=ulps(4, cond=4))
def newton_in_the_format(mean, eccentricity):
    """The same in the format itself: its last steps stand still where the residual is rounding."""
    anomaly = torch.full_like(mean, 3.140625)
    for _ in range(12):
        anomaly = _step(anomaly, mean, eccentricity)
    return anomaly


@gap(
    "unconverged",
    "wrong_formula",
    "cancellation",
    "overflow",
    why="Newton overshoots where the slope is nearly 0",
)
@kepler_equation.routine(value=ulps(4, cond=4))
def newton_from_the_mean(mean, eccentricity):
    """Newton, five steps from E = M."""
    anomaly = mean
    for _ in range(5):
        anomaly = _step(anomaly, mean, eccentricity)
    return anomaly


@gap("unconverged", "wrong_formula", why="each pass shrinks the error by e cos(E) only")
@kepler_equation.routine(value=ulps(4, cond=4))
def twenty_passes(mean, eccentricity):
    """Twenty passes of E = M + e sin(E), as textbooks of astronomy begin."""
    anomaly = mean
    for _ in range(20):
        anomaly = mean + eccentricity * torch.sin(anomaly)
    return anomaly
