import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from numcheck import UsageError, m, one_of, polygon, real, simplex, ulps, vector
from numcheck.declaration.formulas import Formula, Routine, formula_of
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.declaration.words import Of
from numcheck.domain import index
from numcheck.foreign.adapt import GRAD, VALUE, adapt
from numcheck.foreign.load import formulas_at, load
from numcheck.foreign.match import match, signature_of
from numcheck.runs.check import check


def logistic(logit, label):
    p = 1 / (1 + m.exp(-logit))
    return -m.log(p) if label else -m.log(1 - p)


def likelihood(probability, label):
    return -m.log(probability) if label else -m.log(1 - probability)


def categorical(logits, label):
    return m.log(m.sum(m.exp(logits))) - logits[label]


def squared(a, b):
    return m.mean((a - b) ** 2)


def squared_numbers(a, b):
    return (a - b) ** 2


def divergence(target, prediction):
    return m.sum(m.where(target == 0, 0, target * (m.log(target) - m.log(prediction))))


def total(x):
    return m.log(m.sum(m.exp(x)))


def plus(x):
    return m.log(1 + m.exp(x))


def weighted(x, power):
    return x * power


def shoelace(xy):
    x, y = xy[:, 0], xy[:, 1]
    return (m.dot(x, m.roll(y, -1)) - m.dot(m.roll(x, -1), y)) / 2


LOGISTIC = formula_of(logistic, "book", (), None, {"logit": real(-200, 200), "label": one_of(0, 1)})
LIKELIHOOD = formula_of(likelihood, "book", (), None, {"probability": real(0, 1), "label": one_of(0, 1)})
CATEGORICAL = formula_of(categorical, "book", (), None, {"logits": vector(-30, 30), "label": index()})
SQUARED = formula_of(squared, "book", (), None, {"a": vector(-10, 10), "b": vector(-10, 10)})
SQUARED_NUMBERS = formula_of(squared_numbers, "book", (), None, {"a": real(-10, 10), "b": real(-10, 10)})
DIVERGENCE = formula_of(divergence, "book", (), None, {"target": simplex(), "prediction": simplex()})
TOTAL = formula_of(total, "book", (), None, {"x": vector(-30, 30)})
PLUS = formula_of(plus, "book", (), None, {"x": real(-30, 30)})
WEIGHTED = formula_of(weighted, "book", (), None, {"x": real(-30, 30), "power": one_of(0.5, 1.5)})
SHOELACE = formula_of(shoelace, "book", (), None, {"xy": polygon()})


def adapted(target: str, formula: Formula) -> Routine:
    return adapt(load(target), formula, target)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A file for a test's own routines; what importing it leaves behind is taken away again."""
    before, modules = list(sys.path), set(sys.modules)
    yield tmp_path / "judged_here.py"
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if "judged_here" in name:
            del sys.modules[name]


# torch's own losses


@pytest.mark.parametrize(
    ("formula", "target", "described"),
    [
        (
            LOGISTIC,
            "torch.nn.functional:binary_cross_entropy_with_logits",
            "logit -> input, label -> target, integers as floats, reduction='none'",
        ),
        (
            LOGISTIC,
            "torch.nn:BCEWithLogitsLoss",
            "logit -> input, label -> target, integers as floats, reduction='none'",
        ),
        (
            LIKELIHOOD,
            "torch.nn.functional:binary_cross_entropy",
            "probability -> input, label -> target, integers as floats, reduction='none'",
        ),
        (
            CATEGORICAL,
            "torch.nn.functional:cross_entropy",
            "logits -> input, label -> target, reduction='none'",
        ),
        (CATEGORICAL, "torch.nn:CrossEntropyLoss", "logits -> input, label -> target, reduction='none'"),
        (
            SQUARED,
            "torch.nn.functional:mse_loss",
            "a -> input, b -> target, one call per point, as a batch of one",
        ),
        (TOTAL, "torch:logsumexp", "x -> input, dim=-1"),
        (PLUS, "torch.nn.functional:softplus", "x -> input"),
        (PLUS, "torch.nn:Softplus", "x -> input"),
    ],
)
def test_torch_losses_fit_without_code(formula: Formula, target: str, described: str) -> None:
    assert adapted(target, formula).doc == described


def test_another_function_that_fits_is_called_but_doubted() -> None:
    doc = adapted("torch.nn.functional:logsigmoid", PLUS).doc
    assert doc == "x -> input; agrees with the formula at only 0 of 7 tried points"


def test_an_adapted_loss_gives_one_result_per_point() -> None:
    routine = adapted("torch.nn.functional:cross_entropy", CATEGORICAL)
    logits, label = torch.tensor([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 0, 1])
    got = routine.function(logits=logits, label=label)
    assert torch.equal(got, torch.nn.functional.cross_entropy(logits, label, reduction="none"))
    assert torch.equal(routine.function(logits, label), got)


def test_calls_per_point_keep_the_gradient() -> None:
    routine = adapted("torch.nn.functional:mse_loss", SQUARED)
    a = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    routine.function(a=a, b=torch.zeros(2, 2)).sum().backward()
    assert a.grad is not None
    assert torch.equal(a.grad, a.detach())


def test_labels_become_floats_of_the_format_under_test() -> None:
    routine = adapted("torch.nn.functional:binary_cross_entropy_with_logits", LOGISTIC)
    got = routine.function(logit=torch.zeros(2, dtype=torch.bfloat16), label=torch.tensor([0, 1]))
    assert got.dtype == torch.bfloat16


# functions of a file


def test_a_function_of_a_file_is_found(file: Path) -> None:
    file.write_text("import torch\ndef mine(z):\n    return torch.log(1 + torch.exp(z))\n")
    assert adapted(f"{file}:mine", PLUS).doc == "x -> z"


def test_names_that_say_the_same_win_over_order(file: Path) -> None:
    file.write_text(
        "from torch.nn.functional import binary_cross_entropy_with_logits as loss\n"
        "def swapped(y_true, y_pred):\n    return loss(y_pred, y_true.to(y_pred.dtype), reduction='none')\n"
    )
    assert adapted(f"{file}:swapped", LOGISTIC).doc == "logit -> y_pred, label -> y_true"


def test_a_misleading_name_yields_to_the_order_that_agrees_with_the_formula(file: Path) -> None:
    file.write_text("def mine(p, q):\n    return (p * (p / q).log()).sum(-1)\n")
    assert adapted(f"{file}:mine", DIVERGENCE).doc == "target -> p, prediction -> q"


def test_a_mean_over_the_batch_takes_the_points_as_columns(file: Path) -> None:
    file.write_text("def mine(preds, target):\n    return ((preds - target) ** 2).mean(0).squeeze()\n")
    routine = adapted(f"{file}:mine", SQUARED_NUMBERS)
    assert routine.doc == "a -> preds, b -> target, all points in one call, as the columns of a batch of one"
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 5.0])
    assert torch.equal(routine.function(a, b), torch.tensor([1.0, 9.0]))
    assert torch.equal(routine.function(a[:1], b[:1]), torch.tensor([1.0]))  # where squeeze takes all axes


def test_a_function_of_one_polygon_is_called_without_a_batch_axis(file: Path) -> None:
    file.write_text(
        "def area(vertices):\n"
        "    x, y = vertices[:, 0], vertices[:, 1]\n"
        "    return (x * y.roll(-1) - x.roll(-1) * y).sum() / 2\n"
    )
    routine = adapted(f"{file}:area", SHOELACE)
    assert routine.doc == "xy -> vertices, one call per point, without a batch axis"
    square = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    assert torch.equal(routine.function(xy=square), torch.tensor([1.0]))


def test_a_function_that_sums_over_the_whole_batch_is_called_per_point(file: Path) -> None:
    file.write_text("def naive(v):\n    return v.exp().sum().log()\n")
    assert adapted(f"{file}:naive", TOTAL).doc == "x -> v, one call per point, as a batch of one"


def test_a_module_takes_the_format_of_the_points(file: Path) -> None:
    file.write_text(
        "import torch\n"
        "class Scaled(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.weight = torch.nn.Parameter(torch.ones(()))\n"
        "    def forward(self, x):\n"
        "        return torch.nn.functional.softplus(self.weight * x)\n"
    )
    routine = adapted(f"{file}:Scaled", PLUS)
    assert routine.function(x=torch.zeros(3, dtype=torch.float16)).dtype == torch.float16


MODULES = """
import torch

class Scaled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.extra = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return torch.log(1 + torch.exp(self.weight * x)) * self.extra

class Affine(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(8, 1)

    def forward(self, x):
        return self.linear(x).squeeze(-1)

made = Scaled()
"""


@pytest.mark.parametrize("name", ["Scaled", "made"])
def test_a_modules_parameter_takes_the_input_of_its_name(file: Path, name: str) -> None:
    def scaled(x: Any, weight: Any) -> Any:
        return m.log(1 + m.exp(weight * x))

    formula = formula_of(scaled, "book", (), None, {"x": real(-9, 9), "weight": real(-3, 3)})
    file.write_text(MODULES)
    routine = adapted(f"{file}:{name}", formula)
    assert routine.doc == "x -> x, weight -> its parameter weight, its parameter extra as it was made"
    x, weight = (torch.tensor(numbers, requires_grad=True) for numbers in ([1.0, 2.0], [2.0, 0.0]))
    got = routine.function(x=x, weight=weight)
    assert torch.equal(got, torch.log(1 + torch.exp(weight * x)))
    got.sum().backward()
    assert x.grad is not None
    assert weight.grad is not None
    assert weight.grad[1] == 1.0
    value, grad = check(routine, formula, formats=["float32"], points=300)["measurements"]
    assert [one["of"] for one in (value, grad)] == ["value", "grad"]
    assert {f["cause"] for f in value["findings"]} & {"absorption", "cancellation"}
    assert all("weight" in f["worst"]["inputs"] for f in value["findings"])


def test_a_layers_parameters_are_judged_in_the_shape_that_they_have(file: Path) -> None:
    def affine(x: Any, weight: Any, bias: Any) -> Any:
        return m.dot(x, weight) + bias

    inputs = {"x": vector(-3, 3), "weight": vector(-3, 3), "bias": real(-1, 1)}
    formula = formula_of(affine, "book", (), None, inputs)
    file.write_text(MODULES)
    routine = adapted(f"{file}:Affine", formula)
    assert "weight -> its parameter linear.weight, bias -> its parameter linear.bias" in routine.doc
    report = check(routine, formula, formats=["float32"], points=60)
    assert [one["of"] for one in report["measurements"]] == ["value", "grad"]
    assert all(one["spent"] <= 1 for one in report["measurements"])


def test_a_custom_function_of_autograd_is_called_as_its_forward_is_written(file: Path) -> None:
    file.write_text(
        "import torch\n"
        "class Mine(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(context, z):\n"
        "        context.save_for_backward(z)\n"
        "        return torch.nn.functional.softplus(z)\n"
        "    @staticmethod\n"
        "    def backward(context, slope):\n"
        "        return slope * torch.sigmoid(context.saved_tensors[0])\n"
    )
    routine = adapted(f"{file}:Mine", PLUS)
    assert (routine.doc, routine.grad) == ("x -> z", GRAD)
    x = torch.tensor([0.0], requires_grad=True)
    routine.function(x=x).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.5]


@pytest.mark.parametrize(
    "body",
    [
        "torch.tensor([math.log1p(math.exp(v)) for v in z.tolist()], dtype=z.dtype)",
        "torch.log1p(torch.exp(z.detach()))",
        "math.log1p(math.exp(z))",
        "numpy.log1p(numpy.exp(z.numpy()))",
    ],
)
def test_a_value_is_judged_though_no_gradient_is_possible_and_the_doc_says_so(file: Path, body: str) -> None:
    file.write_text(f"import math, numpy, torch\ndef mine(z):\n    return {body}\n")
    routine = adapted(f"{file}:mine", PLUS)
    assert routine.doc.startswith("x -> z")
    assert "wrt=()" in routine.doc
    assert list(routine.budgets) == [Of.VALUE]
    (value,) = check(routine, PLUS, formats=["float32"], points=100)["measurements"]
    assert value["fates"]["within"] > 0 == value["fates"]["crash"]
    assert adapt(load(f"{file}:mine"), PLUS, "here", grad=ulps(2)).grad == ulps(2)


def test_a_function_that_refuses_some_inputs_is_judged_at_all_of_them(file: Path) -> None:
    file.write_text(
        "import torch\n"
        "def mine(z):\n"
        "    if (z < 0).any():\n"
        "        raise ValueError('no negative numbers')\n"
        "    return torch.nn.functional.softplus(z)\n"
    )
    routine = adapted(f"{file}:mine", PLUS)
    assert routine.doc == "x -> z"
    value, _ = check(routine, PLUS, formats=["float32"], points=100)["measurements"]
    assert value["fates"]["within"] > 0 < value["fates"]["crash"] == value["raised"]["points"]
    assert value["message"] == "ValueError: no negative numbers"
    assert "-" in value["raised"]["inputs"]["x"]["decimal"]


def test_an_optimizer_is_told_which_function_to_write() -> None:
    message = refused("torch.optim:SGD")
    assert "SGD([p], ...).step(); return p.detach()" in message
    assert "wrt=()" in message


def test_settings_arrive_as_plain_values(file: Path) -> None:
    file.write_text("def mine(x, power):\n    assert isinstance(power, float)\n    return x * power\n")
    assert adapted(f"{file}:mine", WEIGHTED).doc == "x -> x, power -> power"


def test_arguments_by_position_fit_in_order(file: Path) -> None:
    file.write_text("def mine(*given):\n    return given[0] * given[1]\n")
    assert adapted(f"{file}:mine", WEIGHTED).doc == "x -> by position, power -> by position"


def test_the_routine_has_the_name_and_the_budgets_asked_for(file: Path) -> None:
    file.write_text("def mine(x):\n    return x\n")
    routine = adapt(load(f"{file}:mine"), PLUS, "here", value=ulps(1), grad=ulps(2))
    assert (routine.name, routine.value, routine.grad) == ("here", ulps(1), ulps(2))


def test_a_function_is_named_after_itself_and_has_a_budget_unless_told_otherwise() -> None:
    routine = adapt(torch.nn.functional.softplus, PLUS)
    assert (routine.name, routine.value, routine.grad) == ("softplus", VALUE, GRAD)


# what does not fit


def refused(target: str, formula: Formula = PLUS) -> str:
    with pytest.raises(UsageError) as error:
        adapted(target, formula)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("torch", "write MODULE:NAME"),
        ("torch:", "write MODULE:NAME"),
        ("torch.nn:Softplus()", "is not evaluated"),
        ("torch.nn.functional:softpluss", "did you mean softplus?"),
        ("torch:pi", "is no function but float"),
        ("no_such_module:f", "no module named no_such_module"),
        ("no/such/file.py:f", "no file no/such/file.py"),
        ("torch.nn:Linear", "judged = Linear(...)"),
    ],
)
def test_a_target_that_is_not_there_is_told_in_one_line(target: str, words: str) -> None:
    assert words in refused(target)


def test_a_misfit_shows_both_signatures_and_the_wrapper_to_write() -> None:
    message = refused("torch.nn.functional:mse_loss")
    assert "mse_loss(input, target, " in message
    assert "does not fit plus(x)" in message
    assert "`def judged(x): return mse_loss(...)`" in message
    assert "--routine judged.py:judged" in message


def test_a_function_that_returns_no_tensor_does_not_fit(file: Path) -> None:
    file.write_text("def mine(x):\n    return x, x\n")
    assert "it returned tuple, not a tensor" in refused(f"{file}:mine")


def test_a_function_of_another_shape_does_not_fit(file: Path) -> None:
    file.write_text("def mine(x):\n    return x\n")
    assert "it returned shape (7, 8) for (7,)" in refused(f"{file}:mine", TOTAL)


def test_a_function_that_raises_does_not_fit_and_says_what_it_raised(file: Path) -> None:
    file.write_text("def mine(x):\n    raise RuntimeError('only for tall tensors')\n")
    assert "it raised RuntimeError: only for tall tensors" in refused(f"{file}:mine")


def test_a_file_that_cannot_be_imported_says_why(file: Path) -> None:
    file.write_text("1 / 0\n")
    assert "raised ZeroDivisionError: division by zero" in refused(f"{file}:mine")


@pytest.mark.parametrize(
    "text", ["import sys; sys.exit(0)", "raise SystemExit", "exit()", "raise GeneratorExit"]
)
def test_a_file_that_leaves_when_it_is_imported_is_a_misuse_and_ends_nothing(file: Path, text: str) -> None:
    file.write_text(f"{text}\n")
    message = refused(f"{file}:mine")
    assert f"importing {file} raised " in message
    assert ("if __name__" in message) == ("GeneratorExit" not in text)


def test_a_required_argument_that_no_input_supplies_does_not_fit() -> None:
    def mine(x: Any, temperature_of_the_room: Any) -> Any:
        return x

    assert match(["x"], signature_of(mine)) is None


@pytest.mark.parametrize("builtin", [torch.atan2, torch.arctan2, torch.ops.aten.atan2.default])
def test_builtins_of_two_arguments_fit_by_their_order(builtin: Any) -> None:
    def angle(y: Any, x: Any) -> Any:
        return m.atan2(y, x)

    formula = formula_of(angle, "book", (), None, {"y": real(0.5, 10), "x": real(0.5, 10)})
    routine = adapt(builtin, formula)
    y, x = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0])
    assert torch.equal(routine.function(y=y, x=x), builtin(y, x))


def test_a_formula_of_numbers_that_only_float64_has_is_tried_in_that(file: Path) -> None:
    def fixed(x: Any) -> Any:
        return 1 * x

    formula = formula_of(fixed, "book", (), None, {"x": real(0.401, 0.401)})
    file.write_text("def mine(x):\n    return x * 1\n")
    assert adapted(f"{file}:mine", formula).doc == "x -> x"


def test_torchs_builtins_are_matched_by_the_signature_their_documentation_prints() -> None:
    signature = signature_of(torch.logsumexp)
    assert signature is not None
    assert list(signature.parameters)[:2] == ["input", "dim"]


def test_a_topic_is_all_its_formulas_and_a_formula_goes_before_a_topic():
    load_catalog()
    of_topic = [made for made in formulas().values() if made.topic == "fixed-point"]
    assert formulas_at("fixed-point") == of_topic and len(of_topic) > 1
    assert formulas_at("softplus") == [formulas()["softplus"]]
    with pytest.raises(UsageError, match="no formula"):
        formulas_at("fixed-points")
