"""Mistakes in optimizer steps."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import torch

from numcheck import m, one_of, real, ulps
from planted import plant, stated

EPSILON = 2.0**-10


@stated("Kingma & Ba 2015, algorithm 1", mean=real(-1, 1), square=real(0, 1))
def adam_direction(mean, square):
    return mean / (m.sqrt(square) + m.ratio(1, 1024))


def epsilon_beside_the_root(mean, square):
    return mean / (square.sqrt() + EPSILON)


@plant(adam_direction, "wrong_formula", twin=epsilon_beside_the_root, value=ulps(2))
def epsilon_inside_the_root(mean, square):
    return mean / (square + EPSILON).sqrt()


@stated("Kingma & Ba 2015, algorithm 1 with its default epsilon", mean=real(-1, 1), square=real(0, 1))
def adam_direction_by_default(mean, square):
    return mean / (m.sqrt(square) + m.ratio(1, 10**8))


def epsilon_in_single_precision(mean, square):
    return (mean.double() / (square.double().sqrt() + 1e-8)).to(mean.dtype)


@plant(
    adam_direction_by_default,
    "underflow",
    twin=epsilon_in_single_precision,
    value=ulps(2),
    formats=("float16",),
)
def epsilon_that_half_precision_rounds_to_zero(mean, square):
    return mean / (square.sqrt() + 1e-8)


@stated("Kingma & Ba 2015, algorithm 1", mean=real(-1, 1), square=real(2**-8, 1), step=one_of(1, 10, 1000))
def corrected_direction(mean, square, step):
    first = mean / (1 - m.ratio(9, 10) ** step)
    second = square / (1 - m.ratio(999, 1000) ** step)
    return first / m.sqrt(second)


def with_both_corrections(mean, square, step):
    first = mean.double() / (1 - 0.9 ** step.double())
    second = square.double() / (1 - 0.999 ** step.double())
    return (first / second.sqrt()).to(mean.dtype)


@plant(corrected_direction, "wrong_formula", twin=with_both_corrections, value=ulps(2))
def without_bias_correction(mean, square, step):
    return mean / square.sqrt()


@stated("Kingma & Ba 2015, algorithm 1, the first step", mean=real(-1, 1), square=real(2**-8, 1))
def first_direction(mean, square):
    return m.ratio(10, 1) * mean / m.sqrt(1000 * square)


def first_step_with_correction(mean, square):
    return (10 * mean.double() / (1000 * square.double()).sqrt()).to(mean.dtype)


@plant(first_direction, "scale", twin=first_step_with_correction, value=ulps(2))
def first_step_without_bias_correction(mean, square):
    return mean / square.sqrt()


@stated(
    "torch.optim.SGD, dampening 1/4, momentum 3/4", buffer=real(-1, 1), slope=real(-1, 1), first=one_of(0, 1)
)
def momentum_buffer(buffer, slope, first):
    return slope if first else (3 * buffer + 3 * slope) / 4


def dampened_from_the_second_step(buffer, slope, first):
    return torch.where(first == 1, slope, 0.75 * buffer + 0.75 * slope)


@plant(momentum_buffer, "scale", twin=dampened_from_the_second_step, value=ulps(2))
def dampened_from_the_first_step(buffer, slope, first):
    return 0.75 * torch.where(first == 1, 0, buffer) + 0.75 * slope


@stated("Loshchilov & Hutter 2019, equation 1", weight=real(-2, 2), slope=real(-2, 2))
def slope_with_decay(weight, slope):
    return slope + weight / 8


def decay_added(weight, slope):
    return slope + 0.125 * weight


@plant(slope_with_decay, "wrong_formula", twin=decay_added, value=ulps(2))
def sign_of_the_weight_decay(weight, slope):
    return slope - 0.125 * weight


@stated("how far a step moves a weight", weight=real(0.5, 2), step=real(2**-20, 2**-14))
def movement(weight, step):
    return (weight - step) - weight


def the_step_itself(weight, step):
    return -step


@plant(movement, "absorption", twin=the_step_itself, value=ulps(1), formats=("bfloat16", "float16"))
def step_applied_to_a_half_precision_weight(weight, step):
    return (weight - step) - weight


@stated("256 equal steps", weight=real(0.5, 2), step=real(2**-16, 2**-12))
def weight_after_many_steps(weight, step):
    return weight - 256 * step


def one_large_step(weight, step):
    return weight - 256 * step


@plant(
    weight_after_many_steps, "absorption", twin=one_large_step, value=ulps(1), formats=("bfloat16", "float16")
)
def many_absorbed_steps(weight, step):
    for _ in range(256):
        weight = weight - step
    return weight


@stated("Bottou 1998, section 2: a step size that decays", slope=real(-1, 1), step=one_of(1, 2, 3))
def decayed_step(slope, step):
    return -slope / step


def divided_by_the_step(slope, step):
    return -slope / step.to(slope.dtype)


@plant(decayed_step, "wrong_formula", twin=divided_by_the_step, value=ulps(2))
def steps_counted_from_zero(slope, step):
    return -slope / (step - 1).clamp(min=1).to(slope.dtype)
