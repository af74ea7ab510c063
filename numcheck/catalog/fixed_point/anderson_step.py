"""One step of Anderson's acceleration: a quotient of differences that both vanish as the iteration arrives."""

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Walker & Ni 2011, Anderson Acceleration for Fixed-Point Iterations, algorithm AA with m = 1",
    known=[],  # several numbers at a time: the laws speak for it
    wrt=(),
    older=vector(-8, 8, sizes=(2, 8)),
    newer=vector(-8, 8, sizes=(2, 8)),
    older_image=vector(-8, 8, sizes=(2, 8)),
    newer_image=vector(-8, 8, sizes=(2, 8)),
)
def anderson_step(older, newer, older_image, newer_image):
    """The blend of two images whose residuals, blended alike, are shortest; undefined where those are the same."""
    residual = newer_image - newer
    turn = residual - (older_image - older)
    share = m.dot(turn, residual) / m.dot(turn, turn)
    return newer_image - share * (newer_image - older_image)


@anderson_step.law
def either_point_may_be_the_older(f, older, newer, older_image, newer_image):
    """The shortest residual knows no order."""
    return f(older, newer, older_image, newer_image), f(newer, older, newer_image, older_image)


@anderson_step.law
def moving_everything_moves_the_step(f, older, newer, older_image, newer_image):
    """Only differences count."""
    moved = f(older + 16, newer + 16, older_image + 16, newer_image + 16)
    return moved, f(older, newer, older_image, newer_image) + 16


@anderson_step.law
def twice_all_numbers_is_twice_the_step(f, older, newer, older_image, newer_image):
    """Homogeneous of degree one."""
    return f(2 * older, 2 * newer, 2 * older_image, 2 * newer_image), 2 * f(
        older, newer, older_image, newer_image
    )


@gap("cancellation", "absorption", why="a step to nearly 0 is an image less nearly itself")
@anderson_step.routine(value=ulps(2), formats=["float32", "bfloat16", "float16"])
def float64_difference_form(older, newer, older_image, newer_image):
    """The formula in float64, rounded once."""
    wide = (x.double() for x in (older, newer, older_image, newer_image))
    return difference_form.function(*wide).to(newer.dtype)


near = gap("cancellation", "absorption", "special_value", why="nearly equal residuals differ by rounding")
squares = gap("underflow", "overflow", why="squares of small differences are subnormal, or 0")


@near
@squares
@anderson_step.routine(value=ulps(4, cond=4, gamma=True))
def difference_form(older, newer, older_image, newer_image):
    """The formula as it is printed."""
    residual = newer_image - newer
    turn = residual - (older_image - older)
    share = (turn * residual).sum(1) / (turn * turn).sum(1)
    return newer_image - share[:, None] * (newer_image - older_image)


@near
@squares
@anderson_step.routine(value=ulps(4, cond=4, gamma=True))
def weights_form(older, newer, older_image, newer_image):
    """Both images with weights that sum to one, as Anderson's alpha has it."""
    residual, before = newer_image - newer, older_image - older
    turn = residual - before
    share = (turn * residual).sum(1, keepdim=True) / (turn * turn).sum(1, keepdim=True)
    return share * older_image + (1 - share) * newer_image
