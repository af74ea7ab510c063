"""Inverse of a blend of two increasing curves on [0, 1]: hard where the blend is flat, and the root ill-conditioned."""

import torch

from numcheck import curve, formula, gap, m, real, ulps

STEPS = 20  # of Newton's: near a simple root each doubles the number of right digits, six do for float64
LINE, SQUARE = curve("line", "square").values


@formula(
    source="Apostol 1967, Calculus, volume 1, theorem 3.10 (inverse of a strictly increasing continuous function)",
    known=[
        ((LINE, LINE, 0.5, 0.25), "0.25"),
        # x*x + x = 1: the golden section
        ((SQUARE, LINE, 0.5, 0.5), "0.618033988749894848204586834366"),
        ((SQUARE, LINE, 0.25, 0.4375), "0.5"),
    ],
    wrt=(),
    f=curve("ninth", "slow_start", "plateau"),
    g=curve("line", "quick_start"),
    alpha=real(0, 1, near=(0.5,)),
    # plateau is near 0 a difference of numbers near one: below 2**-29 even float64 has nothing left of them
    y=real(2.0**-20, 1, near=(0.5,)),
)
def blend_inverse(f, g, alpha, y):
    """The x in [0, 1] at which alpha * f(x) + (1 - alpha) * g(x) = y; the curves `f` and `g` increase from 0 to 1."""
    return m.root(lambda x: alpha * f(x) + (1 - alpha) * g(x) - y, 0, 1)


@blend_inverse.law
def the_blend_of_the_root_is_y(inverse, f, g, alpha, y):
    """There and back."""
    x = inverse(f, g, alpha, y)
    return alpha * f(x) + (1 - alpha) * g(x), y


@blend_inverse.law
def curves_change_places_with_their_shares(inverse, f, g, alpha, y):
    """A share alpha of f is a share 1 - alpha of g."""
    return inverse(f, g, alpha, y), inverse(g, f, 1 - alpha, y)


@blend_inverse.law
def a_curve_blended_with_itself_is_the_curve(inverse, f, g, alpha, y):
    """The share does not matter between equal curves."""
    return f(inverse(f, f, alpha, y)), y


def _residual(f, g, alpha, y, x):
    return alpha * f(x) + (1 - alpha) * g(x) - y


def _slope(f, g, alpha, x):
    return alpha * f.derivative(x) + (1 - alpha) * g.derivative(x)


def _ends(f, g, alpha, y):
    """The bracket to start from: [0, 1], or [1, 1] where the blend reaches y at the upper end only."""
    high = torch.ones_like(y)
    return torch.where(_residual(f, g, alpha, y, high) <= 0, high, 0.0), high


def _narrowed(low, high, x, residual):
    return torch.where(residual <= 0, x, low), torch.where(residual >= 0, x, high)


@blend_inverse.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def bisection(f, g, alpha, y):
    """Fifty halvings in float64, rounded once at the end; float32's last bit at 2**-23 is the 47th."""
    share, target = alpha.double(), y.double()
    low, high = _ends(f, g, share, target)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = _narrowed(low, high, middle, _residual(f, g, share, target, middle))
    return ((low + high) / 2).to(y.dtype)


# after Press et al. 2007, Numerical Recipes, section 9.4 (rtsafe); the last step may be a halving, hence `best`
@blend_inverse.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def bracketed_newton(f, g, alpha, y):
    """Newton in float64, of whose steps each third, and each that would leave the bracket, halves that instead."""
    share, target = alpha.double(), y.double()
    low, high = _ends(f, g, share, target)
    x = best = (low + high) / 2
    least = torch.full_like(x, torch.inf)
    for step in range(36):
        residual = _residual(f, g, share, target, x)
        closer = residual.abs() < least
        best, least = torch.where(closer, x, best), torch.where(closer, residual.abs(), least)
        low, high = _narrowed(low, high, x, residual)
        onward = x - residual / _slope(f, g, share, x)
        inside = (onward >= low) & (onward <= high)  # false for NaN
        halved = (low + high) / 2
        x = halved if step % 3 == 2 else torch.where(inside, onward, halved)
    return best.to(y.dtype)


# after Scherer 2010, Computational Physics, section 6.1.7.3 (Chandrupatla's method)
@blend_inverse.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def chandrupatla(f, g, alpha, y):
    """Inverse quadratic interpolation in float64 where it may be trusted, halving elsewhere."""
    share, target = alpha.double(), y.double()
    older, newer = _ends(f, g, share, target)
    at_older, at_newer = (_residual(f, g, share, target, x) for x in (older, newer))
    t = torch.full_like(target, 0.5)
    best, least = older, at_older.abs()
    for _ in range(60):
        x = newer + t * (older - newer)
        residual = _residual(f, g, share, target, x)
        best, least = torch.where(residual.abs() < least, x, best), torch.minimum(residual.abs(), least)
        same = torch.sign(residual) == torch.sign(at_newer)
        third, at_third = torch.where(same, newer, older), torch.where(same, at_newer, at_older)
        older, at_older = torch.where(same, older, newer), torch.where(same, at_older, at_newer)
        newer, at_newer = x, residual
        xi, phi = (newer - older) / (third - older), (at_newer - at_older) / (at_third - at_older)
        bend = at_newer / (at_older - at_newer) * at_third / (at_older - at_third)
        turn = (
            (third - newer)
            / (older - newer)
            * at_newer
            / (at_third - at_newer)
            * at_older
            / (at_third - at_older)
        )
        trusted = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi) & (bend + turn).isfinite()
        least_step = (2.0**-52 / (older - newer).abs()).clamp(max=0.5)
        t = torch.where(trusted, bend + turn, 0.5).maximum(least_step).minimum(1 - least_step)
    return best.to(y.dtype)


@gap("wrong_formula", why="the blend of inverses is not the inverse of the blend")
@blend_inverse.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def blend_of_inverses(f, g, alpha, y):
    """alpha * f's inverse + (1 - alpha) * g's inverse, in float64: right for equal curves, and at the ends of alpha."""
    share, height = alpha.double(), y.double()
    return (share * f.inverse(height) + (1 - share) * g.inverse(height)).to(y.dtype)


@gap("unconverged", "wrong_formula", "special_value", "overflow", why="a flat stretch throws Newton far off")
@blend_inverse.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def newton(f, g, alpha, y):
    """Plain Newton from 0.5 in float64; out of [0, 1] it returns late, finds another root, or leaves the range."""
    share, target = alpha.double(), y.double()
    x = torch.full_like(target, 0.5)
    for _ in range(STEPS):
        x = x - _residual(f, g, share, target, x) / _slope(f, g, share, x)
    return x.to(y.dtype)
