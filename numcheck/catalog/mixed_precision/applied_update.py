"""The change that a stored weight takes from one step of gradient descent.

Where it is hard: a step of less than half the spacing at the weight is absorbed, and training stands still
(Micikevicius et al. 2018, Mixed precision training, section 3.1).
"""

from numcheck import formula, gap, one_of, real, ulps


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 4.3, equation 4.5, less the old weight",
    known=[
        ((1, 1, 0.5), "-0.5"),
        ((1, -0.25, 0.125), "0.03125"),
        # half the spacing below 1 in float16, bfloat16 and float32: a tie, which goes back to 1, the even one
        ((1, 2.0**-12, 1.0), "-0.000244140625"),
        ((1, 2.0**-9, 1.0), "-0.001953125"),
        ((1, 2.0**-25, 1.0), "-0.0000000298023223876953125"),
    ],
    wrt=(),
    weight=real(-16, 16, near=(1,)),
    grad=real(-16, 16, near=(1, 2.0**-9, 2.0**-12, 2.0**-25)),
    lr=one_of(0.0001, 0.01, 1.0),
)
def applied_update(weight, grad, lr):
    """New weight less old weight, in the weight's unit, after a step of -lr * grad."""
    return (weight - lr * grad) - weight


@applied_update.law
def the_weight_does_not_matter(f, weight, grad, lr):
    """The update from any other weight is the same."""
    return f(weight + 64, grad, lr), f(weight, grad, lr)


@applied_update.law
def the_update_is_the_step(f, weight, grad, lr):
    """In exact arithmetic nothing is absorbed."""
    return f(weight, grad, lr), -1 * lr * grad


@applied_update.routine(value=ulps(4))
def kept_beside(weight, grad, lr):
    """The sum of steps is kept beside a frozen weight, as adapters do: the step alone is stored."""
    return -lr * grad


@applied_update.routine(value=ulps(4))
def compensated(weight, grad, lr):
    """What the weight took, and beside it what rounding left over: two-sum, Knuth 1998, volume 2, 4.2.2, theorem B."""
    step = -lr * grad
    stored = weight + step
    taken = stored - weight
    left_over = (weight - (stored - taken)) + (step - taken)
    return taken + left_over


whole_spacings = gap("absorption", "cancellation", why="a weight moves by whole spacings, or not at all")


@whole_spacings
@applied_update.routine(value=ulps(4))
def stored_in_format(weight, grad, lr):
    """The weight is kept in the format, as a plain half-precision training loop does."""
    return (weight - lr * grad) - weight


@whole_spacings
@applied_update.routine(value=ulps(4), formats=["bfloat16", "float16"])
def float32_master_weight(weight, grad, lr):
    """A float32 copy of the weight takes the step; what that copy has taken, in the format."""
    return stored_in_format.function(weight.float(), grad.float(), lr).to(weight.dtype)
