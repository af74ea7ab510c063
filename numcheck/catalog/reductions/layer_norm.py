"""A vector brought to mean 0 and variance 1: a large common offset cancels, and squares leave the range."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Ba, Kiros & Hinton 2016, Layer Normalization, equation 3; with 1e-5 beside the variance, as torch has it",
    known=[
        (([1, 2, 3],), "-1.22473568590839016899828621464, 0, 1.22473568590839016899828621464"),
        (([4, 0],), "0.999998750002343745117198181128, -0.999998750002343745117198181128"),
        (
            ([0.5, 0.25, -0.75],),
            "0.925804228978946030255101280277, 0.462902114489473015127550640139, -1.38870634346841904538265192042",
        ),
    ],
    x=vector(-1e30, 1e30, sizes=(2, 3, 8, 16)),
)
def layer_norm(x):
    """Deviation of each entry of `x` from their mean, in standard deviations; 1e-5 keeps that of equal entries 0."""
    deviation = x - m.mean(x)
    return deviation / m.sqrt(m.mean(deviation**2) + m.ratio(1, 100_000))


@layer_norm.law
def the_entries_sum_to_zero(f, x):
    """Their mean has been taken off."""
    return m.sum(f(x)), 0 * m.sum(x)


@layer_norm.law
def a_common_offset_changes_nothing(f, x):
    """layer_norm(x + 3) = layer_norm(x)."""
    return f(x + 3), f(x)


@gap(
    "overflow",
    "underflow",
    "special_value",
    "nan_gradient",
    why="the squares leave the range where the result does not",
)
@gap(
    "cancellation",
    "absorption",
    of="value",
    why="x and the mean are scaled before they are subtracted, each rounded",
)
@gap(
    "cancellation",
    "absorption",
    of="grad",
    why="the backward takes rounded means off a slope that they nearly equal",
)
@layer_norm.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def torch_builtin(x):
    """torch.nn.functional.layer_norm."""
    return torch.nn.functional.layer_norm(x, x.shape[-1:], eps=1e-5)


squares_leave = gap(
    *("overflow", "underflow", "nan_gradient"), why="the squares leave the range where the result does not"
)
rounded_mean = gap(
    "cancellation", "absorption", why="the mean, and those of slopes, are rounded before they are taken off"
)


@gap(
    "cancellation",
    "absorption",
    "underflow",
    of="grad",
    why="slopes far below float64's last digit of their parts",
)
@layer_norm.routine(value=ulps(1), grad=ulps(4, gamma=True), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(x):
    """The formula as it is printed, in float64, rounded once at the end."""
    return two_passes.function(x.double()).to(x.dtype)


@squares_leave
@rounded_mean
@layer_norm.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def two_passes(x):
    """The formula as it is printed."""
    deviation = x - x.mean(-1, keepdim=True)
    return deviation / torch.sqrt((deviation**2).mean(-1, keepdim=True) + 1e-5)


@squares_leave
@gap("cancellation", "absorption", "special_value", why="mean square and squared mean cancel, below 0 even")
@layer_norm.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def one_pass(x):
    """The variance as mean(x*x) - mean(x)**2, as fused kernels have had it."""
    mean = x.mean(-1, keepdim=True)
    variance = (x * x).mean(-1, keepdim=True) - mean * mean
    return (x - mean) * torch.rsqrt(variance + 1e-5)


@squares_leave
@rounded_mean
@gap("placement", of="value", why="the rounded mean of equal entries depends on the order of addition")
@gap("wrong_formula", "scale", why="1e-5 beside the deviation is not 1e-5 beside its square, and n - 1 not n")
@layer_norm.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def sample_deviation_plus_eps(x):
    """(x - mean) / (std + eps) with torch.std, as it is copied from annotated transformers."""
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5)
