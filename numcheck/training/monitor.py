"""What a training loses to its number format, written beside its losses for TensorBoard.

Hooks of the optimizer look at gradients and weights before and after a step, every so many steps, and change nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, final

import torch
from torch import Tensor

from numcheck.declaration.words import UsageError
from numcheck.formats import format_of

EVERY: Final = 100
"""Steps from one look to the next, so that what looks take is little of the time."""
ROOM: Final = "numcheck"
"""The name before all tags but those of losses."""


class Writer(Protocol):
    """What is asked of `torch.utils.tensorboard.SummaryWriter`."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...
    def add_scalars(self, main_tag: str, tag_scalar_dict: dict[str, float], global_step: int) -> None: ...
    def add_text(self, tag: str, text_string: str, global_step: int) -> None: ...


def monitor(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    writer: Writer,
    scaler: "torch.amp.GradScaler | None" = None,
    *,
    every: int = EVERY,
    step: int = 0,
) -> "Monitor":
    """Write for TensorBoard what the gradients and updates of a training lose, every so many steps of the optimizer.

    Of each parameter group, under `numcheck/GROUP/` (its "name", or its number):

    - `zero`, `subnormal`, `not_finite`: shares of the gradient's entries. Subnormal means below the smallest normal
      number of the gradient's format; with an enabled `scaler`, of float16 after scaling, for that is where the
      gradient came from.
    - `absorbed`: share of the weights whose gradient is not zero that the step left as they were.
    - `least_exponent`, `largest_exponent`: of the gradient's finite entries but zeros, log2 rounded down.

    With a scaler, under `numcheck/loss_scale/`, log2 of the `scale`, and of the `least` and the `largest` scale at
    which no entry would be subnormal in float16, and none overflow. A step that the scaler skips is not looked at.

    `step` is the number of steps made before, of a training that goes on. Returns the monitor: its `losses` writes
    training and validation loss side by side, its `close` (or leaving its `with` block) takes it off the optimizer.
    UsageError where the optimizer holds none of the model's parameters, or `every` is no positive number.
    """
    if every < 1:
        raise UsageError(f"every={every}: write after how many steps to look, 1 or more")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [_named(number, group) for number, group in enumerate(optimizer.param_groups)]
    held = [[names[id(p)] for p in parameters if id(p) in names] for _, parameters in groups]
    if not any(held):
        raise UsageError("the optimizer holds no parameter of the model: write the model that it trains")
    told = [
        f"| {name} | {len(parameters)} | {', '.join(own)} |"
        for (name, parameters), own in zip(groups, held, strict=True)
    ]
    writer.add_text(ROOM, "\n".join(["| group | parameters | of the model |", "|---|---|---|", *told]), step)
    return Monitor(optimizer, writer, scaler, every, step)


@final
@dataclass(eq=False)
class Monitor:
    """Hooks on an optimizer; see `monitor`."""

    optimizer: torch.optim.Optimizer
    writer: Writer
    scaler: "torch.amp.GradScaler | None"
    every: int
    step: int
    _before: list[list[Tensor]] | None = field(default=None, init=False, repr=False)
    _hooks: list[Any] = field(default_factory=list[Any], init=False, repr=False)

    def __post_init__(self) -> None:
        self._hooks = [
            self.optimizer.register_step_pre_hook(lambda *_: self._look()),
            self.optimizer.register_step_post_hook(lambda *_: self._compare()),
        ]

    def losses(self, **losses: float | Tensor) -> None:
        """Write losses, such as `training=...` and `validation=...`, into one chart, at the present step."""
        self.writer.add_scalars("loss", {name: float(loss) for name, loss in losses.items()}, self.step)

    def close(self) -> None:
        """Take the hooks off; the writer stays open."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @torch.no_grad()
    def _look(self) -> None:
        """Before a step that is looked at: what the gradients hold, and a copy of the weights."""
        self.step += 1
        if (self.step - 1) % self.every:
            return
        scale, divisor = self._scale(), self._divisor()
        seen = list[_Seen]()
        self._before = []
        for number, group in enumerate(self.optimizer.param_groups):
            name, parameters = _named(number, group)
            gradients = [_parts(p.grad) for p in parameters if p.grad is not None]
            self._before.append([_parts(p.detach()).clone() for p in parameters if p.grad is not None])
            if gradients:
                seen.append(_seen(name, gradients, divisor, scale))
        for one in seen:
            self._write(one.name, one.told)
        if scale is not None and seen:
            self._write("loss_scale", _window(scale, seen))

    @torch.no_grad()
    def _compare(self) -> None:
        """After such a step: which weights it left as they were."""
        if self._before is None:
            return
        before, self._before = self._before, None
        for number, (group, copies) in enumerate(zip(self.optimizer.param_groups, before, strict=True)):
            name, parameters = _named(number, group)
            moved = [p for p in parameters if p.grad is not None]
            if len(moved) != len(copies) or not copies:
                continue  # the step took gradients away, or there were none
            counts = [_unmoved(p, copy) for p, copy in zip(moved, copies, strict=True)]
            asked, absorbed = _summed(counts).tolist()
            self._write(name, {"absorbed": absorbed / asked} if asked else {})

    def _scale(self) -> float | None:
        return self.scaler.get_scale() if self.scaler is not None and self.scaler.is_enabled() else None

    def _divisor(self) -> float:
        """What gradients are still multiplied by: fused optimizers take the loss's scale off by themselves."""
        scale = getattr(self.optimizer, "grad_scale", None)
        return 1.0 if scale is None else float(scale)

    def _write(self, group: str, told: Mapping[str, float]) -> None:
        for tag, number in told.items():
            self.writer.add_scalar(f"{ROOM}/{group}/{tag}", number, self.step)


@dataclass(frozen=True)
class _Seen:
    """What is told of a group's gradients, and the range of their sizes: (inf, 0) where all are zero."""

    name: str
    told: Mapping[str, float]
    least: float
    largest: float


def _named(number: int, group: Mapping[str, Any]) -> tuple[str, Sequence[Tensor]]:
    return str(group.get("name", number)), group["params"]


def _parts(x: Tensor | None) -> Tensor:
    """A tensor's real numbers."""
    assert x is not None
    dense = x.to_dense() if x.layout != torch.strided else x
    return torch.view_as_real(dense) if dense.is_complex() else dense


def _unmoved(weight: Tensor, before: Tensor) -> Tensor:
    """How many entries a step was asked to move, and how many of those it left as they were."""
    asked = _parts(weight.grad) != 0
    return torch.stack([asked.sum(), (asked & (_parts(weight.detach()) == before)).sum()])


def _summed(counts: Sequence[Tensor]) -> Tensor:
    """Counts of several tensors, which may lie on several devices."""
    return torch.stack([count.to(counts[0].device) for count in counts]).sum(0)


def _seen(name: str, gradients: Sequence[Tensor], divisor: float, scale: float | None) -> _Seen:
    """What a group's gradients hold; `divisor` is what they are multiplied by, `scale` the loss's scale."""
    counts, ranges = list[Tensor](), list[Tensor]()
    for gradient in gradients:
        size = gradient.abs()
        passed = format_of(gradient.dtype if scale is None else torch.float16)
        least = passed.smallest_normal * divisor / (1 if scale is None else scale)
        zero, finite = size == 0, size.isfinite()
        counts.append(torch.stack([zero.sum(), ((size < least) & ~zero).sum(), (~finite).sum()]))
        numbers = size.double()
        some = finite & ~zero
        ranges.append(
            torch.stack([torch.where(some, numbers, math.inf).amin(), torch.where(some, numbers, 0.0).amax()])
            if size.numel()
            else numbers.new_tensor([math.inf, 0.0])
        )
    total = sum(gradient.numel() for gradient in gradients)
    zeros, subnormals, lost = _summed(counts).tolist()
    ends = torch.stack([pair.to(ranges[0].device) for pair in ranges])
    smallest, largest = (x / divisor for x in (ends[:, 0].amin().item(), ends[:, 1].amax().item()))
    shares = {"zero": zeros, "subnormal": subnormals, "not_finite": lost}
    told = {tag: count / max(total, 1) for tag, count in shares.items()}
    if largest > 0:
        told |= {"least_exponent": _exponent(smallest), "largest_exponent": _exponent(largest)}
    return _Seen(name, told, smallest, largest)


def _exponent(x: float) -> float:
    return float(math.frexp(x)[1] - 1)


def _window(scale: float, seen: Sequence[_Seen]) -> dict[str, float]:
    """log2 of the loss's scale, and of those between which no gradient leaves float16's normal numbers."""
    half = format_of(torch.float16)
    least, largest = min(one.least for one in seen), max(one.largest for one in seen)
    told = {"scale": math.log2(scale)}
    if largest > 0:
        told |= {
            "least": math.log2(half.smallest_normal) - math.log2(least),
            "largest": math.log2(half.largest) - math.log2(largest),
        }
    return told
