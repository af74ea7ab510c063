"""A routine that does not return in time takes its points along, and nothing else."""

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from numcheck import UsageError, check, real, sweep, ulps
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.patience import MOST_TIMES, TimedOutError, in_time, limit, patience
from numcheck.declaration.words import Fate, Of
from numcheck.domain import Points
from numcheck.faces import cli
from numcheck.formats import format_of
from numcheck.measure import execute

FLOAT32 = format_of("float32")
SOON = 0.4
"""Seconds: enough for a call of what returns, on a machine that does other things beside."""


def twice(x):
    return 2 * x


FORMULA = formula_of(twice, "arithmetic", [((1,), "2")], None, {"x": real(-10, 10)})


def for_ever_in_python():
    while True:
        pass


def for_ever_in_c():
    ctypes.PyDLL(None).pause()  # which holds the interpreter's lock, so that no signal's handler runs


@pytest.mark.parametrize("hanging", [for_ever_in_python, for_ever_in_c, lambda: time.sleep(1000)])
def test_a_call_that_never_returns_is_given_up_in_python_and_in_c(hanging):
    begun = time.monotonic()
    with patience(SOON), pytest.raises(TimedOutError, match=r"^timed out after 0\.4 s$"):
        in_time(hanging, "hanging")
    assert time.monotonic() - begun < 30


def test_without_patience_nothing_is_limited_and_no_process_is_made():
    assert limit() is None
    assert in_time(os.getpid, "pid") == os.getpid()


def test_a_call_in_time_gives_and_raises_what_it_does_elsewhere():
    class OddError(Exception):
        def __init__(self, one, other):
            super().__init__(f"{one} {other}")

    def odd():
        raise OddError(1, 2)

    def leaves():
        sys.exit(3)

    with patience(60):
        assert limit() == 60
        assert in_time(os.getpid, "pid") != os.getpid()
        for dtype in (torch.float64, torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn):
            got = in_time(lambda dtype=dtype: torch.tensor([[1.5, -2.0]]).to(dtype), "tensor")
            assert (got.dtype, got.tolist()) == (dtype, [[1.5, -2.0]])
        with pytest.raises(ZeroDivisionError):
            in_time(lambda: 1 / 0, "division")
        with pytest.raises(RuntimeError, match="OddError: 1 2"):
            in_time(odd, "odd")
        with pytest.raises(SystemExit, match="3"):
            in_time(leaves, "leaves")


@pytest.mark.parametrize(
    ("call", "how"),
    [(lambda: ctypes.string_at(0), "by signal SIGSEGV"), (lambda: os._exit(7), "with exit code 7")],
)
def test_a_call_that_ends_its_process_ends_no_run(call, how):
    with patience(60), pytest.raises(RuntimeError, match=f"it ended its process {how}"):
        in_time(call, "ends")


def test_a_kind_of_calls_is_given_up_after_some_times_in_vain():
    with patience(0.01):
        for _ in range(MOST_TIMES):
            with pytest.raises(TimedOutError, match=r"s$"):
                in_time(for_ever_in_python, "one")
        with pytest.raises(TimedOutError, match="is not called any more"):
            in_time(for_ever_in_python, "one")
        with pytest.raises(TimedOutError, match=r"s$"):
            in_time(for_ever_in_python, "another")


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_what_is_no_time_is_refused(seconds):
    with pytest.raises(UsageError, match="above 0"), patience(seconds):
        pass


def hanging_at(which):
    def routine(x):
        if which(x).any():
            for_ever_in_c()
        return (2 * x.float()).to(x.dtype)  # torch multiplies no 8-bit numbers

    return routine_of(FORMULA, routine, "hanging", ulps(1), ulps(1))


def test_the_one_point_at_which_a_routine_hangs_is_found_and_the_others_are_judged():
    points = Points({"x": torch.arange(12.0)}, np.array(["given"] * 12))
    with patience(SOON):
        outcome = execute(hanging_at(lambda x: x == 7), points, FLOAT32, "cpu", None, True)
    assert dict(outcome.crashes) == {7: f"timed out after {SOON} s"}
    slopes = outcome.halves[Of.GRAD].numbers[:, 0]
    assert [slope == 2.0 for slope in slopes] == [i != 7 for i in range(12)]


def test_the_inputs_at_which_a_routine_hangs_are_told_from_others_in_few_calls():
    inputs = torch.arange(100.0)[torch.from_numpy(np.random.default_rng(0).permutation(100))]
    points = Points({"x": inputs}, np.array(["given"] * 100))
    with patience(SOON):
        outcome = execute(hanging_at(lambda x: x >= 61), points, FLOAT32, "cpu", None, True)
    assert set(outcome.crashes) == set(np.flatnonzero(inputs >= 61).tolist())
    assert set(outcome.crashes.values()) == {f"timed out after {SOON} s"}  # and none for want of patience


def test_a_routine_that_always_hangs_is_waited_for_some_times_and_each_of_its_points_crashes():
    begun = time.monotonic()
    report = check(hanging_at(lambda x: x == x), FORMULA, formats=["float32"], points=50, timeout=0.05)
    assert time.monotonic() - begun < 60
    for one in report["measurements"]:
        assert one["fates"][Fate.CRASH.word] == one["points"] > 0
        assert one["message"].startswith("timed out after 0.05 s")
        assert one["raised"]["reproduce"].endswith("timeout=0.05)")


FILE = """
import torch

def hangs(x):
    while (x > 100).any():
        pass
    return torch.nn.functional.softplus(x)
"""


def test_the_command_line_names_the_routine_that_hangs_and_judges_the_rest(tmp_path: Path):
    (tmp_path / "hanging.py").write_text(FILE)
    words = "check --routine hanging.py:hangs --formula softplus --formats float32 --points 60 --timeout 0.4 --json -"
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-m", "numcheck", *words.split()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    value, _ = json.loads(done.stdout)["measurements"]
    assert value["fates"]["crash"] > 0 < value["fates"]["within"]
    assert "timed out after 0.4 s" in value["message"]
    assert "numcheck explain softplus hanging.py:hangs" in value["raised"]["reproduce"]
    assert value["raised"]["reproduce"].endswith("--timeout 0.4")
    assert "softplus.hanging.py:hangs in float32: 0 of 1\n" in done.stderr  # while it was waited for


def test_explain_gives_up_a_call_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "hanging_at_a_point.py").write_text(FILE)
    words = ["softplus", f"{tmp_path}/hanging_at_a_point.py:hangs", "--timeout", str(SOON)]
    assert cli.run(["explain", *words, "--at", "x=200"]) == 1
    assert "crash" in capsys.readouterr().out
    assert cli.run(["explain", *words, "--at", "x=2"]) == 0


def test_a_sweep_that_a_hanging_routine_held_up_goes_on_with_a_timeout(tmp_path: Path):
    routine = hanging_at(lambda x: x == 7)
    options = {"format": "float8_e5m2", "chunk": 32, "out": tmp_path}

    def stop(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"1 of .* chunks are kept"):
        sweep(FORMULA, [routine], progress=stop, **options)
    told: list[int] = []
    result = sweep(
        FORMULA, [routine], timeout=SOON, progress=lambda _, done, __: told.append(done), **options
    )
    assert told[0] == 1
    assert result["timeout"] == SOON
    value = result["measurements"][0]
    assert value["fates"][Fate.CRASH.word] == 1
    assert value["worst_spent"]["inputs"] == {"x": (7.0).hex()}
    assert value["reproduce"].endswith(f"timeout={SOON})")
