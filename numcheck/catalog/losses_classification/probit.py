"""Negative log-likelihood of a binary outcome under the probit link."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps

HALF_ROOT = 0.5**0.5  # 1/sqrt(2), rounded to double


@formula(
    source="McCullagh & Nelder 1989, Generalized Linear Models, section 4.3.1; NIST DLMF 7.18 for the tail",
    known=[
        ((0, 1), "0.693147180559945309417232121458"),
        ((1, 1), "0.172753779023449889526483173521"),
        ((-10, 1), "53.2312851505124705783470273541"),
        ((-6, 0), "9.86587645524375731691479730372e-10"),
        ((40, 0), "804.608442013753788166606832919"),
    ],
    score=real(-100, 100),
    label=one_of(0, 1),
)
def probit(score, label):
    """Nats lost on `label` when 1 has the probability that a standard normal number lies below `score`.

    Hard where wrong, for the tail underflows long before its logarithm is large, and where sure and right.
    """
    return -m.log(m.ndtr(score if label else -score))


@probit.law
def exchanging_the_labels_turns_the_score(f, score, label):
    """The normal distribution is symmetric."""
    return f(score, label), f(-score, 1 - label)


@probit.law
def the_probabilities_of_both_labels_sum_to_one(f, score, label):
    """One of them happens."""
    return m.exp(-f(score, label)) + m.exp(-f(score, 1 - label)), 1 + 0 * score


# in float64, for torch's erfcx of float32 is 7 ulps off near 0
@probit.routine(value=ulps(1), grad=ulps(1), formats=["float32", "bfloat16", "float16"])
def scaled_tail_in_float64(score, label):
    """z*z/2 - log(erfcx(-z/sqrt(2))/2) where wrong, -log1p(-erfc(z/sqrt(2))/2) where right, rounded once."""
    z = torch.where(label == 1, score, -score).double()
    wrong, right = z.clamp(max=0.0), z.clamp(min=0.0)
    tail = wrong * wrong / 2 - torch.log(torch.special.erfcx(-wrong * HALF_ROOT) / 2)
    return torch.where(z < 0, tail, -torch.log1p(-torch.special.erfc(right * HALF_ROOT) / 2)).to(score.dtype)


@gap(
    "cancellation",
    of="grad",
    why="the backward exponentiates minus the sum of the result and z*z / 2, which cancel far left",
)
@probit.routine(value=ulps(4, cond=2), grad=ulps(8, cond=2), formats=["float64", "float32"])
def torch_builtin(score, label):
    """`torch.special.log_ndtr`, which torch's CPU code lacks in half precision."""
    return -torch.special.log_ndtr(torch.where(label == 1, score, -score))


tail_vanishes = gap("nan_gradient", why="the tail is 0 before its logarithm, whose slope is then infinite")


@tail_vanishes
@gap(
    "cancellation",
    "absorption",
    why="1 + erf cancels in the tail, and near 1 keeps few digits of what it lacks",
)
@probit.routine(value=ulps(4, cond=2), grad=ulps(8, cond=2))
def logarithm_of_ndtr(score, label):
    """log of `torch.special.ndtr`."""
    return -torch.log(torch.special.ndtr(torch.where(label == 1, score, -score)))


@tail_vanishes
@gap("cancellation", "absorption", why="1 + erf cancels in the tail, and near 1 keeps few digits")
@probit.routine(value=ulps(4, cond=2), grad=ulps(8, cond=2))
def naive_form(score, label):
    """-log((1 + erf(z/sqrt(2)))/2), as the probability is usually printed."""
    z = torch.where(label == 1, score, -score)
    return -torch.log(0.5 * (1 + torch.erf(z * HALF_ROOT)))


@tail_vanishes
@gap("cancellation", "absorption", why="a probability near 1 keeps few digits of what it lacks")
@gap("wrong_formula", "underflow", why="1e-8 is not small beside the tail's probability")
@probit.routine(value=ulps(4, cond=2), grad=ulps(8, cond=2))
def shifted_logarithm(score, label):
    """The normal distribution of torch.distributions, and 1e-8 inside the logarithm against log(0)."""
    standard = torch.distributions.Normal(
        torch.zeros_like(score), torch.ones_like(score), validate_args=False
    )
    return -torch.log(standard.cdf(torch.where(label == 1, score, -score)) + 1e-8)
