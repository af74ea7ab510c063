"""Assertions for other people's tests: that training code does what its words say, to the last bit where it can.

Each runs the code in the two ways that must agree and tells where they differ first.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

CLOSE = 2.0**-40
"""Relative to the sum of the absolute parts: what float64 leaves of up to a thousand parts in another order."""


class Stateful(Protocol):
    """A model, an optimizer, a scheduler, a gradient scaler: whatever a checkpoint holds."""

    def state_dict(self) -> Mapping[str, Any]: ...
    def load_state_dict(self, state_dict: Any) -> Any: ...


Training = tuple[Mapping[str, Stateful], Callable[[], object]]
"""What a checkpoint holds, by name, and what makes one step."""


def assert_grad_is_backward(loss: Callable[..., Tensor], *inputs: Tensor) -> None:
    """`torch.autograd.grad` gives the same bits as `backward`, which adds them to what `.grad` holds.

    `loss(*inputs)` is differentiated by each floating input. A second backward makes twice the gradient of the first,
    exactly. Code whose backward is not deterministic, or that changes what it is given, fails here.
    """
    given = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
    asked = [x for x in given if x.requires_grad]
    slopes = torch.autograd.grad(loss(*given).sum(), asked, allow_unused=True)
    for times in (1, 2):
        loss(*given).sum().backward()
        for number, (x, slope) in enumerate(zip(asked, slopes, strict=True)):
            expected = None if slope is None else times * slope
            _expect_same(x.grad, expected, f"the gradient by input {number} after backward number {times}")


def assert_pools(
    loss: Callable[..., Tensor],
    parameters: Sequence[Tensor],
    batch: Sequence[Tensor],
    sizes: Sequence[int],
    reduction: str = "mean",
) -> None:
    """Gradients accumulated over micro-batches of these sizes are those of the whole batch.

    `loss(*rows)` is the loss of some rows of the batch, reduced by "sum" or "mean"; of a mean each part counts as it
    has rows, for the mean of means is another number where sizes differ. `parameters` should be float64: what differs
    by more than sums in another order do is told. ValueError where sizes do not add up to the batch, or are empty.
    """
    count = len(batch[0])
    if sum(sizes) != count or min(sizes, default=0) < 1:
        raise ValueError(
            f"sizes {tuple(sizes)} of a batch of {count}: write positive sizes that add up to it"
        )
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction {reduction!r}: write 'sum' or 'mean'")
    whole = torch.autograd.grad(loss(*batch), parameters)
    pooled, size = ([torch.zeros_like(x) for x in whole] for _ in range(2))
    start = 0
    for rows in sizes:
        share = rows / count if reduction == "mean" else 1.0
        part = torch.autograd.grad(share * loss(*(x[start : start + rows] for x in batch)), parameters)
        for total, absolute, slope in zip(pooled, size, part, strict=True):
            total += slope
            absolute += slope.abs()
        start += rows
    for number, (one, other, scale) in enumerate(zip(pooled, whole, size, strict=True)):
        off = (one - other).abs() > CLOSE * scale
        if bool(off.any()):
            place = tuple(int(i) for i in off.nonzero()[0])
            raise AssertionError(
                f"parameter {number} at {place}: {one[place].item()} from parts of {tuple(sizes)}, "
                f"{other[place].item()} from the whole batch"
            )


def assert_reproducible(run: Callable[[], object], seed: int = 0) -> None:
    """The same seed gives the same bits: `run()` is called twice, torch's generators seeded before each.

    What it returns, tensors in whatever nesting of lists, tuples and mappings, is compared bit for bit.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        first = run()
        torch.manual_seed(seed)
        _expect_equal(run(), first, "the second run's result")


def assert_resumes(make: Callable[[], Training], steps: int, at: int | None = None) -> None:
    """A training that is saved after `at` steps (half of them by default) and loaded again ends with the same bits.

    `make()` builds the training anew: what a checkpoint holds, by name (model, optimizer, scheduler, scaler), and a
    function that makes one step. The states go through `torch.save`; torch's random state is saved beside them. All
    states and the random state after `steps` steps are compared bit for bit. ValueError where `at` is not between.
    """
    half = steps // 2 if at is None else at
    if not 0 < half < steps:
        raise ValueError(f"at={half} of {steps} steps: write a step between the first and the last")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        expected = _ended(make(), steps)
        torch.manual_seed(0)
        held, step = make()
        for _ in range(half):
            step()
        checkpoint = io.BytesIO()
        states = {name: thing.state_dict() for name, thing in held.items()}
        torch.save({"states": states, "random": torch.get_rng_state()}, checkpoint)
        checkpoint.seek(0)
        torch.manual_seed(1)
        held, step = make()
        saved = torch.load(checkpoint, weights_only=False)
        for name, thing in held.items():
            thing.load_state_dict(saved["states"][name])
        torch.set_rng_state(saved["random"])
        found = _ended((held, step), steps - half)
    _expect_equal(found, expected, "resumed")


def _ended(training: Training, steps: int) -> dict[str, Any]:
    """All states after so many steps, and torch's random state."""
    held, step = training
    for _ in range(steps):
        step()
    return {name: thing.state_dict() for name, thing in held.items()} | {"random": torch.get_rng_state()}


def _expect_equal(found: object, expected: object, where: str) -> None:
    for (place, one), (other_place, other) in zip(_parts(found, where), _parts(expected, where), strict=True):
        if place != other_place:
            raise AssertionError(f"{place} stands where {other_place} stood")
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            _expect_same(one, other, place)
        elif one != other and not (one != one and other != other):
            raise AssertionError(f"{place}: {one!r}, not {other!r}")


def _parts(thing: object, where: str) -> Iterator[tuple[str, object]]:
    """What a nesting holds, each with its place in words."""
    inside: Iterable[tuple[Any, Any]]
    if isinstance(thing, Mapping):
        inside = thing.items()
    elif isinstance(thing, list | tuple):
        inside = enumerate(thing)
    else:
        yield where, thing
        return
    for key, value in inside:
        yield from _parts(value, f"{where}, {key}")


def _expect_same(found: Tensor | None, expected: Tensor | None, where: str) -> None:
    """The same numbers, signs of zeros included; NaN is the same as NaN."""
    if found is None or expected is None:
        if found is not expected:
            raise AssertionError(f"{where}: {found}, not {expected}")
        return
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise AssertionError(
            f"{where}: {found.dtype} of {tuple(found.shape)}, not {expected.dtype} of {tuple(expected.shape)}"
        )
    same = (
        (found == expected) & (found.signbit() == expected.signbit())
        if found.is_floating_point()
        else found == expected
    )
    off = ~(same | ((found != found) & (expected != expected)))
    if bool(off.any()):
        place = tuple(int(i) for i in off.nonzero()[0])
        raise AssertionError(f"{where} at {place}: {found[place].item()!r}, not {expected[place].item()!r}")
