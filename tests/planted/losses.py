"""Mistakes in losses."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import torch
from torch.nn import functional

from numcheck import index, m, one_of, real, simplex, ulps, vector
from planted import plant, stated

# --- cross-entropy of two classes


@stated("Goodfellow, Bengio & Courville 2016, section 6.2.2.2", logit=real(-60, 60), label=one_of(0, 1))
def two_class_loss(logit, label):
    return m.log(1 + m.exp(-logit if label else logit))


def softplus_of_the_flipped_logit(logit, label):
    return functional.softplus(torch.where(label == 1, -logit, logit))


@plant(two_class_loss, "wrong_formula", twin=softplus_of_the_flipped_logit, value=ulps(2))
def the_label_is_swapped(logit, label):
    return functional.softplus(torch.where(label == 1, logit, -logit))


@stated("Goodfellow, Bengio & Courville 2016, section 6.2.2.2", logit=real(-60, -10))
def loss_of_a_right_answer(logit):
    return m.log(1 + m.exp(logit))


def softplus(logit):
    return functional.softplus(logit)


@stated("Goodfellow, Bengio & Courville 2016, section 6.2.2.2", logit=real(8, 30))
def loss_of_a_wrong_answer(logit):
    return m.log(1 + m.exp(logit))


@plant(loss_of_a_right_answer, "absorption", twin=softplus, value=ulps(2), formats=("float32", "bfloat16"))
def one_minus_a_tiny_probability(logit):
    return -torch.log(1 - torch.sigmoid(logit))


@plant(loss_of_a_wrong_answer, "cancellation", twin=softplus, value=ulps(2))
def one_minus_a_probability_near_one(logit):
    return -torch.log(1 - torch.sigmoid(logit))


@stated("Shannon 1948, section 6: the surprisal of an event of probability p", p=real(2**-24, 1))
def surprisal(p):
    return -m.log(p)


def minus_logarithm(p):
    return -torch.log(p)


@plant(surprisal, "wrong_formula", twin=minus_logarithm, value=ulps(2))
def the_clamp_hides_improbable_events(p):
    return -torch.log(p.clamp(1e-4, 1))


# --- softmax and what is made of it


@stated("Boltzmann 1868; Bridle 1990, equation 1", logits=vector(-12, 12, sizes=(4, 6)))
def rows_of_probabilities(logits):
    rows = m.reshape(logits, (2, len(logits) // 2))
    powers = m.exp(rows)
    return powers / m.reshape(m.sum(powers, axis=1), (2, 1))


def softmax_of_rows(logits):
    return torch.softmax(logits.reshape(len(logits), 2, -1), 2)


@plant(rows_of_probabilities, "wrong_formula", twin=softmax_of_rows, value=ulps(4, gamma=True))
def softmax_over_the_wrong_axis(logits):
    return torch.softmax(logits.reshape(len(logits), 2, -1), 1)


@plant(rows_of_probabilities, "placement", twin=softmax_of_rows, value=ulps(4, gamma=True))
def softmax_over_the_batch(logits):
    return torch.softmax(logits.reshape(len(logits), 2, -1), 0)


@stated("Bridle 1990, equation 1", unlikely=real(-1000, -100), likely=real(0, 100))
def log_probability(unlikely, likely):
    return unlikely - m.log(m.exp(unlikely) + m.exp(likely))


def minus_softplus(unlikely, likely):
    return -functional.softplus(likely.double() - unlikely.double()).to(likely.dtype)


@plant(log_probability, "underflow", twin=minus_softplus, value=ulps(2))
def logarithm_of_softmax(unlikely, likely):
    return torch.log(torch.softmax(torch.stack([unlikely, likely], 1), 1)[:, 0])


@stated("Boltzmann 1868; Bridle 1990, equation 1", logits=vector(-700, 700))
def probabilities(logits):
    powers = m.exp(logits)
    return powers / m.sum(powers)


def softmax(logits):
    return torch.softmax(logits, 1)


@plant(probabilities, "overflow", twin=softmax, value=ulps(4, gamma=True))
def softmax_whose_nan_is_hidden(logits):
    powers = torch.exp(logits)
    return torch.nan_to_num(powers / powers.sum(1, keepdim=True))


@stated("Bridle 1990: a masked class has no probability", logits=vector(-10, 10), kept=one_of(0, 1))
def probability_of_the_first(logits, kept):
    return m.exp(logits[0]) / m.sum(m.exp(logits)) if kept else m.zeros_like(logits[0])


def masked_after_softmax(logits, kept):
    return torch.where(kept == 1, torch.softmax(logits, 1)[:, 0], 0)


@plant(probability_of_the_first, "special_value", twin=masked_after_softmax, value=ulps(4, gamma=True))
def a_row_masked_with_minus_infinity_throughout(logits, kept):
    masked = torch.where(kept[:, None] == 1, logits, -torch.inf)
    powers = (masked - masked.amax(1, keepdim=True)).exp()
    return powers[:, 0] / powers.sum(1)


@stated("Nielsen & Sun 2016, equation 10", logits=vector(100, 700))
def log_sum_of_exponentials(logits):
    return m.log(m.sum(m.exp(logits)))


def logsumexp(logits):
    return torch.logsumexp(logits, 1)


@plant(log_sum_of_exponentials, "overflow", twin=logsumexp, value=ulps(2))
def plain_log_of_a_sum_of_exponentials(logits):
    return torch.log(torch.exp(logits).sum(1))


@stated("Hinton, Vinyals & Dean 2015, equation 1", logits=vector(0.5, 16), temperature=one_of(0.5, 2.0))
def tempered_log_partition(logits, temperature):
    return m.log(m.sum(m.exp(logits / temperature)))


def divided_by_the_temperature(logits, temperature):
    return torch.logsumexp(logits / temperature, 1)


@plant(tempered_log_partition, "wrong_formula", twin=divided_by_the_temperature, value=ulps(4, gamma=True))
def temperature_applied_twice(logits, temperature):
    cooled = logits / temperature
    return torch.logsumexp(cooled / temperature, 1)


@stated("Szegedy et al. 2016, section 7, smoothing of 1/8", logits=vector(-16, 16), label=index())
def smoothed_loss(logits, label):
    log_p = logits - m.log(m.sum(m.exp(logits)))
    return -(7 * log_p[label] + m.mean(log_p)) / 8


def smoothing_over_all_classes(logits, label):
    log_p = torch.log_softmax(logits.float(), 1)
    return (-0.875 * log_p.gather(1, label[:, None])[:, 0] - 0.125 * log_p.mean(1)).to(logits.dtype)


@plant(smoothed_loss, "wrong_formula", twin=smoothing_over_all_classes, value=ulps(4, gamma=True))
def smoothing_divided_by_the_other_classes(logits, label):
    log_p = torch.log_softmax(logits.float(), 1)
    spread = log_p.sum(1) / (logits.shape[1] - 1)
    return (-0.875 * log_p.gather(1, label[:, None])[:, 0] - 0.125 * spread).to(logits.dtype)


@stated("Goodfellow, Bengio & Courville 2016, section 6.2.2.3", logits=vector(-4, 4), label=index())
def loss_of_a_class(logits, label):
    return m.log(m.sum(m.exp(logits))) - logits[label]


def cross_entropy(logits, label):
    return functional.cross_entropy(logits.double(), label, reduction="none").to(logits.dtype)


@plant(loss_of_a_class, "wrong_formula", twin=cross_entropy, value=ulps(4, gamma=True))
def softmax_applied_twice(logits, label):
    return functional.cross_entropy(torch.softmax(logits, 1), label, reduction="none")


# --- divergences


@stated("Kullback & Leibler 1951, for two events", p=real(0.625, 0.875), q=real(0.125, 0.375))
def divergence(p, q):
    return p * m.log(p / q) + (1 - p) * m.log((1 - p) / (1 - q))


def divergence_from_q_to_p(p, q):
    p, q, dtype = p.double(), q.double(), p.dtype
    return (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).to(dtype)


@plant(divergence, "wrong_formula", twin=divergence_from_q_to_p, value=ulps(2))
def arguments_of_the_divergence_are_swapped(p, q):
    return divergence_from_q_to_p(q, p)


@stated("Shannon 1948, section 6", p=simplex())
def entropy(p):
    return -m.sum(m.xlogy(p, p))


def entropy_by_xlogy(p):
    return -torch.xlogy(p.double(), p.double()).sum(1).to(p.dtype)


@plant(entropy, "special_value", twin=entropy_by_xlogy, value=ulps(2))
def zero_times_its_logarithm(p):
    return -(p.double() * p.double().log()).sum(1).to(p.dtype)


# --- regression


@stated("Bishop 2006, equation 3.26", prediction=real(-100, 100), target=real(-100, 100))
def half_the_squared_error(prediction, target):
    return (prediction - target) ** 2 / 2


def half_of_the_square(prediction, target):
    return 0.5 * (prediction - target) ** 2


@plant(half_the_squared_error, "scale", twin=half_of_the_square, value=ulps(2))
def the_half_is_missing(prediction, target):
    return (prediction - target) ** 2


@stated("Bishop 2006, equation 1.2", prediction=vector(-16, 16), target=vector(-16, 16))
def mean_squared_error(prediction, target):
    return m.mean((prediction - target) ** 2)


def mean_of_squares(prediction, target):
    return ((prediction - target) ** 2).mean(1)


@plant(mean_squared_error, "scale", twin=mean_of_squares, value=ulps(4, gamma=True))
def sum_instead_of_mean(prediction, target):
    return ((prediction - target) ** 2).sum(1)


@stated("the mean over all rows of a ragged batch", x=vector(-100, 100, sizes=(3, 8)))
def mean_over_everything(x):
    return m.mean(x)


def mean_of_all(x):
    return x.mean(1)


@plant(mean_over_everything, "wrong_formula", twin=mean_of_all, value=ulps(4, gamma=True))
def mean_of_means_of_ragged_groups(x):
    return (x[:, :2].mean(1) + x[:, 2:].mean(1)) / 2


@stated("Huber 1964, Robust Estimation of a Location Parameter, with k = 1", residual=real(-100, 100))
def huber(residual):
    size = abs(residual)
    return m.where(size <= 1, size**2 / 2, size - 0.5)


def huber_by_branches(residual):
    size = residual.abs()
    return torch.where(size <= 1, 0.5 * size * size, size - 0.5)


@plant(huber, "wrong_formula", twin=huber_by_branches, value=ulps(2))
def branches_of_huber_are_swapped(residual):
    size = residual.abs()
    return torch.where(size > 1, 0.5 * size * size, size - 0.5)


@stated("Girshick 2015, equation 3, with beta", residual=real(-100, 100), beta=one_of(0.25, 4.0))
def smooth_l1(residual, beta):
    size = abs(residual)
    return m.where(size < beta, size**2 / (2 * beta), size - beta / 2)


def smooth_l1_with_beta(residual, beta):
    return functional.smooth_l1_loss(residual, torch.zeros_like(residual), reduction="none", beta=beta)


@plant(smooth_l1, "wrong_formula", twin=smooth_l1_with_beta, value=ulps(4))
def beta_is_ignored(residual, beta):
    return functional.smooth_l1_loss(residual, torch.zeros_like(residual), reduction="none")


@stated("Green 1990, section 2, the log-cosh error", x=real(1, 1000))
def log_cosh(x):
    return m.log(m.cosh(x))


def log_cosh_by_softplus(x):
    wide = x.double()
    return (wide + torch.log1p(torch.exp(-2 * wide)) - 0.6931471805599453).to(x.dtype)


@plant(log_cosh, "overflow", twin=log_cosh_by_softplus, value=ulps(2))
def logarithm_of_cosh(x):
    return torch.log(torch.cosh(x))


@stated("elementary probability: independent events", p=vector(2**-12, 2**-6, sizes=(16,)))
def log_likelihood(p):
    return m.sum(m.log(p))


def sum_of_logarithms(p):
    return p.log().sum(1)


@plant(log_likelihood, "underflow", twin=sum_of_logarithms, value=ulps(4, gamma=True))
def logarithm_of_a_product(p):
    return torch.log(p.prod(1))


@stated("Salton & McGill 1983, section 4.2", x=vector(0.015625, 1), y=vector(0.015625, 1))
def cosine(x, y):
    return m.dot(x, y) / (m.norm(x) * m.norm(y))


def cosine_of_wide_numbers(x, y):
    return functional.cosine_similarity(x.double(), y.double(), dim=1, eps=1e-30).to(x.dtype)


@plant(cosine, "wrong_formula", twin=cosine_of_wide_numbers, value=ulps(4))
def epsilon_added_to_the_product_of_lengths(x, y):
    x, y, dtype = x.double(), y.double(), x.dtype
    return ((x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1) + 0.125)).to(dtype)
