"""Time of every input of a 16-bit format through one formula: truth, conditioning, a routine measured and judged."""

from typing import Any

import numpy as np
import pytest
import torch

from numcheck.case import Formula, formula_named, load_catalog
from numcheck.domain import Points, Real
from numcheck.formats import Format, format_of
from numcheck.measure import measure, tally
from numcheck.truth import settle


def judged_everywhere(formula: Formula, format: Format) -> tuple[int, list[dict[str, int]]]:
    """The number of inputs, and the fates of the stable form's value and gradient."""
    torch.set_num_threads(1)
    (name,) = formula.inputs
    domain = formula.inputs[name]
    assert isinstance(domain, Real)
    column = domain.exhaustive(format)
    assert column is not None
    points = Points({name: column}, np.full(len(column), "sweep"))
    truth = settle(formula, points, format)
    measured = measure(formula.routines["stable_form"], points, truth, format, "cpu")
    return len(points), [tally(measurement.judgement.of_points()[0]) for measurement in measured]


@pytest.mark.parametrize("format_name", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["softplus", "sigmoid", "tanh"])
def test_every_input_is_proved_and_judged(benchmark: Any, capsys: Any, name: str, format_name: str) -> None:
    load_catalog()
    formula, format = formula_named(name), format_of(format_name)
    count, fates = benchmark.pedantic(judged_everywhere, (formula, format), rounds=3, warmup_rounds=1)
    assert len(fates) == 2
    assert [sum(fate.values()) for fate in fates] == [count, count]
    assert all(fate["unresolved"] == 0 for fate in fates)
    if benchmark.stats:
        median = benchmark.stats.stats.median
        benchmark.extra_info["microseconds_per_point"] = round(median / count * 1e6, 3)
        with capsys.disabled():
            print(f"\n{name} in {format_name}: {count} inputs in {median:.2f} s")
