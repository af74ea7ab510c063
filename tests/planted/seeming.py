"""Mistakes whose cause is easily taken for another: rounding for a formula, an end of the range for a rounding."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import torch
from torch.nn import functional

from numcheck import index, integer, m, one_of, real, simplex, ulps, vector
from planted import plant, stated

# --- rounding that a shadow of 106 bits shares, and no formula


@stated("compound growth", x=real(2.0**-120, 2.0**-90), n=real(2.0**-118, 2.0**-92))
def growth_of_a_tiny_rate(x, n):
    return m.exp(m.log1p(x) / n * 2.0**-30)


def growth_by_log1p(x, n):
    return torch.exp(torch.log1p(x.double()) / n.double() * 2.0**-30).to(x.dtype)


@plant(
    growth_of_a_tiny_rate,
    "absorption",
    twin=growth_by_log1p,
    value=ulps(4),
    formats=("float32", "bfloat16"),
    written_for=("float32", "bfloat16"),
)
def one_is_added_to_a_tiny_rate(x, n):
    return (1 + x) ** (2.0**-30 / n)


@stated("an angle and its own arccosine", x=real(2.0**-100, 2.0**-12))
def angle(x):
    return m.atan2(m.sin(x), m.cos(x))


def as_it_is(x):
    return x * 1


@plant(angle, "cancellation", twin=as_it_is, value=ulps(4))
def arccosine_of_the_cosine(x):
    return torch.acos(torch.cos(x))


@stated("Higham 2002, section 1.8: the smaller root", b=real(1e3, 1e12), c=real(2.0**-20, 1))
def tiny_root(b, c):
    return c / (b + m.sqrt(b**2 - c))


def tiny_root_without_a_difference(b, c):
    return c / (b + torch.sqrt(b * b - c))


@plant(
    tiny_root,
    "cancellation",
    twin=tiny_root_without_a_difference,
    value=ulps(4),
    formats=("float32",),
    written_for=("float32",),
)
def quadratic_formula_that_even_twice_the_digits_do_not_heal(b, c):
    return b - torch.sqrt(b * b - c)


@stated(
    "Todhunter 1886, article 37, on the equator's meridian", p=real(0.25, 1.25), d=real(2.0**-14, 2.0**-7)
)
def arc(p, d):
    h = m.cos(p) * m.cos(p) * m.sin(d / 2) ** 2
    return 2 * m.atan2(m.sqrt(h), m.sqrt(1 - h))


def arc_by_haversines(p, d):
    p, d, dtype = p.double(), d.double(), p.dtype
    return (2 * torch.asin(torch.cos(p) * torch.sin(d / 2))).to(dtype)


@plant(
    arc, "cancellation", twin=arc_by_haversines, value=ulps(4), formats=("float32",), written_for=("float32",)
)
def law_of_cosines(p, d):
    return torch.acos((p.sin() * p.sin() + p.cos() * p.cos() * d.cos()).clamp(-1, 1))


@stated("Cardano 1545, for x**3 + 3 p x = 2 q", p=real(1, 4), q=real(2.0**-10, 2.0**-6))
def cubic_root(p, q):
    return m.root(lambda x: x**3 + 3 * p * x - 2 * q, 0, 1)


def cubic_by_newton(p, q):
    p, q, dtype = p.double(), q.double(), p.dtype
    x = 2 * q / (3 * p)
    for _ in range(8):
        x = x - (x**3 + 3 * p * x - 2 * q) / (3 * x * x + 3 * p)
    return x.to(dtype)


@plant(
    cubic_root,
    "cancellation",
    twin=cubic_by_newton,
    value=ulps(4),
    formats=("float32",),
    written_for=("float32",),
)
def difference_of_cube_roots(p, q):
    root = torch.sqrt(q * q + p**3)
    return (root + q) ** (1 / 3) - (root - q) ** (1 / 3)


# --- overflow that is mended afterwards


@stated("Dugas 2001", x=real(120, 1000))
def softplus_of_a_large_number(x):
    return m.log(1 + m.exp(x))


def builtin(x):
    return functional.softplus(x)


@plant(softplus_of_a_large_number, "overflow", twin=builtin, value=ulps(2))
def infinity_is_replaced_by_zero(x):
    y = torch.log(1 + torch.exp(x))
    return torch.where(torch.isinf(y), torch.zeros_like(y), y)


@plant(softplus_of_a_large_number, "overflow", twin=builtin, value=ulps(2))
def infinity_is_replaced_by_a_large_number(x):
    return torch.nan_to_num(torch.log(1 + torch.exp(x)), posinf=60000.0)


@plant(softplus_of_a_large_number, "overflow", twin=builtin, value=ulps(2))
def infinity_is_masked_in_place(x):
    y = torch.log(1 + torch.exp(x))
    y[torch.isinf(y)] = 0.0
    return y


@stated("Pearson 1896", x=vector(2.0**60, 2.0**64, sizes=(3,)), y=vector(2.0**60, 2.0**64, sizes=(3,)))
def cosine_of_large_vectors(x, y):
    return m.dot(x, y) / m.sqrt(m.dot(x, x) * m.dot(y, y))


def one_root_each(x, y):
    a, b = x.double(), y.double()
    return ((a * b).sum(1) / ((a * a).sum(1).sqrt() * (b * b).sum(1).sqrt())).to(x.dtype)


@plant(
    cosine_of_large_vectors,
    "overflow",
    twin=one_root_each,
    value=ulps(4, gamma=True),
    formats=("float32",),
    written_for=("float32",),
)
def root_of_a_product_of_squares(x, y):
    return (x * y).sum(1) / torch.sqrt((x * x).sum(1) * (y * y).sum(1))


# --- other formulas, in loops that are no iterations


@stated("Lin et al. 2017, equation 4, with gamma = 2", logits=vector(-8, 8, sizes=(6,)))
def focal(logits):
    p = 1 / (1 + m.exp(-logits))
    return m.mean(-((1 - p) ** 2) * m.log(p))


def focal_of_all_elements(logits):
    z = logits.double()
    return (functional.softplus(-z) * torch.sigmoid(-z) ** 2).mean(1).to(logits.dtype)


@plant(focal, "wrong_formula", twin=focal_of_all_elements, value=ulps(4))
def focal_loop_with_another_gamma(logits):
    total = torch.zeros_like(logits[:, 0])
    for j in range(logits.shape[1]):
        p = torch.sigmoid(logits[:, j])
        total = total - (1 - p) * torch.log(p)
    return total / logits.shape[1]


@stated("Kullback & Leibler 1951", p=simplex(sizes=(5,)), q=vector(0.125, 1, sizes=(5,)))
def divergence_from(p, q):
    return m.sum(m.xlogy(p, p / q))


def divergence_by_xlogy(p, q):
    p, q, dtype = p.double(), q.double(), p.dtype
    return torch.xlogy(p, p / q).sum(1).to(dtype)


@plant(divergence_from, "wrong_formula", twin=divergence_by_xlogy, value=ulps(4))
def divergence_loop_with_squares(p, q):
    total = torch.zeros_like(p[:, 0])
    for j in range(p.shape[1]):
        a, b = p[:, j].double(), q[:, j].double()
        total = total + torch.xlogy(a, a * a / b).to(p.dtype)
    return total


@stated(
    "Chen et al. 2018, section 4.1 (poly policy)",
    base=real(2.0**-10, 1),
    step=integer(2, 30),
    power=one_of(1.0, 2.0),
)
def polynomial_decay(base, step, power):
    return base * (1 - step / 40) ** power


def decay_at_once(base, step, power):
    return (base.double() * (1 - step.double() / 40) ** power).to(base.dtype)


@plant(polynomial_decay, "wrong_formula", twin=decay_at_once, value=ulps(2))
def recursion_over_numbers_of_python(base, step, power):
    out = base.clone()
    powers = power.tolist() if isinstance(power, torch.Tensor) else [power] * len(out)
    for i, (n, exponent) in enumerate(zip(step.tolist(), powers, strict=True)):
        rate = float(base[i])
        for k in range(1, n + 1):
            rate = 0.5 * rate * (1 + ((40 - k) / (41 - k)) ** exponent)
        out[i] = rate
    return out


@stated("the mean of three numbers", x=vector(-16, 16, sizes=(3,)))
def mean_of_three(x):
    return m.mean(x)


def mean_in_float64(x):
    return x.double().mean(1).to(x.dtype)


@plant(mean_of_three, "wrong_formula", twin=mean_in_float64, value=ulps(2))
def median_for_the_mean(x):
    return x.median(1).values


@plant(mean_of_three, "scale", twin=mean_in_float64, value=ulps(2))
def sum_of_rows_one_by_one(x):
    return torch.stack([row.double().sum() for row in x]).to(x.dtype)


@stated("the total of what is there", x=vector(0, 2, sizes=(4,)))
def total_of_all(x):
    return m.sum(m.where(x < 1, 0, 1) + 0 * x)


def counted(x):
    return (x >= 1).to(x.dtype).sum(1)


@plant(total_of_all, "wrong_formula", twin=counted, value=ulps(1))
def alike_entries_count_once(x):
    return torch.stack([torch.unique((row >= 1).to(x.dtype)[:, None], dim=0).sum() for row in x])


@stated(
    "Shazeer & Stern 2018, algorithm 5, two steps",
    first=real(-4, 4),
    second=real(-4, 4),
    late=real(0.5, 1),
    early=real(0, 0.5),
)
def two_steps_of_momentum(first, second, late, early):
    return early * first / 2 + late * (first / 4 + second / 2)


def rate_comes_after(first, second, late, early):
    a, b = first.double() / 2, second.double()
    return (early * a + late * (a / 2 + b / 2)).to(first.dtype)


@plant(two_steps_of_momentum, "wrong_formula", twin=rate_comes_after, value=ulps(4))
def rate_comes_before_the_average(first, second, late, early):
    a = early * first / 2
    return a + a / 2 + late * second / 2


@stated(
    "Milletari, Navab & Ahmadi 2016, with sums in place of squares",
    p=vector(0.125, 1, sizes=(6,)),
    t=vector(0.125, 1, sizes=(6,)),
)
def overlap(p, t):
    return 2 * m.dot(p, t) / (m.sum(p) + m.sum(t))


def overlap_of_sums(p, t):
    p, t, dtype = p.double(), t.double(), p.dtype
    return (2 * (p * t).sum(1) / (p.sum(1) + t.sum(1))).to(dtype)


@plant(overlap, "wrong_formula", twin=overlap_of_sums, value=ulps(2))
def overlap_over_sums_of_squares(p, t):
    return 2 * (p * t).sum(1) / ((p * p).sum(1) + (t * t).sum(1))


@stated("Bridle 1990, with a class that is masked", logits=vector(-4, 4), label=index())
def kept_probability(logits, label):
    return m.exp(logits[label]) / m.sum(m.exp(logits))


def softmax_at_the_label(logits, label):
    return torch.softmax(logits.double(), 1).gather(1, label[:, None])[:, 0].to(logits.dtype)


@plant(kept_probability, "special_value", twin=softmax_at_the_label, value=ulps(2))
def scores_are_masked_in_every_place(logits, label):
    scores = logits.masked_fill(torch.ones_like(logits, dtype=torch.bool), -torch.inf)
    return torch.softmax(scores, 1).gather(1, label[:, None])[:, 0]


# --- iterations


@stated("Brown 1971, radial term k1 alone", k=real(0.25, 1), distorted=real(2, 20))
def undistorted(k, distorted):
    return m.root(lambda r: r * (1 + k * r * r) - distorted, 0, 21)


def undistorted_by_newton(k, distorted):
    k, d, dtype = k.double(), distorted.double(), k.dtype
    r = d
    for _ in range(60):
        r = r - (r * (1 + k * r * r) - d) / (1 + 3 * k * r * r)
    return r.to(dtype)


@plant(undistorted, "unconverged", twin=undistorted_by_newton, value=ulps(4))
def five_steps_of_a_fixed_point(k, distorted):
    r = distorted
    for _ in range(5):
        r = distorted / (1 + k * r * r)
    return r


@stated("Taylor 1715", x=real(1, 2))
def exponential(x):
    return m.exp(x)


def builtin_exponential(x):
    return torch.exp(x.double()).to(x.dtype)


@plant(exponential, "unconverged", twin=builtin_exponential, value=ulps(2))
def a_series_that_ends_early(x):
    term = total = torch.ones_like(x)
    for k in range(1, 6):
        term = term * x / k
        total = total + term
    return total


@stated("Heron of Alexandria, Metrica I.8", a=real(4, 400))
def root_of(a):
    return m.sqrt(a)


def builtin_root(a):
    return torch.sqrt(a)


# --- derivatives that are not finite


@stated("estimator k3 of Schulman 2020, capped", r=real(100, 200))
def capped(r):
    k3 = m.exp(r) - 1 - r
    return m.where(k3 < 10, k3, 10)


def capped_before(r):
    r = r.clamp(max=4)
    return (r.exp() - 1 - r).clamp(max=10)


@plant(capped, "nan_gradient", twin=capped_before, value=ulps(2), grad=ulps(2))
def capped_after_the_exponential(r):
    return (r.exp() - 1 - r).clamp(max=10)


@stated("a root that starts at 1", x=real(-4, 0.5))
def nothing_below_one(x):
    return m.where(x > 1, m.sqrt(x), 0)


def nothing(x):
    return 0 * x


def no_turn(w):
    return 0 * w


@plant(nothing_below_one, "nan_gradient", twin=nothing, value=ulps(2), grad=ulps(2))
def root_of_what_is_clamped(x):
    return torch.where(x > 1, torch.sqrt(x.clamp(min=0)), 0)


@plant(nothing_below_one, "nan_gradient", twin=nothing, value=ulps(2), grad=ulps(2))
def logarithm_whose_infinity_is_mended(x):
    return torch.nan_to_num(torch.log(0 * x), neginf=0.0)


@stated("the angle of a unit quaternion beyond its end", w=real(2, 8))
def no_angle(w):
    return m.where(w < 1, w, 0)


@plant(no_angle, "nan_gradient", twin=no_turn, value=ulps(2), grad=ulps(2))
def arccosine_at_its_end(w):
    return torch.acos(w / w.abs())
