"""What watching a training takes: a step that is looked at beside one that is not, and its share by default."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from numcheck import monitor
from numcheck.training.monitor import EVERY


def step_seconds(folder: Path, every: int, steps: int, width: int, rows: int) -> float:
    """The median processor time of a step of AdamW on three layers; without a monitor where `every` is 0."""
    torch.manual_seed(0)
    layers = nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
    model, x, times = nn.Sequential(*layers), torch.randn(rows, 64), list[float]()
    optimizer = torch.optim.AdamW(model.parameters())
    with SummaryWriter(str(folder)) as writer:
        if every:
            monitor(model, optimizer, writer, every=every)
        for _ in range(steps):
            begun = time.process_time()
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
            times.append(time.process_time() - begun)
    return median(times)


@pytest.mark.parametrize(("width", "rows"), [(64, 8), (256, 64), (1024, 256)])
def test_a_watched_step_against_another(tmp_path: Path, benchmark: Any, width: int, rows: int) -> None:
    found = dict[int, float]()

    def in_turn() -> None:
        for every in (0, 1):
            found[every] = step_seconds(tmp_path, every, 60, width, rows)

    benchmark.pedantic(in_turn, rounds=1)
    benchmark.extra_info["percent_at_default"] = round(100 * (found[1] / found[0] - 1) / EVERY, 2)
