"""A routine's own code in exact arithmetic: what it gives, which branches it takes, and what it refuses."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from torch import Tensor
from torch.nn import functional

from numcheck.operators import Executed, InexactError, execute
from numcheck.reals.precision import precision

BITS = 256


def exactly(
    function: Callable[..., Any], *tensors: Any, wrt: tuple[str, ...] = (), **settings: Any
) -> Executed:
    """What the function gives for x, y and z in turn."""
    arguments = dict(zip("xyz", tensors, strict=False)) | settings
    with precision(BITS):
        return execute(function, arguments, wrt)


def numbers(told: Executed) -> list[float]:
    return [float(ball) for ball in told.numbers.ravel()]


def contained(told: Executed, number: Any) -> bool:
    return all(ball.contains(number) for ball in told.numbers.ravel())


def in_float64(function: Callable[..., Tensor], tensors: list[Tensor], wrt: tuple[str, ...]) -> list[float]:
    wide = [x.double() if x.is_floating_point() else x for x in tensors]
    arguments = dict(zip("xyz", wide, strict=False))
    for name in wrt:
        arguments[name].requires_grad_()
    output = function(**arguments)
    results = [output]
    if wrt:
        found = torch.autograd.grad(output.sum(), [arguments[name] for name in wrt], allow_unused=True)
        results = [
            torch.zeros_like(arguments[n]) if g is None else g for n, g in zip(wrt, found, strict=True)
        ]
    lanes = len(output)
    return torch.cat([r.detach().reshape(lanes, -1) for r in results], 1).flatten().tolist()


GENERATOR = torch.Generator().manual_seed(3)
X, Y = (torch.rand(3, 4, generator=GENERATOR) * 0.8 + 0.1 for _ in range(2))
LABEL = torch.tensor([0, 2, 3])

CODE: dict[str, tuple[Callable[..., Tensor], list[Tensor]]] = {
    "softplus": (lambda x: functional.softplus(x), [X]),
    "log_of_a_sum": (lambda x: torch.log(torch.exp(x).sum(1)), [X]),
    "logsumexp": (lambda x: torch.logsumexp(x, 1), [X]),
    "softmax": (lambda x: torch.softmax(x, 1), [X]),
    "cross_entropy": (lambda x, y: functional.cross_entropy(x, y, reduction="none"), [X, LABEL]),
    "smoothed": (lambda x, y: functional.cross_entropy(x, y, label_smoothing=0.1, reduction="none"), [X, LABEL]),
    "bce": (lambda x, y: functional.binary_cross_entropy(x, y, reduction="none").sum(1), [X, Y]),
    "bce_on_logits": (lambda x, y: functional.binary_cross_entropy_with_logits(x, y, reduction="none").sum(1), [X, Y]),
    "kl": (lambda x, y: functional.kl_div(x.log_softmax(1), y.softmax(1), reduction="none").sum(1), [X, Y]),
    "mse": (lambda x, y: functional.mse_loss(x, y, reduction="none").mean(1), [X, Y]),
    "huber": (lambda x, y: functional.huber_loss(x, y, delta=0.2, reduction="none").sum(1), [X, Y]),
    "smooth_l1": (lambda x, y: functional.smooth_l1_loss(x, y, beta=0.2, reduction="none").sum(1), [X, Y]),
    "gaussian_nll": (lambda x, y: functional.gaussian_nll_loss(x, y, y * y, reduction="none").sum(1), [X, Y]),
    "triplet": (lambda x, y: functional.triplet_margin_loss(x, y, x + y, reduction="none"), [X, Y]),
    "cosine": (lambda x, y: functional.cosine_similarity(x, y, dim=1), [X, Y]),
    "soft_margin": (lambda x, y: functional.soft_margin_loss(x * y, 1 + 0 * x.data, reduction="none").sum(1), [X, Y]),
    "gelu": (lambda x: functional.gelu(x), [X]),
    "gelu_tanh": (lambda x: functional.gelu(x, approximate="tanh"), [X]),
    "silu": (lambda x: functional.silu(x), [X]),
    "mish": (lambda x: functional.mish(x), [X]),
    "elu": (lambda x: functional.elu(x - 0.5), [X]),
    "hardswish": (lambda x: functional.hardswish(x), [X]),
    "log_sigmoid": (lambda x: functional.logsigmoid(x), [X]),
    "layer_norm": (lambda x: functional.layer_norm(x, (4,)), [X]),
    "variance": (lambda x: x.var(1), [X]),
    "deviation": (lambda x: x.std(1, unbiased=False), [X]),
    "norm": (lambda x: x.norm(dim=1), [X]),
    "third_norm": (lambda x: torch.linalg.vector_norm(x, 3.0, dim=1), [X]),
    "product": (lambda x: x.prod(1), [X]),
    "running_sums": (lambda x: x.cumsum(1), [X]),
    "running_products": (lambda x: x.cumprod(1), [X]),
    "largest": (lambda x: x.max(1).values + x.amin(1), [X]),
    "sorted": (lambda x: x.sort(1).values[:, 1] * x.topk(2, 1)[0][:, 0], [X]),
    "median": (lambda x: x.median(1).values, [X]),
    "matrix_product": (lambda x, y: x @ y.T, [X, Y]),
    "outer": (lambda x, y: torch.einsum("ni,nj->nij", x, y), [X, Y]),
    "powers": (lambda x, y: x**2.5 + x**3 + 2**x + x**-1 + x**y, [X, Y]),
    "angles": (lambda x, y: torch.atan2(x, y) + torch.acos(x) + torch.asin(y) + torch.hypot(x, y), [X, Y]),
    "logarithms": (lambda x: torch.log2(x) + torch.log10(x) + torch.log1p(x) + torch.logit(x), [X]),
    "special": (lambda x: torch.erf(x) + torch.erfc(x) * torch.lgamma(x + 1) + torch.xlogy(x, x), [X]),
    "parts": (lambda x: torch.frac(3 * x) + torch.floor(3 * x) * x + torch.remainder(5 * x, 2.0), [X]),
    "fused": (lambda x, y: torch.addcmul(x, y, y, value=2) + torch.addcdiv(x, y, y + 1) + x.lerp(y, 0.25), [X, Y]),
    "in_place": (lambda x: torch.zeros_like(x).add_(x).mul_(2).clamp_(0.1, 1.5).sqrt_(), [X]),
    "masked": (lambda x: x.masked_fill(x > 0.5, -1.5) * torch.where(x < 0.3, x, 2), [X]),
    "moved": (lambda x: x.roll(1, 1) * x.flip(1) + torch.stack([x[:, 0], *x.unbind(1)[1:]], 1), [X]),
    "gathered": (lambda x, y: x.gather(1, y[:, None])[:, 0] * x[torch.arange(3), y], [X, LABEL]),
    "scattered": (lambda x, y: torch.zeros_like(x).scatter(1, y[:, None], 1.0) * x, [X, LABEL]),
    "added_at": (lambda x, y: torch.zeros_like(x).scatter_add(1, y[:, None], x[:, :1]), [X, LABEL]),
    "joined_with_labels": (lambda x, y: torch.cat([x, y[:, None]], 1).sum(1), [X, LABEL]),
    "row_by_row": (lambda x: torch.stack([row[row > 0.3].sum() for row in x]), [X]),
}  # fmt: skip


@pytest.mark.parametrize("name", CODE)
@pytest.mark.parametrize("backward", [False, True], ids=["value", "gradient"])
def test_exact_code_gives_what_torch_gives_in_float64_but_for_its_rounding(name: str, backward: bool):
    function, tensors = CODE[name]
    wrt = tuple(n for n, x in zip("xyz", tensors, strict=False) if x.is_floating_point()) if backward else ()
    told = exactly(function, *tensors, wrt=wrt)
    assert not told.open.any()
    for ball, rounded in zip(told.numbers.ravel(), in_float64(function, tensors, wrt), strict=True):
        assert ball.rad() < arb(2) ** -200  # it is told far beyond float64
        assert abs(float(ball) - rounded) <= 2.0**-44 * max(1.0, abs(rounded))


def test_nothing_is_rounded_and_no_range_ends():
    def lost(x: Tensor) -> Tensor:
        return ((1 + x) - 1) / x + torch.log(torch.exp(1e6 / x * x)) / 1e6

    assert contained(exactly(lost, torch.tensor([2.0**-140, 1.0])), 2)


def test_a_cast_rounds_nothing_but_an_integer_is_its_integer_part():
    told = exactly(lambda x: (x.half() - x.double()).float() + x.long(), torch.tensor([1.1, -2.9]))
    assert numbers(told) == [1, -2]


def test_code_that_asks_for_the_format_takes_the_native_path():
    told = exactly(lambda x: x * torch.finfo(x.dtype).eps, torch.tensor([1.0, 2.0]))
    assert numbers(told) == [2.0**-23, 2.0**-22]


def test_what_is_written_into_a_view_is_seen_by_all():
    def written(x: Tensor) -> Tensor:
        y = x.clone()
        y[:, 1:].mul_(3)
        y.t()[0] = 7
        return y

    assert numbers(exactly(written, torch.tensor([[1.0, 2, 3]] * 2))) == [7, 6, 9] * 2


# --- branches


def test_a_mean_of_equal_numbers_is_equal_to_them():
    told = exactly(lambda x: torch.where(x[:, 0] == x.mean(1), 1.0, 0.0), torch.full((2, 3), 0.1))
    assert numbers(told) == [1, 1]
    assert not told.open.any()


def test_a_comparison_follows_exact_numbers_and_not_rounded_ones():
    def vanished(x: Tensor) -> Tensor:
        return torch.where(1 + x > 1, 1.0, 0.0) + torch.where(x * x == 0, 5.0, 0.0)

    assert numbers(exactly(vanished, torch.tensor([2.0**-100, 2.0**-100]))) == [1, 1]


def test_an_undecided_comparison_leaves_its_point_open_and_no_other():
    def asks(x: Tensor) -> Tensor:
        return torch.where(torch.sqrt(x) ** 2 >= x, 1.0, 0.0)

    assert exactly(asks, torch.tensor([2.0, 4.0, 3.0])).open.tolist() == [True, False, True]


def test_zero_over_zero_is_no_number_and_one_over_zero_has_no_sign():
    mended = exactly(lambda x: torch.nan_to_num(x / x, nan=3.0), torch.tensor([0.0, 0.0]))
    assert numbers(mended) == [3, 3]
    assert not exactly(lambda x: 1 / x, torch.tensor([0.0, 0.0])).numbers[0, 0].is_finite()
    assert exactly(lambda x: torch.where(1 / x > 0, 1.0, 2.0), torch.tensor([0.0, 1.0])).open.tolist() == [
        True,
        False,
    ]


def test_the_logarithm_of_zero_is_infinite():
    told = exactly(lambda x: torch.where(torch.isinf(torch.log(x)), 9.0, x), torch.tensor([0.0, 2.0]))
    assert numbers(told) == [9, 2]


# --- numbers that leave torch


def test_numbers_that_python_takes_stay_exact():
    def looped(x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        for i, number in enumerate(x.tolist()):
            out[i] = (float(x[i]) + 1 - 1) / number + x[i].item() - number
        return out

    assert contained(exactly(looped, torch.tensor([2.0**-80, 2.0**-90])), 1)


def _third(x: Tensor | int) -> Any:
    return math.sqrt(x) if isinstance(x, Tensor) else float(x) / 3


def test_functions_of_the_module_math_stay_exact():
    def called(x: Tensor) -> Tensor:
        assert isinstance(1.5, float) and not isinstance(1, float)
        return torch.stack([_third(v) * _third(v) for v in x]) + _third(6)

    told = exactly(called, torch.tensor([2.0, 5.0]))
    assert [float(ball) for ball in told.numbers.ravel()] == [4, 7]
    assert all(ball.rad() < arb(2) ** -200 for ball in told.numbers.ravel())


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: torch.from_numpy(np.exp(x.numpy())), "numpy.. is not supported"),
        (lambda x: x + torch.rand_like(x), "random numbers are no function of the inputs"),
        (lambda x: torch.fft.fft(x).real, "has no exact rule"),
        (lambda x: torch.special.airy_ai(x), "has no exact rule"),
        (lambda x: x.view(torch.int32).float(), "the bits of an exact number are not told"),
    ],
    ids=["numpy", "random", "complex", "no rule", "bits"],
)
def test_what_cannot_be_executed_exactly_is_refused(function: Callable[..., Any], says: str):
    with pytest.raises((InexactError, RuntimeError), match=says):
        exactly(function, torch.tensor([1.0, 2.0]))


def test_a_run_without_end_is_refused():
    def endless(x: Tensor) -> Tensor:
        while True:
            x = x + 1

    with pytest.raises(InexactError, match="more than 100,000 operators"):
        exactly(endless, torch.tensor([1.0]))


def test_of_no_rows_none_is_like_another():
    told = exactly(
        lambda x: x + len(torch.unique(x[x > 99].reshape(-1, 1), dim=0)), x=torch.tensor([1.0, 2.0])
    )
    assert numbers(told) == [1.0, 2.0]
