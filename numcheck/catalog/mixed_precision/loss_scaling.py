"""A gradient through a product in half precision, with the loss scaled: small ones vanish, large ones overflow."""

from numcheck import formula, gap, one_of, real, ulps


@formula(
    source="Micikevicius et al. 2018, Mixed precision training, section 3.2",
    known=[
        ((2.0**-12, 2.0**-12, 1.0), "1"),
        ((2.0**-10, 0.75, 256.0), "12288"),
        ((2.0**-14, -1.5, 2.0**24), "-1536"),
    ],
    wrt=(),
    upstream=real(-(2.0**-9), 2.0**-9),
    local=real(-2, 2),
    scale=one_of(1.0, 2.0**8, 2.0**16, 2.0**28),
)
def loss_scaling(upstream, local, scale):
    """The unscaled gradient, upstream * local, in units of 2**-24: float16's least number, in which nothing smaller is.

    The scale is a factor of the loss, and so of `upstream`; in truth it leaves again without a trace.
    """
    return (scale * upstream) * local / scale * 2**24


@loss_scaling.law
def the_scale_leaves_no_trace(f, upstream, local, scale):
    """Any scale gives the gradient of the unscaled loss."""
    return f(upstream, local, scale), f(upstream, local, 1)


@loss_scaling.law
def twice_the_upstream_is_twice_the_gradient(f, upstream, local, scale):
    """Backpropagation is linear."""
    return f(2 * upstream, local, scale), 2 * f(upstream, local, scale)


def in_units(gradient, dtype):
    """A float32 gradient in units of 2**-24, in the format."""
    return (gradient * 2.0**24).to(dtype)


# Budgets: one product in the format, and one cast.
@loss_scaling.routine(value=ulps(1), formats=["float16"])
def product_in_float32(upstream, local, scale):
    """Multiplied in float32, whose range has every product of two float16 numbers: no scale is needed."""
    return in_units(upstream.float() * local.float(), upstream.dtype)


lost = gap(
    "underflow", why="the product is subnormal, of few digits, or 0: in float16 below 2**-14 and 2**-25"
)


@lost
@loss_scaling.routine(value=ulps(1, cond=1), formats=["bfloat16", "float16"])
def unscaled(upstream, local, scale):
    """The product in the format of a loss that is not scaled."""
    return in_units((upstream * local).float(), upstream.dtype)


@gap("underflow", why="the scaled product is still subnormal")
@gap(
    "overflow",
    "special_value",
    formats=["float16"],
    why="the scaled gradient leaves the range: the step has to be skipped",
)
@loss_scaling.routine(value=ulps(1, cond=1), formats=["bfloat16", "float16"])
def scaled(upstream, local, scale):
    """The scaled gradient in the format, unscaled in float32."""
    return in_units((upstream * scale * local).float() / scale, upstream.dtype)


@gap("underflow", why="unscaled in the format, small gradients vanish after all")
@gap(
    "overflow",
    "special_value",
    formats=["float16"],
    why="the scaled gradient leaves the range: the step has to be skipped",
)
@loss_scaling.routine(value=ulps(1, cond=1), formats=["bfloat16", "float16"])
def unscaled_in_the_format(upstream, local, scale):
    """Scaled and unscaled in the format, where master gradients are none."""
    return in_units((upstream * scale * local / scale).float(), upstream.dtype)
