"""What torch's training code does to the last bit: gradients, pooled batches, checkpoints; what breaks it is told."""

import inspect
import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.domain import draw
from numcheck.formats import format_of
from numcheck.measure.execute import arguments_of
from numcheck.training import assert_grad_is_backward, assert_pools, assert_reproducible, assert_resumes
from numcheck.training.assertions import CLOSE

load_catalog()
DIFFERENTIATED = [
    pytest.param(formula, routine, id=f"{formula.name}.{routine.name}")
    for formula in formulas().values()
    if formula.module.startswith("numcheck.catalog.losses")
    for routine in formula.routines.values()
    if routine.grad is not None
]

# Two ways to a gradient -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("formula", "routine"), DIFFERENTIATED)
def test_grad_and_backward_give_a_loss_the_same_bits(formula: Formula, routine: Routine) -> None:
    points = next(iter(draw(formula.inputs, format_of("float32"), 40, 0, formula.name)))
    arguments = arguments_of(routine, points, "cpu", False)

    def loss(*inputs: Tensor) -> Tensor:
        return routine.function(**arguments | dict(zip(formula.wrt, inputs, strict=True)))

    assert_grad_is_backward(loss, *(arguments[name] for name in formula.wrt))


def test_a_backward_that_is_another_one_each_time_is_told() -> None:
    class Shaken(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: Tensor) -> Tensor:
            return x * 1

        @staticmethod
        def backward(ctx: object, *slopes: Tensor) -> Tensor:
            return slopes[0] * torch.rand(())

    with pytest.raises(AssertionError, match="backward number 1"):
        assert_grad_is_backward(Shaken.apply, torch.ones(3))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()


def test_a_gradient_injected_at_an_intermediate_result_goes_on_from_there() -> None:
    model, x = network(), torch.randn(4, 3, dtype=torch.float64)
    hidden = model[1](model[0](x))
    slope = torch.autograd.grad(model[2](hidden).square().sum(), hidden, retain_graph=True)
    weights = list(model[0].parameters())
    injected = torch.autograd.grad(hidden, weights, slope, retain_graph=True)
    whole = torch.autograd.grad(model[2](hidden).square().sum(), weights)
    assert all(torch.equal(one, other) for one, other in zip(injected, whole, strict=True))


@given(st.lists(st.floats(-8, 8, width=32), min_size=4, max_size=4))
def test_weights_given_to_backward_are_those_of_a_weighted_loss(weights: list[float]) -> None:
    factors = torch.tensor(weights)
    x = torch.tensor([0.5, -1.0, 2.0, 3.0], requires_grad=True)
    losses = functional.softplus(x)
    (by_weights,) = torch.autograd.grad(losses, x, factors, retain_graph=True)
    (by_loss,) = torch.autograd.grad((factors * losses).sum(), x)
    assert torch.equal(by_weights, by_loss)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_ascent_on_a_function_is_descent_on_its_negative_bit_for_bit(name: str) -> None:
    ends = list[Tensor]()
    for sign, maximize in ((1, True), (-1, False)):
        x = nn.Parameter(torch.tensor([0.3, -1.7, 1e-20]))
        optimizer = getattr(torch.optim, name)([x], lr=0.1, maximize=maximize)
        for _ in range(20):
            optimizer.zero_grad()
            (sign * torch.sin(3 * x).sum()).backward()
            optimizer.step()
        ends.append(x.detach())
    assert torch.equal(*ends)


# Parts of a batch -------------------------------------------------------------------------------------------------


def squared(model: nn.Module, reduction: str, x: Tensor, y: Tensor) -> Tensor:
    return functional.mse_loss(model(x)[:, 0], y, reduction=reduction)


def batch_of(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(count)
    return torch.randn(count, 3, dtype=torch.float64, generator=generator), torch.arange(count).double()


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.sampled_from(["sum", "mean"]))
def test_pooled_gradients_are_those_of_the_whole_batch_however_it_is_cut(
    sizes: list[int], reduction: str
) -> None:
    model = network()
    assert_pools(
        partial(squared, model, reduction), list(model.parameters()), batch_of(sum(sizes)), sizes, reduction
    )


def test_the_mean_of_means_of_ragged_parts_is_told() -> None:
    model = network()
    weights, batch = list(model.parameters()), batch_of(7)

    def mean_of_means(x: Tensor, y: Tensor) -> Tensor:
        # as code that divides by the number of parts, whatever their sizes
        return squared(model, "mean", x, y) * (7 / len(x) / 2 if len(x) < 7 else 1)

    assert_pools(partial(squared, model, "mean"), weights, batch, (4, 3), "mean")
    with pytest.raises(AssertionError, match="from the whole batch"):
        assert_pools(mean_of_means, weights, batch, (4, 3), "mean")


@pytest.mark.parametrize(
    ("sizes", "reduction", "says"),
    [((3, 3), "mean", "add up"), ((7, 0), "sum", "positive"), ((7,), "none", "'none'")],
)
def test_parts_that_are_no_parts_are_refused(sizes: tuple[int, ...], reduction: str, says: str) -> None:
    model = network()
    with pytest.raises(ValueError, match=says):
        assert_pools(partial(squared, model, "sum"), list(model.parameters()), batch_of(7), sizes, reduction)


def test_a_step_from_a_whole_batch_is_none_from_each_of_its_rows() -> None:
    """Full-batch descent takes one step of the mean; one row at a time takes as many steps as rows, to elsewhere."""
    x, y = batch_of(6)
    ends = list[Tensor]()
    for size in (6, 2, 1):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        for start in range(0, 6, size):
            optimizer.zero_grad()
            squared(model, "mean", x[start : start + size], y[start : start + size]).backward()
            optimizer.step()
        ends.append(model[0].weight.detach())
    for one, other in itertools.pairwise(ends):
        assert bool(((one - other).abs() > CLOSE * one.abs()).any())


def test_weighted_sampling_is_weighting_in_expectation() -> None:
    """The mean over rows drawn with probability w / sum(w) is the weighted mean, within six standard errors.

    An honest sampler fails this for two seeds in a thousand million, and the seed is fixed.
    """
    weights = torch.tensor([0.5, 3.0, 0.25, 1.0, 8.0], dtype=torch.float64)
    rows = torch.tensor([1.0, -2.0, 4.0, 0.5, 3.0], dtype=torch.float64)
    count = 200_000
    generator = torch.Generator().manual_seed(0)
    drawn = rows[list(torch.utils.data.WeightedRandomSampler(weights, count, generator=generator))]
    exact = (weights * rows).sum() / weights.sum()
    spread = ((weights * (rows - exact) ** 2).sum() / weights.sum()).sqrt()
    assert abs(drawn.mean() - exact) <= 6 * spread / count**0.5
    assert abs(rows.mean() - exact) > 6 * spread / count**0.5  # which uniform sampling would not pass


def test_gradcheck_passes_what_the_exact_gradient_refuses() -> None:
    """Finite differences allow a thousandth: a slope that is wrong by that passes them, and none passes the truth."""

    class Careless(torch.autograd.Function):
        @staticmethod
        def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: torch.autograd.function.FunctionCtx, *slopes: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return slopes[0] * 2 * x * (1 + 2.0**-11)

    x = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Careless.apply, (x,))
    (slope,) = torch.autograd.grad(Careless.apply(x).sum(), x)
    assert bool(((slope - 2 * x).abs() > 1e-4).all())


# Checkpoints and seeds --------------------------------------------------------------------------------------------


def optimizers() -> list[type[torch.optim.Optimizer]]:
    """All of torch's that make a step from a gradient alone."""
    found = [
        x for x in vars(torch.optim).values() if inspect.isclass(x) and issubclass(x, torch.optim.Optimizer)
    ]
    return [x for x in found if x not in (torch.optim.Optimizer, torch.optim.LBFGS, torch.optim.SparseAdam)]


def training(
    optimizer_of: Callable[..., torch.optim.Optimizer],
    scheduler_of: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler] | None = None,
    forgets: str = "",
    dtype: torch.dtype = torch.float32,
):
    """A training with dropout; without what it `forgets` in its checkpoint."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8, bias=False), nn.Dropout(0.5), nn.Linear(8, 2, bias=False)).to(dtype)
    optimizer = optimizer_of(model.parameters())
    scheduler = None if scheduler_of is None else scheduler_of(optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8, growth_interval=2)

    def step() -> None:
        optimizer.zero_grad()
        loss = model(torch.randn(3, 4, dtype=dtype)).float().square().mean()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        if scheduler is not None:
            scheduler.step()

    held = {"model": model, "optimizer": optimizer, "scaler": scaler}
    if scheduler is not None:
        held["scheduler"] = scheduler
    held.pop(forgets, None)
    return held, step


@pytest.mark.parametrize("made", optimizers(), ids=lambda made: made.__name__)
def test_a_training_resumes_to_the_last_bit(made: type[torch.optim.Optimizer]) -> None:
    assert_resumes(lambda: training(made), 6)


SCHEDULES: dict[str, Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]] = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [1, 4]),
    "ConstantLR": lr_scheduler.ConstantLR,
    "LinearLR": lr_scheduler.LinearLR,
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 5, 2.0),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.001, 0.1, 2),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, 10),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [3]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_resumes_to_the_last_bit(name: str) -> None:
    sgd = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
    assert_resumes(lambda: training(sgd, SCHEDULES[name]), 7)


@pytest.mark.parametrize("forgets", ["model", "optimizer", "scheduler", "scaler"])
def test_a_checkpoint_that_forgets_a_state_is_told(forgets: str) -> None:
    """What is forgotten begins anew, and what is left goes another way."""

    def made():
        torch.manual_seed(0)
        held, step = training(partial(torch.optim.Adam, lr=0.1), lambda o: lr_scheduler.StepLR(o, 4, 0.5))
        counted = nn.Module()
        counted.register_buffer("lr", torch.zeros(()))
        inner = step

        def seen() -> None:
            inner()
            counted.lr = torch.tensor(held["optimizer"].param_groups[0]["lr"] * held["scaler"].get_scale())

        kept = {"seen": counted} | {name: thing for name, thing in held.items() if name != forgets}
        return kept, seen

    with pytest.raises(AssertionError, match="resumed"):
        assert_resumes(made, 6)


@pytest.mark.parametrize("at", [0, 6, 9])
def test_a_checkpoint_lies_between_the_first_step_and_the_last(at: int) -> None:
    with pytest.raises(ValueError, match=f"at={at}"):
        assert_resumes(lambda: training(torch.optim.Adam), 6, at)


def test_the_same_seed_gives_the_same_bits_and_a_clock_does_not() -> None:
    def run() -> dict[str, object]:
        held, step = training(torch.optim.Adam)
        for _ in range(3):
            step()
        return {name: thing.state_dict() for name, thing in held.items()}

    assert_reproducible(run)
    ticks = iter(range(9))
    with pytest.raises(AssertionError, match="second run"):
        assert_reproducible(lambda: {"loss": torch.rand(2) + next(ticks)})


def test_zeros_of_another_sign_are_other_bits_and_nan_is_the_same() -> None:
    signs = iter((0.0, -0.0))
    with pytest.raises(AssertionError, match=r"-0\.0, not 0\.0"):
        assert_reproducible(lambda: torch.tensor([next(signs)]))
    assert_reproducible(lambda: [torch.tensor(float("nan")), float("nan"), "text"])


def test_parts_of_a_gradient_added_in_another_order_are_other_bits() -> None:
    """As threads finish in another order: by how much is measured, and stays below what so many additions allow."""
    parts = torch.from_numpy(np.random.default_rng(0).standard_normal(512).astype(np.float32))
    totals = set[float]()
    for seed in range(8):
        total = torch.zeros(())
        for place in torch.randperm(len(parts), generator=torch.Generator().manual_seed(seed)):
            total += parts[place]
        totals.add(float(total))
    exact, most = parts.double().sum().item(), len(parts) * 2.0**-24 * parts.double().abs().sum().item()
    assert len(totals) > 1
    assert all(abs(total - exact) <= most for total in totals)
