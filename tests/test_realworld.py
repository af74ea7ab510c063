"""What docs/findings.md says of public packages, found again: runs where the `realworld` extra is installed."""

import importlib.metadata
import warnings
from dataclasses import dataclass

import pytest

import numcheck
from numcheck.declaration.formulas import Routine
from numcheck.declaration.registry import formula_named, load_catalog
from numcheck.foreign.adapt import adapt
from numcheck.foreign.load import load
from numcheck.runs.explain import explain

VERSIONS = {"torchmetrics": "1.9.0", "monai": "1.6.1", "transformers": "5.23.0"}
"""The versions that the findings were made with: a later one may well have mended them."""


@dataclass(frozen=True)
class Found:
    """One finding: where it shows, and what numcheck must name."""

    target: str
    formula: str
    format: str
    of: str
    cause: str
    at: dict[str, str]
    got: str


FINDINGS = (
    Found(
        "torchmetrics.functional:log_cosh_error", "log_cosh", "float32", "value", "overflow",
        {"prediction": "100", "target": "0"}, "inf",
    ),
    Found(
        "torchmetrics.functional:log_cosh_error", "log_cosh", "float32", "grad", "nan_gradient",
        {"prediction": "100", "target": "0"}, "nan",
    ),
    Found(
        "torchmetrics.functional:log_cosh_error", "log_cosh", "float32", "value", "absorption",
        {"prediction": "0.0002", "target": "0"}, "0.0",
    ),
    Found(
        "torchmetrics.functional:kl_divergence", "kl_divergence_on_probabilities", "float16", "value", "overflow",
        {"target": "1,0", "prediction": "0.000001,0.999999"}, "inf",
    ),
    Found(
        "torchmetrics.functional:kl_divergence", "kl_divergence_on_probabilities", "float32", "grad", "nan_gradient",
        {"target": "1,0", "prediction": "0.5,0.5"}, "nan",
    ),
    Found(
        "torchmetrics.functional:mean_squared_error", "squared_error", "float16", "value", "overflow",
        {"prediction": "300,0,0,0,0,0,0,0", "target": "0,0,0,0,0,0,0,0"}, "inf",
    ),
    Found(
        "torchmetrics.functional:mean_absolute_error", "absolute_error", "float16", "value", "overflow",
        {"prediction": "8192,8192,8192,8192,8192,8192,8192,8192", "target": "0,0,0,0,0,0,0,0"}, "inf",
    ),
    Found(
        "monai.networks.blocks.activation:Swish", "silu", "float32", "value", "underflow", {"x": "-90"}, "-0.0",
    ),
    Found(
        "transformers.activations:NewGELUActivation", "gelu_tanh", "float32", "value", "cancellation",
        {"x": "-8"}, "-0.0",
    ),
    Found(
        "transformers.activations:NewGELUActivation", "gelu_tanh", "float16", "grad", "nan_gradient",
        {"x": "200"}, "nan",
    ),
)  # fmt: skip


def names(found: Found) -> str:
    return f"{found.target.rpartition(':')[2]}-{found.cause}-{found.format}-{found.of}"


def judged(target: str, formula: str) -> Routine:
    """The package's function as a routine; skips where the package is missing or another version."""
    package = target.partition(".")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a package says while it is imported is its own business
        pytest.importorskip(package, reason=f"{package} is not installed: pip install '.[realworld]'")
        installed = importlib.metadata.version(package)
        if installed != VERSIONS[package]:
            pytest.skip(f"the findings are of {package} {VERSIONS[package]}, not {installed}")
        function = load(target)
    load_catalog()
    return adapt(function, formula_named(formula), target)


@pytest.mark.parametrize("found", FINDINGS, ids=names)
def test_a_check_names_the_cause(found: Found) -> None:
    report = numcheck.check(
        judged(found.target, found.formula), found.formula, formats=[found.format], points=300
    )
    (measurement,) = (m for m in report["measurements"] if m["of"] == found.of)
    assert found.cause in {finding["cause"] for finding in measurement["findings"]}
    assert report["second_opinion"]["disagreed"] == 0


@pytest.mark.parametrize("found", FINDINGS, ids=names)
def test_the_documented_point_shows_it(found: Found) -> None:
    routine = judged(found.target, found.formula)
    told = explain(routine, routine.formula, found.at, format=found.format, of=found.of)
    results = [
        content for name, content in told.rows if name.startswith(found.of) and name.endswith("result")
    ]
    assert results[0].split()[0] == found.got
    assert any(name == "finding" and content.startswith(found.cause) for name, content in told.rows)


@pytest.mark.parametrize("name", ["mean_squared_error", "mean_absolute_error"])
def test_what_is_right_is_not_blamed(name: str) -> None:
    formula = name.removeprefix("mean_")
    report = numcheck.check(
        judged(f"torchmetrics.functional:{name}", formula), formula, formats=["float32"], points=300
    )
    for measurement in report["measurements"]:
        assert measurement["fates"]["within"] == measurement["points"]


def test_the_order_that_agrees_wins_over_a_misleading_name() -> None:
    routine = judged("torchmetrics.functional:kl_divergence", "kl_divergence_on_probabilities")
    assert routine.doc == "target -> p, prediction -> q, reduction='none'"
