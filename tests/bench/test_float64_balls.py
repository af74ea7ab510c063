"""Time of proved truths in float64 balls beside the same formula without proof, and beside mpmath; ratios in one run.

The plain formulas are written as the catalogue writes them, over torch's float64 tensors. Where something is compiled,
both sides are. Nothing is asserted about time.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import formula_named, formulas, load_catalog
from numcheck.domain import Points
from numcheck.domain.one_of import OneOf
from numcheck.domain.real import Real
from numcheck.formats import format_of
from numcheck.reals.enclosures import enclosure_of_float64, narrow
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.precision import precision
from numcheck.truth import BATCH, FLOAT64, Truths, lifted, missing_compiler, settle

FLOAT32 = format_of("float32")
FEW = 64  # points of mpmath
EAGER = 1 << 13  # points of what runs uncompiled: their temporaries stay in the cache


def plain_softplus(x: torch.Tensor) -> torch.Tensor:
    return torch.log(1 + torch.exp(x))


def plain_cross_entropy(x: torch.Tensor) -> torch.Tensor:
    return -torch.log(1 - 1 / (1 + torch.exp(-x)))


PLAIN = {"softplus": plain_softplus, "binary_cross_entropy": plain_cross_entropy}


def points_of(formula: Formula, count: int) -> Points:
    """Float32 inputs with |x| up to 200 that lie in the domain, evenly spread over the ordinals; first choices."""
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for name, domain in formula.inputs.items():
        if isinstance(domain, Real):
            low, high = max(domain.low, -200.0), min(domain.high, 200.0)
            first, last = FLOAT32.to_ordinals(torch.tensor([low, high], dtype=torch.float32)).tolist()
            columns[name] = FLOAT32.from_ordinals(torch.from_numpy(random.integers(first, last + 1, count)))
        else:
            assert isinstance(domain, OneOf)
            columns[name] = domain.column([domain.values[0]] * count, FLOAT32)
    return Points(columns, np.broadcast_to(np.array("given"), count))


def median(run: Callable[[], Any], rounds: int) -> float:
    """Seconds of one call, its median."""
    run()
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken))


def mpmath_value(formula: Formula, points: Points) -> Any:
    with precision(113):
        return formula(*lifted(formula, points, MP, False).values())


def mpmath_gradient(formula: Formula, points: Points) -> None:
    """Value and derivative by every real input, one number at a time, as a user of mpmath would ask for them."""
    (names,) = ([name for name, domain in formula.inputs.items() if isinstance(domain, Real)],)
    with precision(113):
        for i in range(len(points)):
            arguments = lifted(formula, points.select(np.array([i])), MP, False)

            def value(*numbers: Any, arguments: Any = arguments) -> Any:
                for name, number in zip(names, numbers, strict=True):
                    arguments[name].data = np.array([number], dtype=object)
                return formula(*arguments.values()).data.flat[0]

            at = tuple(arguments[name].data.flat[0] for name in names)
            value(*at)
            for k in range(len(at)):
                order = tuple(int(j == k) for j in range(len(at)))
                CONTEXT.diff(value, at if len(at) > 1 else at[0], order if len(at) > 1 else 1)


def need_compiler() -> None:
    if missing_compiler("cpu"):
        pytest.skip(str(missing_compiler("cpu")))


def told(capsys: Any, text: str) -> None:
    with capsys.disabled():
        print(f"\n{text}")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", PLAIN)
def test_value_beside_the_plain_formula_and_mpmath(
    benchmark: Any, capsys: Any, name: str, threads: int
) -> None:
    need_compiler()
    torch.set_num_threads(threads)
    torch.compiler.reset()  # compiled code keeps its number of threads
    load_catalog()
    formula, plain = formula_named(name), PLAIN[name]
    points, fewer, few = (points_of(formula, count) for count in (BATCH, EAGER, FEW))
    (column, *_) = points.columns.values()
    assert isinstance(column, torch.Tensor)
    doubles, some = column.double(), column[:EAGER].double()
    truths, uncompiled = Truths(formula, "cpu", False, True), Truths(formula, "cpu", False, False)
    compiled = torch.compile(plain)
    seconds: dict[str, list[float]] = {}

    def one_after_the_other() -> None:
        for way, run, count in (
            ("compiled balls", lambda: truths.of(points), BATCH),
            ("plain, compiled", lambda: compiled(doubles), BATCH),
            ("eager balls", lambda: uncompiled.of(fewer), EAGER),
            ("plain, eager", lambda: plain(some), EAGER),
        ):
            seconds.setdefault(way, []).append(median(run, 30) / count)
        seconds.setdefault("mpmath", []).append(median(lambda: mpmath_value(formula, few), 3) / FEW)

    benchmark.pedantic(one_after_the_other, rounds=3)
    settled = narrow(enclosure_of_float64(truths.of(points).value), FLOAT32, 1 / 64).mean()
    each = {way: float(np.median(found)) * 1e9 for way, found in seconds.items()}
    ratios = each["compiled balls"] / each["plain, compiled"], each["eager balls"] / each["plain, eager"]
    words = ", ".join(f"{way} {found:.1f} ns" for way, found in each.items())
    told(
        capsys,
        f"{name}, threads {threads}: {words}: {ratios[0]:.2f} times the plain time compiled, {ratios[1]:.1f} eager, "
        f"{each['mpmath'] / each['compiled balls']:.0f} times as fast as mpmath; {settled:.3%} settled",
    )


@pytest.mark.full
def test_value_and_gradient_of_every_scalar_formula_beside_mpmath(benchmark: Any, capsys: Any) -> None:
    """Compiled: minutes, nearly all of them the compiler's."""
    need_compiler()
    torch.set_num_threads(1)
    load_catalog()
    times: dict[str, float] = {}

    def every_formula() -> None:
        for formula in formulas().values():
            scalar = all(isinstance(domain, Real | OneOf) for domain in formula.inputs.values())
            if not scalar or not formula.wrt or all(r.grad is None for r in formula.routines.values()):
                continue
            points, few = points_of(formula, BATCH), points_of(formula, FEW)
            truths = Truths(formula, "cpu", True, True)
            balls = median(lambda truths=truths, points=points: truths.of(points), 20) / BATCH
            beside = median(lambda formula=formula, few=few: mpmath_gradient(formula, few), 1) / FEW
            times[formula.name] = beside / balls
            told(
                capsys,
                f"{formula.name}: {balls * 1e9:.1f} ns, mpmath {beside * 1e6:.0f} us: {beside / balls:.0f}",
            )

    benchmark.pedantic(every_formula, rounds=1)
    mean = float(np.exp(np.mean(np.log(list(times.values())))))
    told(capsys, f"geometric mean of {len(times)} formulas: {mean:.0f} times as fast as mpmath")


def test_share_of_a_checks_points_left_to_arb(benchmark: Any, capsys: Any, monkeypatch: Any) -> None:
    """Value and gradient in float32, float64 asked for every batch, however small."""
    torch.set_num_threads(1)
    load_catalog()
    monkeypatch.setattr("numcheck.truth.FEWEST", 1)
    shares: dict[str, float] = {}

    def every_formula() -> None:
        for formula in formulas().values():
            backward = any(routine.grad is not None for routine in formula.routines.values())
            settled = np.concatenate(
                [
                    settle(formula, points, FLOAT32, with_gradient=backward).precision == FLOAT64
                    for points in formula.points(FLOAT32, 2000, 0)
                ]
            )
            shares[formula.name] = 1 - float(settled.mean())
            told(capsys, f"{formula.name}: {shares[formula.name]:.2%} left to Arb")

    benchmark.pedantic(every_formula, rounds=1)
    told(capsys, f"average of {len(shares)} formulas: {np.mean(list(shares.values())):.2%}")
