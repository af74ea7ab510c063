"""A vector brought to mean square 1: the squares leave the range where the vector does not."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Zhang & Sennrich 2019, Root Mean Square Layer Normalization, equation 4; with 1e-5 beside the mean square",
    known=[
        (
            ([1, 2, 3],),
            "0.462909553912019382543220679628, 0.925819107824038765086441359257, 1.38872866173605814762966203888",
        ),
        (([4, 0],), "1.41421267849044720551331969512, 0"),
        (
            ([0.5, 0.25, -0.75],),
            "0.925804228978946030255101280277, 0.462902114489473015127550640139, -1.38870634346841904538265192042",
        ),
    ],
    x=vector(-1e30, 1e30),
)
def rms_norm(x):
    """Each entry of `x` over the root of their mean square, to which 1e-5 is added."""
    return x / m.sqrt(m.mean(x**2) + m.ratio(1, 100_000))


@rms_norm.law
def the_order_does_not_matter(f, x):
    """Moving the entries around moves the result along."""
    return f(m.roll(x, 1)), m.roll(f(x), 1)


@rms_norm.law
def it_is_odd(f, x):
    """rms_norm(-x) = -rms_norm(x)."""
    return f(-x), -f(x)


@gap("overflow", "underflow", why="the squares leave the range where the result does not")
@gap(
    "cancellation",
    "absorption",
    of="grad",
    why="the backward takes rounded means off a slope that they nearly equal",
)
@rms_norm.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def torch_builtin(x):
    """torch.nn.functional.rms_norm, its eps named: by default it is the format's."""
    return torch.nn.functional.rms_norm(x, x.shape[-1:], eps=1e-5)


squares_leave = gap(
    "overflow", "underflow", "nan_gradient", why="the squares leave the range where the result does not"
)
slopes_cancel = gap(
    "cancellation", "absorption", of="grad", why="a mean is taken off a slope that it nearly equals"
)


@gap(
    "cancellation",
    "absorption",
    "underflow",
    of="grad",
    why="slopes far below float64's last digit of their parts",
)
@rms_norm.routine(value=ulps(1), grad=ulps(4, gamma=True), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(x):
    """The formula as it is printed, in float64, rounded once at the end."""
    return naive_form.function(x.double()).to(x.dtype)


@squares_leave
@slopes_cancel
@rms_norm.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def naive_form(x):
    """The formula as it is printed."""
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-5)


@squares_leave
@slopes_cancel
@rms_norm.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def in_float32_by_rsqrt(x):
    """As Llama has it: squares and rsqrt in float32, rounded once."""
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-5)).to(x.dtype)


@squares_leave
@slopes_cancel
@gap("wrong_formula", why="1e-5 beside the root is not 1e-5 beside the mean square")
@rms_norm.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def eps_beside_the_root(x):
    """x / (norm/sqrt(n) + eps), as the paper's own code has it."""
    return x / (x.norm(dim=-1, keepdim=True) * x.shape[-1] ** -0.5 + 1e-5)
