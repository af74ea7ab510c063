"""One step of Lion: the sign of a mean of momentum and gradient; where these cancel rounding picks it."""

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Chen et al. 2023, Symbolic discovery of optimization algorithms, algorithm 2",
    known=[
        ((2, -3, 4, 0.5, 0.5, 0.5), "1"),
        ((2, -4, 4, 0.5, 0.5, 0.5), "1.5"),
        ((2, -5, 4, 0.5, 0.5, 0.5), "2"),
    ],
    wrt=(),
    weight=real(-16, 16),
    grad=real(-1e3, 1e3),
    momentum=real(-1e3, 1e3),
    lr=one_of(0.0001, 0.01),
    beta=one_of(0.5, 0.9),
    decay=one_of(0.0, 0.1, 1.0),
)
def lion(weight, grad, momentum, lr, beta, decay):
    """weight - lr * (sign(beta * momentum + (1 - beta) * grad) + decay * weight); the sign of 0 is 0."""
    return weight - lr * (m.sign(beta * momentum + (1 - beta) * grad) + decay * weight)


@lion.law
def sizes_of_gradients_do_not_matter(f, weight, grad, momentum, lr, beta, decay):
    """Gradient and momentum times eight leave the step as it was."""
    return f(weight, 8 * grad, 8 * momentum, lr, beta, decay), f(weight, grad, momentum, lr, beta, decay)


@lion.law
def all_turned_turns_the_weight(f, weight, grad, momentum, *others):
    """The step is odd."""
    return f(-weight, -grad, -momentum, *others), -f(weight, grad, momentum, *others)


@lion.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(weight, grad, momentum, lr, beta, decay):
    """In float64, which has digits enough to tell the sign and range enough for every product, rounded once."""
    wide = (x.double() for x in (weight, grad, momentum))
    return as_printed.function(*wide, lr, beta, decay).to(weight.dtype)


# Budgets: five roundings lie between weight and weight.
other_sign = gap(
    "cancellation",
    "absorption",
    "underflow",
    why="the sign of a rounded sum is another one, or a product is 0",
)


@other_sign
@lion.routine(value=ulps(2, cond=4))
def as_printed(weight, grad, momentum, lr, beta, decay):
    """The formula as it is printed, every operation rounded to the format."""
    return weight - lr * ((beta * momentum + (1 - beta) * grad).sign() + decay * weight)


@other_sign
@lion.routine(value=ulps(2, cond=4))
def in_place(weight, grad, momentum, lr, beta, decay):
    """As the authors' own code for torch: the weight shrinks first, then a sign is added."""
    update = momentum.clone().mul_(beta).add(grad, alpha=1 - beta).sign_()
    return weight.mul(1 - lr * decay).add_(update, alpha=-lr)


@other_sign
@lion.routine(value=ulps(2, cond=4))
def by_lerp(weight, grad, momentum, lr, beta, decay):
    """The mean by `lerp`, as later implementations have it."""
    return weight.mul(1 - lr * decay).add_(momentum.lerp(grad, 1 - beta).sign_(), alpha=-lr)
