"""Soft Dice loss of a segmentation."""

from numcheck import formula, gap, m, mask, ulps, vector


@formula(
    source="Milletari, Navab & Ahmadi 2016, V-Net, section 3, equation of D; with 1 added above and below the quotient",
    known=[
        (((0.5, 0.25), (1, 0)), "0.135135135135135135135135135135"),
        (((1, 0, 1), (1, 0, 1)), "0"),
        (((0.5, 0.25), (0, 0)), "0.238095238095238095238095238095"),
    ],
    wrt=("prediction",),
    prediction=vector(0, 1),
    target=mask(),
)
def dice(prediction, target):
    """1 less the overlap (2 p.t + 1)/(p.p + t.t + 1): 0 where both agree. Hard there, for a quotient near 1 is left."""
    return 1 - (2 * m.sum(prediction * target) + 1) / (m.sum(prediction**2) + m.sum(target) + 1)


@dice.law
def a_prediction_that_agrees_loses_nothing(f, prediction, target):
    """Zero for the mask itself, an empty one too."""
    return f(target, target), 0 * prediction[0]


@dice.law
def the_order_of_pixels_does_not_matter(f, prediction, target):
    """Rolling both leaves the overlap."""
    return f(prediction, target), f(m.roll(prediction, 1), m.roll(target, 1))


@dice.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True, coupled=True))
def squared_distance_over_the_sum(prediction, target):
    """|p - t|**2 / (p.p + t.t + 1): what one less the quotient comes to."""
    t = target.to(prediction.dtype)
    return ((prediction - t) ** 2).sum(1) / ((prediction**2).sum(1) + t.sum(1) + 1)


near_one = gap(
    "cancellation", "absorption", of="value", why="one less a rounded quotient near one keeps few digits"
)


@near_one
@dice.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True, coupled=True))
def naive_form(prediction, target):
    """The formula as it is printed."""
    t = target.to(prediction.dtype)
    return 1 - (2 * (prediction * t).sum(1) + 1) / ((prediction**2).sum(1) + t.sum(1) + 1)


@gap("wrong_formula", why="p.1 is not p.p where a probability lies between 0 and 1")
@near_one
@dice.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True, coupled=True))
def sums_without_squares(prediction, target):
    """Sums of p and t below, not of their squares, as many repositories have it under the same name."""
    t = target.to(prediction.dtype)
    return 1 - (2 * (prediction * t).sum(1) + 1) / (prediction.sum(1) + t.sum(1) + 1)


@gap("wrong_formula", why="without a 1 above, an empty mask loses all whatever is predicted")
@near_one
@dice.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True, coupled=True))
def one_below_only(prediction, target):
    """The 1 added below only, against 0/0."""
    t = target.to(prediction.dtype)
    return 1 - 2 * (prediction * t).sum(1) / ((prediction**2).sum(1) + t.sum(1) + 1)
