"""Time of exact values and gradients of scalar formulas at 128 bits, on one core, beside mpmath doing the same.

Three ways to one result: balls under the tape, mpmath under the same tape, and mpmath as a user would write it, the
formula as a function of one number and `mpmath.diff`. Nothing is asserted about time; the figures and ratios are
printed and go into `--benchmark-json`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from flint import ctx

from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import formula_named, load_catalog
from numcheck.domain import Points
from numcheck.formats import format_of
from numcheck.reals.enclosures import narrow
from numcheck.reals.evaluation import Wanted
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.precision import START, precision
from numcheck.truth import lifted, settle
from numcheck.truth.batches import evaluated
from numcheck.truth.proofs import CHUNK, evaluate_chunk

FLOAT32 = format_of("float32")
DERIVATIVE_ONLY = Wanted(gradient=True, conditioning=False)


def softplus_of_one_number(x: Any) -> Any:
    return CONTEXT.log(1 + CONTEXT.exp(x))


def cross_entropy_of_one_number(x: Any) -> Any:
    p = 1 / (1 + CONTEXT.exp(-x))
    return -CONTEXT.log(p)


@dataclass(frozen=True)
class Scalar:
    """A formula of one real input at one chunk of points, and the same formula as a user of mpmath writes it."""

    formula: Formula
    points: Points
    plainly: Callable[[Any], Any]


def scalar(name: str) -> Scalar:
    load_catalog()
    logits = FLOAT32.round(normal_logits())
    if name == "softplus":
        columns: dict[str, Any] = {"x": logits}
        plainly = softplus_of_one_number
    else:
        columns = {"logit": logits, "label": logits.new_ones(CHUNK).long()}
        plainly = cross_entropy_of_one_number
    return Scalar(formula_named(name), Points(columns, np.full(CHUNK, "given")), plainly)


def normal_logits() -> torch.Tensor:
    """Logits as a trained network gives them."""
    return torch.from_numpy(np.random.default_rng(0).normal(0, 5, CHUNK))


NAMES = ("softplus", "binary_cross_entropy")
SECONDS: dict[tuple[str, str], float] = {}  # median per point, for the ratios


def told(benchmark: Any, capsys: Any, name: str, way: str) -> None:
    """Print the median time per point, and how many times that of the balls it is."""
    if not benchmark.stats:
        return  # benchmarks are disabled: each function ran once
    median = benchmark.stats.stats.median / CHUNK
    SECONDS[name, way] = median
    balls = SECONDS.get((name, "balls"))
    ratio = "" if balls is None or way == "balls" else f", {median / balls:.1f} times the balls' time"
    benchmark.extra_info["microseconds_per_point"] = round(median * 1e6, 3)
    with capsys.disabled():
        print(f"\n{name}, {way}: {median * 1e6:.2f} us per point{ratio}")


@pytest.mark.parametrize("name", NAMES)
def test_balls_under_the_tape(benchmark: Any, capsys: Any, name: str) -> None:
    given = scalar(name)
    component = np.zeros(CHUNK, dtype=int)

    def run() -> Any:
        return evaluate_chunk(given.formula, given.points, component, DERIVATIVE_ONLY, MP)

    with precision(START):
        found = benchmark.pedantic(run, rounds=20, warmup_rounds=2)
        assert ctx.prec == 128
    assert narrow(found.value, FLOAT32, 2.0**-50).all()  # far tighter than float32 needs
    assert narrow(found.gradient, FLOAT32, 2.0**-50).all()
    told(benchmark, capsys, name, "balls")


@pytest.mark.parametrize("name", NAMES)
def test_mpmath_under_the_same_tape(benchmark: Any, capsys: Any, name: str) -> None:
    given = scalar(name)
    component = np.zeros(CHUNK, dtype=int)

    def run() -> Any:
        arguments = lifted(given.formula, given.points, MP, True)
        return evaluated(given.formula, arguments, len(given.points), component, DERIVATIVE_ONLY, MP)

    with precision(START):
        found = benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    _, (slopes, _) = found
    assert all(CONTEXT.isfinite(slope) for slope in slopes.flat)
    told(benchmark, capsys, name, "mpmath under the same tape")


@pytest.mark.parametrize("name", NAMES)
def test_mpmath_value_and_diff(benchmark: Any, capsys: Any, name: str) -> None:
    given = scalar(name)
    (column, *_) = given.points.columns.values()
    assert not isinstance(column, tuple)
    numbers = [CONTEXT.mpf(x) for x in column.double().tolist()]

    def run() -> list[tuple[Any, Any]]:
        return [(given.plainly(x), CONTEXT.diff(given.plainly, x)) for x in numbers]

    with precision(START):
        found = benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    assert len(found) == CHUNK
    told(benchmark, capsys, name, "mpmath value and diff")


@pytest.mark.parametrize("name", NAMES)
def test_settled_with_conditioning(benchmark: Any, capsys: Any, name: str) -> None:
    """What a check asks for: also second derivatives for the conditioning, and proof that 128 bits suffice."""
    given = scalar(name)
    found = benchmark.pedantic(
        lambda: settle(given.formula, given.points, FLOAT32), rounds=20, warmup_rounds=2
    )
    assert (found.precision <= START).all()
    told(benchmark, capsys, name, "settled, with conditioning")
