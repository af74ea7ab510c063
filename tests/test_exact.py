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
from numcheck.operators.exact import run
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


def _written(x: Tensor) -> Tensor:
    y = x.clone()
    y[torch.tensor([0, 2])] = 2.5
    y[:, torch.tensor([1, 1])] = x[:, :2]
    return y * x


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
    "third_of_a_stack": (lambda x, y: torch.stack([x, y], 1).kthvalue(3).values, [X, Y]),
    "variance_of_rows": (lambda x: torch.stack([row.var() for row in x]), [X]),
    "in_place": (lambda x: torch.zeros_like(x).add_(x).mul_(2).clamp_(0.1, 1.5).sqrt_(), [X]),
    "masked": (lambda x: x.masked_fill(x > 0.5, -1.5) * torch.where(x < 0.3, x, 2), [X]),
    "moved": (lambda x: x.roll(1, 1) * x.flip(1) + torch.stack([x[:, 0], *x.unbind(1)[1:]], 1), [X]),
    "gathered": (lambda x, y: x.gather(1, y[:, None])[:, 0] * x[torch.arange(3), y], [X, LABEL]),
    "scattered": (lambda x, y: torch.zeros_like(x).scatter(1, y[:, None], 1.0) * x, [X, LABEL]),
    "added_at": (lambda x, y: torch.zeros_like(x).scatter_add(1, y[:, None], x[:, :1]), [X, LABEL]),
    "joined_with_labels": (lambda x, y: torch.cat([x, y[:, None]], 1).sum(1), [X, LABEL]),
    "rectified": (lambda x: functional.relu(x - 0.5) + functional.threshold(x, 0.4, 7.0), [X]),
    "bounded_below": (lambda x: x.clamp(min=0.5) * x.clamp(max=0.6), [X]),
    "left_over": (lambda x, y: torch.fmod(3 * x - 2, y) - torch.fmod(2 - 3 * x, y), [X, Y]),
    "dot": (lambda x: torch.stack([row @ row for row in x]), [X]),
    "single_numbers": (lambda x: torch.stack([v[0].cumsum(0) * v[1].sort()[0] * v[2].max(0)[0] for v in x]), [X]),
    "padded": (lambda x: functional.pad(x, (1, 1)) * functional.pad(x, (2, 0)), [X]),
    "written": (_written, [X]),
    "along_the_middle": (lambda x, y: torch.stack([x, y, 2 * y], 1).softmax(1), [X, Y]),
    "all_along_the_middle": (lambda x, y: torch.stack([x, y, 2 * y], 1).logsumexp(1), [X, Y]),
    "nothing_added": (lambda x: x.reshape(3, 1, 4)[:, :0].sum(1) + 2 * x.reshape(3, 1, 4)[:, :0].prod(1) + x, [X]),
    "first_norm": (lambda x: torch.linalg.vector_norm(x, 1.0, dim=1), [X]),
    "norms_of_rows": (lambda x: torch.stack([torch.linalg.vector_norm(row) for row in x]) * x[:, 0], [X]),
    "affine": (lambda x, y: functional.linear(x, y, x[:, 0]) + torch.addmm(x[:, :3], x, y.T, beta=2, alpha=3), [X, Y]),
    "times_a_vector": (lambda x, y: x @ y[0] * x[:, 0] + (torch.stack([x, y], 1) @ y[1]).prod(1), [X, Y]),
    "in_order": (lambda x, y: torch.stack([x, y], 1).sort().values[..., 1], [X, Y]),
    "second": (lambda x, y: torch.stack([x, y], 1).topk(2)[0][..., 1], [X, Y]),
    "of_three": (lambda x: x[:, :3].median(1).values * x[:, 0] + x.kthvalue(3).values * x[:, 1], [X]),
    "median_of_rows": (lambda x: torch.stack([row.median() + row[:3].median() for row in x]), [X]),
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


HALVES = torch.tensor(
    [-3.0, -2.5, -2.375, -2.0, -1.5, -0.75, -0.5, 0.0, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 2.625]
)
AT_TIES: dict[str, Callable[[Tensor], Tensor]] = {
    "round": torch.round,
    "trunc": torch.trunc,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "sign": torch.sign,
    "relu": torch.relu,
    "threshold": lambda x: functional.threshold(x, 1.0, 7.0),
    "distances": lambda x: torch.cdist(
        torch.stack([x, x + 3], 1).reshape(-1, 2, 1), torch.stack([x, 1 - x, x], 1)[..., None]
    ),
}


@pytest.mark.parametrize("name", AT_TIES)
def test_whole_numbers_and_those_in_the_middle_go_where_torch_has_them(name: str):
    assert numbers(exactly(AT_TIES[name], HALVES)) == AT_TIES[name](HALVES).flatten().tolist()


@pytest.mark.parametrize("function", [torch.floor, torch.ceil, torch.round, torch.trunc])
def test_a_ball_is_rounded_to_a_whole_number(function: Callable[[Tensor], Tensor]):
    told = exactly(lambda x: function(torch.sqrt(x)), torch.tensor([2.0, 3.0, 5.0, 7.0]))
    assert numbers(told) == function(torch.tensor([2.0, 3.0, 5.0, 7.0]).sqrt()).tolist()


def test_an_infinity_is_no_less_one_when_it_is_rounded():
    told = exactly(
        lambda x: torch.where(torch.isinf(torch.floor(torch.log(x))), 1.0, 0.0), torch.tensor([0.0, 0.5])
    )
    assert numbers(told) == [1, 0]


PLACES: dict[str, Callable[[Tensor], Tensor]] = {
    "argmax": lambda x: x.argmax(1),
    "argmin": lambda x: x.argmin(1),
    "across": lambda x: x.argmax(0)[: len(x)],
    "kept": lambda x: x.argmax(1, keepdim=True)[:, 0],
    "of all": lambda x: torch.stack([row.argmax() for row in x]),
    "max": lambda x: x.max(1).indices,
    "max kept": lambda x: x.max(1, keepdim=True).indices[:, 0],
    "max of one": lambda x: torch.stack([row[0].max(0).indices for row in x]),
    "sort": lambda x: x.sort(dim=1, stable=True).indices.float() @ torch.tensor([1.0, 10, 100, 1000]),
    "descending": lambda x: (
        x.sort(dim=1, stable=True, descending=True).indices.float() @ torch.tensor([1.0, 10, 100, 1000])
    ),
    "sort of one": lambda x: torch.stack([row[0].sort().indices for row in x]),
    "median": lambda x: x[:, :3].median(1).indices,
    "third": lambda x: x.kthvalue(3).indices,
}


@pytest.mark.parametrize("name", PLACES)
def test_a_number_is_placed_where_torch_has_it_and_equal_ones_as_they_stand(name: str):
    rows = torch.tensor([[3.0, 1.0, 2.0, 4.0], [2.0, 5.0, 1.0, 0.0], [7.0, 8.0, 9.0, 6.0]])
    if name in ("argmax", "argmin", "sort", "descending", "max"):
        rows = torch.cat([rows, torch.tensor([[2.0, 2.0, 1.0, 1.0]])])
    told = exactly(lambda x: x[:, 0] * 0 + PLACES[name](x), rows)
    assert numbers(told) == PLACES[name](rows).tolist()
    assert not told.open.any()


def test_rows_that_are_alike_are_found_with_their_places_and_their_number():
    def alike(x: Tensor) -> Tensor:
        rows, places, counts = torch.unique(x[0], dim=0, return_inverse=True, return_counts=True)
        return torch.cat([rows.reshape(-1), x[0, 0, 0] * 0 + places, x[0, 0, 0] * 0 + counts])[None]

    table = torch.tensor([[[3.0, 1.0], [0.5, 2.0], [3.0, 0.0], [3.0, 1.0], [0.5, 2.0], [3.0, 1.0]]])
    told = exactly(alike, table)
    assert numbers(told) == alike(table).flatten().tolist() == [0.5, 2, 3, 0, 3, 1, 2, 0, 1, 2, 0, 2, 2, 1, 3]
    assert told.open.tolist() == [False]


def test_rows_of_which_it_is_not_known_whether_they_are_alike_leave_the_point_open():
    def alike(x: Tensor) -> Tensor:
        return x[:, 0] + len(torch.unique(torch.cat([x, torch.sqrt(x) ** 2]), dim=0))

    assert exactly(alike, torch.tensor([[2.0]])).open.tolist() == [True]


ORDERED: dict[str, Callable[[Tensor], Tensor]] = {
    "sort": lambda x: x.sort(1).values[:, 0],
    "topk": lambda x: x.topk(2, 1).values[:, 0],
    "median": lambda x: x.median(1).values,
    "argmax": lambda x: x[:, 0] + x.argmax(1),
}


@pytest.mark.parametrize("name", ORDERED)
def test_an_order_that_is_not_known_leaves_its_point_open_and_no_other(name: str):
    def asks(x: Tensor) -> Tensor:
        return ORDERED[name](torch.stack([torch.sqrt(x) ** 2, x, x + 1], 1))

    assert exactly(asks, torch.tensor([2.0, 4.0, 3.0])).open.tolist() == [True, False, True]
    nothing = exactly(lambda x: ORDERED[name](torch.stack([x / x, x, x + 1], 1)), torch.tensor([0.0, 4.0]))
    assert nothing.open.tolist() == [True, False]


def test_an_integer_type_is_asked_for_what_it_holds():
    def whole(x: Tensor) -> Tensor:
        return x * 0 + x.long()

    large = [2.0**61, -(2.0**61), 2.0**62, -(2.0**62), 2.0**70]
    told = exactly(whole, torch.tensor(large, dtype=torch.float64))
    assert told.open.tolist() == [False, False, True, True, True]
    assert [float(ball) for ball in told.numbers[:2, 0]] == large[:2]
    assert exactly(lambda x: x * 0 + torch.sqrt(x).long(), torch.tensor([2.0, 4.0])).open.tolist() == [
        True,
        False,
    ]


def test_every_number_but_zero_is_true():
    told = exactly(lambda x: torch.where(x.bool(), 1.0, 0.0), torch.tensor([0.0, 1.0, -1.0, 0.5]))
    assert numbers(told) == [0, 1, 1, 1]


def test_a_copy_without_a_type_is_the_same_number():
    assert numbers(exactly(lambda x: x.to(x.device, copy=True), torch.tensor([0.5, -3.25]))) == [0.5, -3.25]


def test_of_a_zero_no_sign_is_told():
    told = exactly(
        lambda x: torch.where(torch.signbit(x), 1.0, 0.0), torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0])
    )
    assert [
        float(ball) for ball, unsure in zip(told.numbers[:, 0], told.open, strict=True) if not unsure
    ] == [1, 1, 0, 0]
    assert told.open.tolist() == [False, False, True, False, False]


def test_the_slope_of_a_rectifier_at_its_corner_is_torchs():
    corners = torch.tensor([-1.0, 0.0, 2.0])
    assert numbers(exactly(torch.relu, corners, wrt=("x",))) == [0, 0, 1]


@pytest.mark.parametrize(
    "function", [torch.exp, torch.log1p, torch.sqrt, torch.floor, lambda x: torch.atan2(x, 2 * x)]
)
def test_a_function_of_a_single_number_is_what_it_is_of_many(function: Callable[[Tensor], Tensor]):
    one_by_one = exactly(lambda x: torch.stack([function(v) for v in x]), torch.tensor([2.0, 3.5]))
    assert numbers(one_by_one) == numbers(exactly(function, torch.tensor([2.0, 3.5])))


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


def told_apart(left: Callable[[Tensor], Any], right: Callable[[Tensor], Any], *numbers: float) -> list[bool]:
    """Of which numbers it is known that the two are equal; where that stays open they are not known to differ."""
    told = exactly(
        lambda x: torch.where(left(x) == right(x), 1.0, 0.0), torch.tensor(numbers, dtype=torch.float64)
    )
    assert [
        float(ball) for ball, unsure in zip(told.numbers[:, 0], told.open, strict=True) if not unsure
    ] == [1.0] * int((~told.open).sum())
    return (~told.open).tolist()


def test_a_quotient_stays_one_up_to_4096_bits():
    """2**4095 + 1 has so many, of which a ball of 256 keeps the first."""
    for more, stays in ((0, True), (1, False)):

        def large(x: Tensor, more: int = more) -> Tensor:
            return x**2048 * x**2047 * x**more

        assert told_apart(lambda x, large=large: large(x) + 1 - large(x), lambda x: 1.0, 2.0) == [stays]


@pytest.mark.parametrize(("power", "exact"), [(7, True), (64, True), (65, False), (-64, True), (-65, False)])
def test_an_integer_power_is_a_quotient_unless_it_is_long(power: int, exact: bool):
    def multiplied(x: Tensor) -> Tensor:
        product = x
        for _ in range(abs(power) - 1):
            product = product * x
        return product if power > 0 else 1 / product

    sixty_four_bits = (2.0**23 + 1) * 2.0**-63
    assert told_apart(lambda x: x**power, multiplied, sixty_four_bits) == [exact]


def test_the_root_of_a_square_is_its_own_and_no_other_number_has_a_rational_one():
    third = [lambda x: torch.sqrt(x / 3 * (x / 3)), lambda x: x / 3]
    assert told_apart(third[0], third[1], 0.0, 1.0, 2.0, 7.0) == [True] * 4
    assert told_apart(lambda x: torch.rsqrt(x / 3 * (x / 3)), lambda x: 3 / x, 1.0, 2.0) == [True] * 2
    for number in (3.0, 0.5, 4 / 3):
        (ball,) = exactly(torch.sqrt, torch.tensor([number], dtype=torch.float64)).numbers.ravel()
        assert abs(float(ball) - math.sqrt(number)) < 2.0**-50
    told = exactly(lambda x: torch.where(torch.isnan(torch.sqrt(x)), 1.0, 0.0), torch.tensor([-0.25, -4.0]))
    assert numbers(told) == [1, 1]


def test_the_length_of_three_and_four_is_five():
    told = exactly(lambda x: torch.where(x.norm(dim=1) == 5, 1.0, 0.0), torch.tensor([[3.0, 4.0]]))
    assert (numbers(told), told.open.tolist()) == ([1], [False])


@pytest.mark.parametrize("function", [torch.exp, torch.cos, torch.sigmoid])
def test_what_a_function_has_exactly_is_a_quotient_again(function: Callable[[Tensor], Tensor]):
    def rounded(x: Tensor) -> Tensor:
        y = function(x)
        return (y / 3 + y / 3 + y / 3) / y

    assert told_apart(rounded, lambda x: 1.0, 0.0) == [True]


@pytest.mark.parametrize(
    ("exponent", "quotient"), [(3072, True), (-3072, True), (4352, False), (-4352, False)]
)
def test_a_root_of_a_ball_is_a_quotient_again_unless_it_is_long(exponent: int, quotient: bool):
    def root(x: Tensor) -> Tensor:
        power = (x ** (math.copysign(256, exponent))).clone()
        product = power
        for _ in range(abs(exponent) // 128 - 1):
            product = product * power
        return torch.sqrt(product)

    assert told_apart(lambda x: root(x) / 3 * 3, root, 2.0) == [quotient]
    if abs(exponent) == 3072:
        (ball,) = exactly(lambda x: torch.log2(root(x)), torch.tensor([2.0])).numbers.ravel()
        assert abs(float(ball) - exponent) < 2.0**-40


def test_an_infinite_input_has_its_sign():
    told = exactly(
        lambda x: torch.where(x > 0, 1.0, torch.where(x < 0, 2.0, 3.0)), torch.tensor([math.inf, -math.inf])
    )
    assert numbers(told) == [1, 2]


def test_a_power_of_zero_is_told_unless_it_is_negative():
    told = exactly(lambda x: torch.stack([x**0, x**2, x**-1], 1), torch.tensor([0.0, -1.0, 1.0]))
    assert [float(ball) for ball in told.numbers[0, :2]] == [1, 0]
    assert not told.numbers[0, 2].is_finite()
    assert [[float(ball) for ball in row] for row in told.numbers[1:]] == [[1, 1, -1], [1, 1, 1]]


def test_a_sign_that_stays_open_may_be_any_and_no_other_does():
    told = exactly(lambda x: torch.sign(torch.sqrt(x) ** 2 - x), torch.tensor([[2.0, 4.0]]))
    unsure, zero = told.numbers[0]
    assert zero == 0
    alone = exactly(lambda x: torch.sign(torch.sqrt(x) ** 2 - x), torch.tensor([2.0])).numbers[0, 0]
    assert all(ball.contains(sign) for ball in (unsure, alone) for sign in (-1, 0, 1))


def test_the_larger_of_two_numbers_is_that_number():
    for choose in (torch.maximum, torch.minimum):
        for swap in (False, True):
            pair = (lambda x: (x / 3, x / 7)) if swap else (lambda x: (x / 7, x / 3))
            factor = 7 if choose is torch.maximum else 3

            def chosen(x: Tensor, choose: Any = choose, pair: Any = pair) -> Tensor:
                return choose(*pair(x)) * 3 * 7

            assert told_apart(chosen, lambda x, factor=factor: x * factor, 1.0) == [True]


def test_what_is_no_number_equals_none():
    for ask in (lambda x: x / x == 1, lambda x: x * 0 + 1 == x / x):
        told = exactly(lambda x, ask=ask: torch.where(ask(x), 1.0, 0.0), torch.tensor([0.0, 2.0]))
        assert (numbers(told), told.open.tolist()) == ([0, 1], [False, False])


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


def test_a_table_comes_as_rows():
    rows = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    told = exactly(lambda x: torch.stack([row[2] - row[0] * row[1] for row in x.tolist()]), rows)
    assert numbers(told) == [1, -14]


def _third(x: Tensor | int) -> Any:
    return math.sqrt(x) if isinstance(x, Tensor) else float(x) / 3


def _angle(x: Tensor) -> Any:
    assert isinstance(math.sqrt(2.0), float)
    return math.atan2(2.0, x) + math.pow(x, 2) - math.pow(x, 2.0)


def test_a_function_of_the_module_math_takes_numbers_beside_exact_ones():
    told = exactly(lambda x: torch.stack([_angle(v) for v in x]), torch.tensor([2.0, 2.0]))
    with precision(BITS):
        assert all(abs(4 * ball - arb.pi()) < arb(2) ** -200 for ball in told.numbers.ravel())


def test_functions_of_the_module_math_stay_exact():
    def called(x: Tensor) -> Tensor:
        number = float
        assert isinstance(1.5, number) and not isinstance(1, number) and number() == 0
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
        (lambda x: (x * torch.tensor(1j)).abs(), "complex numbers have no exact rule"),
        (lambda x: functional.pad(x[None], (1, 1), value=2.5)[0, :2], "has no exact rule"),
        (lambda x: torch.special.airy_ai(x), "has no exact rule"),
        (lambda x: x.view(torch.int32).float(), "the bits of an exact number are not told"),
    ],
    ids=["numpy", "random", "transform", "complex", "filled", "no rule", "bits"],
)
def test_what_cannot_be_executed_exactly_is_refused(function: Callable[..., Any], says: str):
    with pytest.raises((InexactError, RuntimeError), match=says):
        exactly(function, torch.tensor([1.0, 2.0]))


def test_a_run_without_end_is_refused(monkeypatch: pytest.MonkeyPatch):
    def endless(x: Tensor) -> Tensor:
        while True:
            x = x + 1

    monkeypatch.setattr(run, "_MOST", 2000)
    with pytest.raises(InexactError, match="more than 2,000 operators"):
        exactly(endless, torch.tensor([1.0]))


def test_as_many_operators_run_as_are_counted_and_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "_MOST", 3)
    assert exactly(lambda x: x + 1 + 2 + 3, torch.tensor([1.0])).operators == 3
    with pytest.raises(InexactError, match="more than 3 operators"):
        exactly(lambda x: x + 1 + 2 + 3 + 4, torch.tensor([1.0]))


def test_a_setting_may_stand_before_the_numbers():
    with precision(BITS):
        told = execute(lambda p, x: x * p, {"p": 2.0, "x": torch.tensor([3.0])})
    assert numbers(told) == [6]


def test_of_no_rows_none_is_like_another():
    told = exactly(
        lambda x: x + len(torch.unique(x[x > 99].reshape(-1, 1), dim=0)), x=torch.tensor([1.0, 2.0])
    )
    assert numbers(told) == [1.0, 2.0]
