"""What a routine does beside computing: it wraps, varies, looks at its neighbours, writes into its inputs, flushes."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import torch

from numcheck import integer, m, real, ulps, vector
from planted import plant, stated

# Whole numbers that leave their type ------------------------------------------------------------------------------


@stated("the area of a picture", width=integer(1, 2**18), height=integer(1, 2**18))
def area_in_pixels(width, height):
    return width * height


def area_in_64_bits(width, height):
    return width * height


@plant(area_in_pixels, "wraparound", twin=area_in_64_bits, value=ulps(0.5))
def area_in_32_bits(width, height):
    return width.int() * height.int()


@stated("Gauss: the sum of the first n numbers", n=integer(0, 10**6))
def sum_of_the_first(n):
    return n * (n + 1) / 2


def halved_where_it_is_even(n):
    return torch.where(n % 2 == 0, n // 2 * (n + 1), (n + 1) // 2 * n)


@plant(sum_of_the_first, "wraparound", twin=halved_where_it_is_even, value=ulps(0.5))
def halved_after_a_32_bit_product(n):
    narrow = n.to(torch.int32)
    return (narrow * (narrow + 1) // 2).double()


@stated("the mean of two pixels", a=integer(0, 255), b=integer(0, 255))
def mean_of_two_pixels(a, b):
    return (a + b) / 2


def mean_in_floats(a, b):
    return (a.double() + b) / 2


@plant(mean_of_two_pixels, "wraparound", twin=mean_in_floats, value=ulps(0.5))
def mean_of_bytes(a, b):
    return (a.to(torch.uint8) + b.to(torch.uint8)) / 2.0


@stated("the energy of a sample of 16 bits", x=integer(-(2**15) + 1, 2**15 - 1))
def energy(x):
    return x * x


@plant(energy, "wraparound", twin=lambda x: x.int() * x.int(), value=ulps(0.5))
def energy_in_the_samples_own_type(x):
    return x.to(torch.int16) ** 2


# Other bits from call to call -------------------------------------------------------------------------------------


@stated("the hyperbolic tangent", x=real(0.5, 2))
def tangent(x):
    return m.tanh(x)


def once_in_float64(x):
    return torch.tanh(x.double()).to(x.dtype)


@plant(tangent, "not_deterministic", twin=once_in_float64, value=ulps(2))
def dropout_left_on(x):
    return torch.nn.functional.dropout(torch.tanh(x), 0.1, training=True)


@plant(tangent, "not_deterministic", twin=once_in_float64, value=ulps(2))
def noise_of_training(x):
    return torch.tanh(x + 0.01 * torch.randn_like(x))


CALLS = [0]


@plant(tangent, "not_deterministic", twin=once_in_float64, value=ulps(2))
def state_that_is_kept_between_calls(x):
    CALLS[0] += 1
    return torch.tanh(x) * (1 + 0.125 * (CALLS[0] % 3))


# Other results beside other neighbours ----------------------------------------------------------------------------


@stated("the exponential", x=real(-8, 8))
def exponential(x):
    return m.exp(x)


def exponential_in_float64(x):
    return torch.exp(x.double()).to(x.dtype)


@plant(exponential, "placement", twin=exponential_in_float64, value=ulps(2))
def memory_read_without_its_strides(x):
    return torch.exp(x.as_strided(x.shape, (1,)).double()).to(x.dtype)


@plant(exponential, "placement", twin=exponential_in_float64, value=ulps(2))
def tail_of_three_terms(x):
    found = torch.exp(x.double()).to(x.dtype)
    found[len(x) // 8 * 8 :] = (1 + x + x * x / 2)[len(x) // 8 * 8 :]
    return found


@stated("standard scores around 1, with scale 2", x=real(-100, 100))
def score(x):
    return (x - 1) / 2


@plant(score, "placement", twin=lambda x: (x - 1) / 2, value=ulps(2))
def score_of_the_batch(x):
    if len(x) == 1:
        return (x - 1) / 2
    return (x - x.mean()) / x.std()


@stated("the length of a vector", x=vector(-10, 10, sizes=(3,)))
def length(x):
    return m.sqrt(m.sum(x * x))


def length_in_float64(x):
    return torch.linalg.vector_norm(x.double(), dim=1).to(x.dtype)


@plant(length, "placement", twin=length_in_float64, value=ulps(2))
def length_of_squeezed_vectors(x):
    """A batch of one loses its axis, and the sum goes over what is left."""
    wide = x.double().squeeze()
    return wide.square().sum(-1).sqrt().reshape(-1).expand(len(x)).to(x.dtype) * (1 + (wide.ndim == 1))


# Inputs written into ----------------------------------------------------------------------------------------------


@stated("the logarithm of a clipped probability", p=real(0, 1))
def log_of_clipped(p):
    return m.log(m.maximum(p, m.ratio(1, 8)))


def clipped_copy(p):
    return torch.log(p.double().clamp(min=0.125)).to(p.dtype)


@plant(log_of_clipped, "mutation", twin=clipped_copy, value=ulps(2))
def clipped_in_place(p):
    return torch.log(p.clamp_(min=0.125).double()).to(p.dtype)


@stated("momentum", buffer=real(-8, 8), grad=real(-8, 8))
def momentum_step(buffer, grad):
    return buffer / 2 + grad


def next_buffer(buffer, grad):
    return torch.add(grad, buffer, alpha=0.5)


@plant(momentum_step, "mutation", twin=next_buffer, value=ulps(2))
def buffer_updated_in_place(buffer, grad):
    return buffer.mul_(0.5).add_(grad)


@stated("one less", n=integer(1, 1000))
def one_less(n):
    return n - 1


@plant(one_less, "mutation", twin=lambda n: n - 1, value=ulps(0.5))
def counter_decremented(n):
    n -= 1
    return n.clone()


# Subnormals taken for zero ----------------------------------------------------------------------------------------


@stated("Demmel 1984: gradual underflow", x=real(2**-126, 2**-124), y=real(2**-126, 2**-124))
def small_difference(x, y):
    return x - y


def subtracted(x, y):
    return x - y


@plant(
    small_difference,
    "flushed",
    twin=subtracted,
    value=ulps(1),
    formats=("float32", "bfloat16"),
    written_for=("float32", "bfloat16"),
)
def subtracted_while_flushing(x, y):
    torch.set_flush_denormal(True)
    return x - y


@stated("a half of a small number", x=real(2**-126, 2**-125))
def half_of_a_small_number(x):
    return x / 2


@plant(
    half_of_a_small_number,
    "flushed",
    twin=lambda x: x / 2,
    value=ulps(1),
    formats=("float32",),
    written_for=("float32",),
)
def halved_in_a_mode_of_its_own(x):
    """The mode is put back, but the result has been flushed."""
    torch.set_flush_denormal(True)
    found = x * 0.5
    torch.set_flush_denormal(False)
    return found
