"""Before float64 balls are trusted, the device's arithmetic and torch's functions are looked at."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from numcheck.prefilter import missing_compiler
from numcheck.reals import trust
from numcheck.reals.ball64 import BOUNDS
from numcheck.reals.settle import ContradictionError


def test_this_device_is_trusted_at_points_of_any_seed():
    for seed in range(5):
        trust.self_test("cpu", seed, 500)
        shares = trust.audit_functions("cpu", seed, 500)
        assert shares.keys() == BOUNDS.keys()
        assert max(shares.values()) <= 1 / 3


@pytest.mark.full
def test_compiled_code_is_trusted_too():
    if missing_compiler("cpu"):
        pytest.skip(str(missing_compiler("cpu")))
    trust.self_test("cpu", 0, 5_000, compiled=True)
    assert max(trust.audit_functions("cpu", 0, 5_000, compiled=True).values()) <= 1 / 3


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_is_several_times_the_worst_that_was_measured(name: str):
    assert 0 < 3 * BOUNDS[name].worst <= BOUNDS[name].ulps


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_that_is_too_small_is_found(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(BOUNDS, name, replace(BOUNDS[name], ulps=BOUNDS[name].worst / 64))
    with pytest.raises(ContradictionError, match=f"torch's {name} on cpu is off by"):
        trust.audit_functions("cpu", 0, 2_000)


def test_a_device_that_rounds_wrongly_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(trust.OPERATIONS, "/", lambda x, y: x * (1 / y))
    with pytest.raises(ContradictionError, match="which rounds to"):
        trust.self_test("cpu", 0, 500)


def test_a_device_that_flushes_subnormals_is_found(monkeypatch: pytest.MonkeyPatch):
    def flushing(x: Any, y: Any) -> Any:
        product = x * y
        if isinstance(product, torch.Tensor):
            return torch.where(product.abs() < 2.0**-1022, 0.0, product)
        return product

    monkeypatch.setitem(trust.OPERATIONS, "*", flushing)
    with pytest.raises(ContradictionError, match="which rounds to"):
        trust.self_test("cpu", 0, 500)


def test_a_process_looks_once_at_a_device(monkeypatch: pytest.MonkeyPatch):
    looked: list[int] = []
    monkeypatch.setattr(trust, "_looked", set())
    monkeypatch.setattr(trust, "self_test", lambda device, seed: looked.append(seed))
    for seed in (3, 4):
        trust.look("cpu", seed)
    assert looked == [3]
