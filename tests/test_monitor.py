"""What `numcheck.monitor` writes of a training is what happened, in event files that TensorBoard reads."""

import copy
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from numcheck import UsageError, monitor

pytest.importorskip("tensorboard", reason="tensorboard is not installed, whose event files are read")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter


def told(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars of all event files below, by tag: step and number."""
    found = dict[str, list[tuple[int, float]]]()
    for path in sorted({event.parent for event in folder.rglob("events.*")}):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
        for tag in events.Tags()["scalars"]:
            name = tag if path == folder else path.name
            found[name] = [(event.step, event.value) for event in events.Scalars(tag)]
    return found


def one_step(
    folder: Path,
    weights: list[float],
    gradient: list[float],
    dtype: torch.dtype = torch.float32,
    **settings: float,
) -> dict[str, float]:
    """What is written of one step of plain descent with this gradient."""
    model = nn.ParameterList([nn.Parameter(torch.tensor(weights, dtype=dtype))])
    optimizer = torch.optim.SGD(model.parameters(), **settings)
    with SummaryWriter(str(folder)) as writer, monitor(model, optimizer, writer):
        model[0].grad = torch.tensor(gradient, dtype=dtype)
        optimizer.step()
    return {tag.removeprefix("numcheck/0/"): number for tag, [(_, number)] in told(folder).items()}


def test_shares_of_zero_subnormal_and_lost_gradients_are_told(tmp_path: Path) -> None:
    gradient = [0.0, -0.0, 1e-40, 1.0, -4.0, float("nan"), float("inf"), 2.0]
    found = one_step(tmp_path, [1.0] * 8, gradient, lr=0.5)
    assert (found["zero"], found["subnormal"], found["not_finite"]) == (0.25, 0.125, 0.25)
    assert (found["least_exponent"], found["largest_exponent"]) == (-133, 2)


def test_an_update_below_half_an_ulp_of_its_weight_is_absorbed(tmp_path: Path) -> None:
    # the ulp of 1 is 2**-7: 2**-9 is lost, also below a power of two, 2**-6 is not, and where there is no gradient
    # nothing was asked
    found = one_step(
        tmp_path, [1.0, 1.5, 1.0, 1.0], [2.0**-8, -(2.0**-8), 2.0**-5, 0.0], torch.bfloat16, lr=0.5
    )
    assert found["absorbed"] == np.float32(2 / 3)
    found = one_step(tmp_path / "32", [1.0, 1.5, 1.0, 1.0], [2.0**-8, -(2.0**-8), 2.0**-5, 0.0], lr=0.5)
    assert found["absorbed"] == 0


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.25), nn.Linear(16, 1))


def trained(
    watch: Callable[[nn.Module, torch.optim.Optimizer], object], **settings: bool
) -> list[torch.Tensor]:
    """All bits of a short training, its optimizer's state and the random state after it."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, **settings)
    watch(model, optimizer)
    torch.manual_seed(1)
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.randn(4, 8)).square().mean().backward()
        optimizer.step()
    states = [x for state in optimizer.state.values() for x in state.values()]
    return [copy.deepcopy(p.detach()) for p in model.parameters()] + states + [torch.get_rng_state()]


@pytest.mark.parametrize("settings", [{"foreach": False}, {"foreach": True}, {"fused": True}], ids=str)
def test_nothing_is_changed_in_the_bits_of_a_training(tmp_path: Path, settings: dict[str, bool]) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        watched = trained(lambda model, optimizer: monitor(model, optimizer, writer, every=1), **settings)
    alone = trained(lambda model, optimizer: None, **settings)
    assert all(torch.equal(one, other) for one, other in zip(watched, alone, strict=True))
    assert [step for step, _ in told(tmp_path)["numcheck/0/absorbed"]] == [1, 2, 3, 4, 5]


def test_only_each_so_many_steps_are_looked_at_and_none_after_the_end(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters(), "name": "first"}, {"params": model[3].parameters()}], lr=0.1
    )
    with SummaryWriter(str(tmp_path)) as writer:
        with monitor(model, optimizer, writer, every=3, step=10):
            for _ in range(7):
                model(torch.randn(4, 8)).sum().backward()
                optimizer.step()
        optimizer.step()
    found = told(tmp_path)
    assert [step for step, _ in found["numcheck/first/zero"]] == [13, 16]
    assert "numcheck/1/absorbed" in found


def test_with_a_scaler_the_window_of_scales_and_what_was_subnormal_in_float16_are_told(
    tmp_path: Path,
) -> None:
    model = nn.ParameterList([nn.Parameter(torch.ones(4))])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    with SummaryWriter(str(tmp_path)) as writer, monitor(model, optimizer, writer, scaler):
        # gradients of 2**-26 and 2**-20 are 2**-16 and 2**-10 when scaled: float16's smallest normal number is 2**-14
        scaler.scale((model[0] * torch.tensor([2.0**-26, 2.0**-20, 1.0, 1.0])).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    found = {tag: number for tag, [(_, number)] in told(tmp_path).items()}
    assert found["numcheck/0/subnormal"] == 0.25
    assert (found["numcheck/0/least_exponent"], found["numcheck/0/largest_exponent"]) == (-26, 0)
    assert found["numcheck/loss_scale/scale"] == 10
    assert found["numcheck/loss_scale/least"] == 12
    assert found["numcheck/loss_scale/largest"] == np.float32(math.log2(65504))


def test_a_fused_optimizer_takes_off_the_scale_by_itself_and_the_same_is_told(tmp_path: Path) -> None:
    for fused in (False, True):
        model = nn.ParameterList([nn.Parameter(torch.ones(2))])
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, fused=fused)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
        with SummaryWriter(str(tmp_path / str(fused))) as writer, monitor(model, optimizer, writer, scaler):
            scaler.scale((model[0] * torch.tensor([2.0**-26, 1.0])).sum()).backward()
            scaler.step(optimizer)
    assert told(tmp_path / "False") == told(tmp_path / "True")


def test_training_and_validation_loss_stand_side_by_side(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with SummaryWriter(str(tmp_path)) as writer, monitor(model, optimizer, writer) as watched:
        model(torch.ones(1, 8)).sum().backward()
        optimizer.step()
        watched.losses(training=torch.tensor(0.5), validation=0.75)
    found = told(tmp_path)
    assert found["loss_training"] == [(1, 0.5)]
    assert found["loss_validation"] == [(1, 0.75)]


def test_what_cannot_be_watched_is_refused_in_a_line(tmp_path: Path) -> None:
    model, other = network(), network()
    with SummaryWriter(str(tmp_path)) as writer:
        with pytest.raises(UsageError, match="holds no parameter of the model"):
            monitor(other, torch.optim.SGD(model.parameters(), lr=0.1), writer)
        with pytest.raises(UsageError, match="every=0"):
            monitor(model, torch.optim.SGD(model.parameters(), lr=0.1), writer, every=0)


@pytest.mark.cuda
def test_a_training_on_a_gpu_is_watched_too(tmp_path: Path) -> None:
    model = network().cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    with SummaryWriter(str(tmp_path)) as writer, monitor(model, optimizer, writer):
        model(torch.randn(4, 8, device="cuda")).square().mean().backward()
        optimizer.step()
    assert "numcheck/0/absorbed" in told(tmp_path)
