"""Torch's switches of precision are set for a run, told in its environment, and put back."""

from typing import Any

import pytest
import torch

from numcheck.declaration.words import UsageError
from numcheck.faces import cli
from numcheck.report.store import read_json
from numcheck.runs.environment import environment
from numcheck.runs.switches import OF_CUDA, positions, switched, those_set
from numcheck.runs.workers import workers

ACCUMULATES = "cuda.matmul.allow_fp16_reduced_precision_reduction"
NAMED = f"torch.backends.{ACCUMULATES}"


def reduces(_: Any = None) -> bool:
    return torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction


def test_a_switch_is_set_for_a_run_told_and_put_back():
    before = reduces()
    assert NAMED not in environment(["cpu"])
    with switched([f"{ACCUMULATES}={str(not before).lower()}"]):
        assert reduces() is not before
        assert environment(["cpu"])[NAMED] == str(not before).lower()
    assert reduces() is before and not those_set()


def test_workers_have_the_switches_of_the_process_that_starts_them():
    before = reduces()
    with switched([f"{ACCUMULATES}={str(not before).lower()}"]), workers(2, "tests.test_switches") as hands:
        assert [found for _, found in hands.completed(reduces, range(4))] == [not before] * 4


def test_a_report_tells_the_switches(tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    words = ["check", "sigmoid", "--formats", "float32", "--points", "20", "--json", str(path)]
    assert cli.run([*words, "--switch", f"{ACCUMULATES}=false"]) == 0
    assert read_json(path)["environment"][NAMED] == "false"
    assert cli.run(words) == 0
    assert NAMED not in read_json(path)["environment"]


def test_of_a_gpu_every_switch_of_products_is_told_without_a_gpu_none_is():
    told = positions(cuda=True)
    assert told[NAMED] in ("true", "false") and told["torch.backends.cuda.matmul.allow_tf32"] == "false"
    assert set(told) <= {f"torch.backends.{name}" for name in OF_CUDA}
    assert positions(cuda=False) == {}


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("tf32", "write NAME=VALUE"),
        ("cuda.matmul.tf32=true", "torch.backends has no cuda.matmul.tf32"),
        ("cuda.matmul=true", "torch.backends.cuda.matmul is no switch"),
        (f"{ACCUMULATES}=yes", "write true or false"),
    ],
)
def test_what_is_no_switch_is_told_in_one_line_and_nothing_stays_set(word: str, line: str):
    before = reduces()
    with pytest.raises(UsageError, match=line), switched([f"{ACCUMULATES}={str(not before).lower()}", word]):
        pytest.fail("it ran")
    assert reduces() is before and not those_set()


@pytest.mark.cuda
def test_tf32_loses_the_last_digits_of_a_product_of_matrices_on_a_gpu():
    x = torch.full((256, 256), 1 + 2.0**-20, device="cuda")
    assert environment(["cuda"])["device_name"] == torch.cuda.get_device_name()
    with switched(["cuda.matmul.allow_tf32=true"]):
        coarse = (x @ x).cpu()
    assert not torch.equal((x @ x).cpu(), coarse)
