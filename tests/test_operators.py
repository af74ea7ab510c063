import math
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from numcheck.diagnosis.culprit import Blame, blame
from numcheck.formats import format_of
from numcheck.operators import Operation, Trace, TraceError, emulate, lockstep, trace
from numcheck.operators import record as record_module


def tensor(*values: object, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=dtype)


def causes(record: Trace, of: str = "value") -> list[str | None]:
    return [b.cause if b else None for b in blame(record, of)]


def culprit(record: Trace, lane: int, of: str = "value") -> tuple[str, str]:
    found = blame(record, of)[lane]
    assert isinstance(found, Blame)
    operation = record.operations[found.operation]
    return operation.name.split(".")[1], operation.line


def same_bits(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and bool(
        ((a == b) & (a.signbit() == b.signbit()) | a.isnan() & b.isnan()).all()
    )


def runs_as_natively(function, arguments: dict, differentiate: list[str]) -> Trace:
    """The record, after comparing output and gradients bit for bit with a run outside the tracer."""
    plain = {
        k: v.clone().requires_grad_(k in differentiate)
        if isinstance(v, Tensor) and v.is_floating_point()
        else v
        for k, v in arguments.items()
    }
    output = function(**plain)
    record = trace(function, arguments, differentiate)
    assert same_bits(record.output, output.detach())
    if differentiate:
        gradients = torch.autograd.grad(output, [plain[k] for k in differentiate], torch.ones_like(output))
        for name, gradient in zip(differentiate, gradients, strict=True):
            traced = record.gradients[name]
            assert traced is not None
            assert same_bits(traced, gradient)
    return record


def binary_cross_entropy(logit: Tensor, label: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logit, label, reduction="none")


def naive_softplus(x: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(x))


def stable_softplus(x: Tensor) -> Tensor:
    return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))


def naive_softmax(x: Tensor) -> Tensor:
    e = torch.exp(x)
    return e / e.sum(1, keepdim=True)


def update_and_back(w: Tensor, u: Tensor) -> Tensor:
    return (w - u) - w


def shoelace(xy: Tensor) -> Tensor:
    x, y = xy[..., 0], xy[..., 1]
    cross = x * y.roll(-1, 1) - x.roll(-1, 1) * y
    return cross.sum(1) / 2


def distance(a: Tensor, b: Tensor) -> Tensor:
    return torch.sqrt(((a - b) ** 2).sum(1))


SQUARE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


# Who is blamed


def test_the_lost_loss_of_cross_entropy_on_logits_is_blamed_inside_the_operator():
    record = runs_as_natively(
        binary_cross_entropy, {"logit": tensor(-20, 20, 0.5), "label": tensor(0, 1, 1)}, ["logit"]
    )
    assert causes(record)[0] in ("cancellation", "absorption")
    assert causes(record)[2] is None


def test_the_lost_gradient_of_cross_entropy_on_logits_is_blamed_in_the_backward_pass():
    record = trace(binary_cross_entropy, {"logit": tensor(20, 0), "label": tensor(1, 1)}, ["logit"])
    lost, kept = blame(record, "grad")
    assert lost is not None
    assert record.operations[lost.operation].phase == "backward"
    assert lost.cause in ("cancellation", "absorption")
    assert kept is None


def test_a_loss_that_even_float64_absorbs_is_blamed_on_absorption():
    record = runs_as_natively(naive_softplus, {"x": tensor(-20, -50, -80)}, ["x"])
    assert causes(record) == ["absorption"] * 3
    assert culprit(record, 1) == ("log", "return torch.log(1 + torch.exp(x))")


def test_the_naive_softplus_overflows_where_exp_does():
    record = runs_as_natively(naive_softplus, {"x": tensor(100, 88, 1)}, ["x"])
    assert causes(record) == ["overflow", None, None]
    assert culprit(record, 0)[0] == "exp"


def test_stable_softplus_is_not_blamed():
    record = runs_as_natively(stable_softplus, {"x": tensor(100, 20, 1, 0.01, -1, -20, -50, -80)}, ["x"])
    assert causes(record) == [None] * 8
    assert causes(record, "grad") == [None] * 8


def test_the_naive_softmax_overflows_before_it_divides_infinity_by_infinity():
    record = runs_as_natively(naive_softmax, {"x": tensor([100, 1], [1, 2])}, ["x"])
    assert causes(record) == ["overflow", None]
    assert causes(record, "grad")[0] == "overflow"


def test_a_tiny_update_in_half_precision_is_blamed_on_absorption():
    arguments = {"w": tensor(1, 2, dtype=torch.float16), "u": tensor(1e-4, 0.5, dtype=torch.float16)}
    record = runs_as_natively(update_and_back, arguments, ["w", "u"])
    assert causes(record) == ["absorption", None]
    assert record.operations[0].absorbed.tolist() == [True, False]


def test_a_far_polygon_is_blamed_on_the_cancelling_line():
    record = runs_as_natively(shoelace, {"xy": torch.stack([SQUARE + 12345.6, SQUARE + 0.25])}, ["xy"])
    assert causes(record) == ["cancellation", None]
    assert culprit(record, 0) == ("sub", "cross = x * y.roll(-1, 1) - x.roll(-1, 1) * y")


def test_the_shadow_is_wider_than_float64():
    record = trace(shoelace, {"xy": torch.stack([SQUARE.double() + 1234567890.1, SQUARE.double()])})
    assert causes(record) == ["cancellation", None]


def test_the_gradient_of_a_distance_of_zero_is_blamed_as_a_nan_gradient():
    record = runs_as_natively(distance, {"a": tensor([1, 1], [1, 1]), "b": tensor([1, 1], [2, 3])}, ["a"])
    assert causes(record) == [None, None]
    assert causes(record, "grad") == ["nan_gradient", None]
    assert culprit(record, 0, "grad")[1] == "return torch.sqrt(((a - b) ** 2).sum(1))"


def test_an_overflow_in_the_branch_not_taken_is_blamed_as_a_nan_gradient():
    def guarded(x: Tensor) -> Tensor:
        return torch.where(x > 20, x, torch.log1p(torch.exp(x)))

    record = runs_as_natively(guarded, {"x": tensor(100, 1)}, ["x"])
    assert causes(record) == [None, None]
    assert causes(record, "grad") == ["nan_gradient", None]


def test_a_compiled_routine_is_traced_and_emulated_as_it_is_written():
    def naive(x: Tensor) -> Tensor:
        return torch.log(1 + torch.exp(x))

    compiled = torch.compile(naive, backend="eager")
    x = tensor(-20, 1, 80)
    plain, record = (trace(function, {"x": x}, ["x"]) for function in (naive, compiled))
    assert [op.name for op in record.operations[:3]] == [op.name for op in plain.operations[:3]]
    assert causes(record) == causes(plain) == ["absorption", None, None]
    assert (
        emulate(compiled, {"x": x}, format="float16")[0].tolist()
        == emulate(naive, {"x": x}, format="float16")[0].tolist()
    )


def test_without_a_significand_a_format_is_its_grid_of_subnormals_and_its_end():
    x = tensor(1.3, -1.3, 0.0)

    def times(factor: float) -> list[float]:
        return emulate(lambda x: x * factor, {"x": x}, format="float16", widen="significand")[0].tolist()

    assert times(2.0**-20) == ((x.double() * 2.0**4).round() * 2.0**-24).tolist()
    assert times(1.0) == x.double().tolist()
    assert times(2.0**17) == [math.inf, -math.inf, 0.0]


def test_a_trace_does_not_load_the_compiler():
    code = (
        "import sys, torch; from numcheck.operators import emulate, trace; x = torch.ones(3); "
        "trace(torch.exp, {'input': x}, ['input']); emulate(torch.exp, {'input': x}, format='float16'); "
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_zero_over_zero_is_blamed_as_a_special_value():
    record = runs_as_natively(lambda x: torch.sin(x) / x, {"x": tensor(0, 1)}, [])
    assert causes(record) == ["special_value", None]
    assert record.operations[-1].born_nan.tolist() == [True, False]


def test_the_logarithm_of_an_underflowed_probability_is_blamed_on_underflow():
    record = runs_as_natively(lambda x: torch.log(torch.exp(x) * 0.5), {"x": tensor(-120, -1)}, [])
    assert causes(record) == ["underflow", None]
    assert culprit(record, 0)[0] == "exp"


def test_digits_that_an_addition_makes_harmless_are_not_blamed():
    # log(1) is 0 instead of 2.6e-23, which is nothing beside -104; but exp(-104) is hardly a subnormal
    x = {"x": tensor(-52, -1)}
    record = runs_as_natively(lambda x: 32 * torch.exp(torch.log(1 + torch.exp(x)) + 2 * x), x, [])
    assert causes(record) == ["underflow", None]
    assert culprit(record, 0)[0] == "exp"


def test_a_small_loss_after_a_faithful_sum_is_not_blamed_on_order():
    # x - logsumexp(x) = -0.108 loses 3 bits on the way, none of them in the sum of two exponentials
    x = {"x": tensor([0.168509975, -2])}
    assert causes(trace(lambda x: (x - torch.logsumexp(x, -1, keepdim=True))[:, 0], x)) == ["cancellation"]


def test_noise_around_a_gradient_of_zero_is_no_underflow():
    # The softmax's components add up to one, so this gradient is zero and the noise is what cancelled.
    record = trace(lambda x: F.softmax(x, 1), {"x": tensor([0.3, -1.7, 0.9, -1e9], [1, 2, 3, 4])}, ["x"])
    assert "underflow" not in causes(record, "grad")


def test_a_running_sum_that_stands_still_is_blamed_on_absorption():
    def count(x: Tensor) -> Tensor:
        total = torch.zeros_like(x[:, 0])
        for i in range(x.shape[1]):
            total = total + x[:, i]
        return total

    record = runs_as_natively(count, {"x": torch.ones(2, 300, dtype=torch.bfloat16)}, [])
    assert record.output.tolist() == [256, 256]
    assert causes(record) == ["absorption"] * 2


def test_a_running_sum_that_drifts_is_blamed_on_order():
    def add_up(x: Tensor) -> Tensor:
        total = torch.zeros_like(x[:, 0])
        for i in range(x.shape[1]):
            total = total + x[:, i]
        return total

    assert causes(trace(add_up, {"x": torch.full((1, 200), 0.3, dtype=torch.float16)})) == ["order"]


def test_a_sum_of_many_half_precision_elements_that_cancel_is_blamed_on_cancellation():
    x = torch.linspace(-1, 1, 4097, dtype=torch.float64).to(torch.float16)
    arguments = {"x": torch.stack([x, x.abs()])}
    record = runs_as_natively(lambda x: (x * 1.1 + x * x).mul(0.7).sub(x * x * 0.7).sum(1), arguments, [])
    assert causes(record)[0] == "cancellation"


# The shadow


@pytest.mark.parametrize(
    "nothing",
    [
        lambda a, b: (a + b) - b - a,
        lambda a, b: (b - a) - b + a,
        lambda a, b: 1 - (1 - a / b) - a / b,
        lambda a, b: a / b * b - a,
        lambda a, b: a * b / b - a,
        lambda a, b: (a * b).div_(b).sub_(a),
        lambda a, b: torch.add(a / 3, b / 3, alpha=0.7).sub(b / 3, alpha=0.7) - a / 3,
        lambda a, b: torch.div(a, b, rounding_mode=None) * b - a,
    ],
)
def test_the_shadow_carries_sums_products_and_quotients_to_its_last_digits(nothing):
    a, b = (torch.rand(100, dtype=torch.float64) + 0.5 for _ in range(2))
    shadow = trace(nothing, {"a": a, "b": b}).sinks[0].shadow
    assert np.abs(shadow).max() < 2.0**-100


def test_the_shadow_of_an_infinite_result_is_infinite_as_it_is():
    a, b = tensor(1e300, math.inf, 1, dtype=torch.float64), tensor(1e300, 1, 0, dtype=torch.float64)
    for function, expected in (
        (torch.mul, [math.inf, math.inf, 0]), (torch.add, [2e300, math.inf, 1]), (torch.div, [1, math.inf, math.inf])
    ):  # fmt: skip
        assert trace(function, {"input": a, "other": b}).sinks[0].shadow.tolist() == expected


def test_an_error_is_measured_again_after_a_write_through_another_view():
    def rewritten(x: Tensor) -> Tensor:
        y = x / 3
        before = y * 2
        y.view(-1).fill_(1)
        return before + y * 2

    record = trace(rewritten, {"x": tensor([1, 2], [5, 7])})
    before, after = (op.error_in for op in record.operations if op.row.name == "mul")
    assert before.min() > 0
    assert after.max() == 0


# What is recorded


def test_what_is_measured_at_once_is_what_is_measured_when_somebody_asks(monkeypatch):
    def rewritten(x: Tensor) -> Tensor:
        y = x * 3
        positive = y > 0
        large = torch.log(1 + torch.exp(torch.where(positive, y / 3, y / 7))).mul_(2)
        positive.logical_not_()
        y.view(-1).sub_(1).div_(7)
        return (large - y) / (y - y / 2)

    def told(record):
        fields = [
            name for name in dir(Operation) if isinstance(vars(Operation).get(name), record_module.Asked)
        ]
        return [[repr(np.asarray(getattr(op, name)).tolist()) for name in fields] for op in record.operations]

    x = torch.linspace(-200, 200, 41)
    later = trace(rewritten, {"x": x})
    monkeypatch.setattr(lockstep, "_HELD", 0)
    assert told(trace(rewritten, {"x": x})) == told(later)


def test_an_operator_that_cannot_be_measured_is_named(monkeypatch):
    def fails(ran):
        raise ValueError("shapes differ")

    monkeypatch.setattr(vars(Operation)["error_out"], "measure", fails)
    record = trace(naive_softplus, {"x": tensor(-12.0, 1)})
    with pytest.raises(TraceError, match=r"aten\.\w+\.\w+: .*shapes differ"):
        blame(record)


def test_blame_of_some_lanes_is_the_blame_that_they_have_among_all():
    record = trace(naive_softplus, {"x": torch.linspace(-100, 100, 41)})
    assert blame(record, lanes=[40, 0, 7]) == tuple(blame(record)[lane] for lane in (40, 0, 7))


def test_an_addition_counts_the_bits_that_cancel():
    record = trace(lambda x: x - 1, {"x": tensor(1 + 2**-20, 3, 1)})
    assert record.operations[0].cancelled_bits.tolist() == [20, 0, 24]


def test_a_sum_counts_the_bits_that_cancel_between_its_terms():
    record = trace(lambda x: x.sum(1), {"x": tensor([1, 2**-10, -1], [1, 1, 1])})
    # 2 + 2**-10 over 2**-10: frexp exponents 2 and -9.
    assert record.operations[0].cancelled_bits.tolist() == [11, 0]


def test_alpha_belongs_to_the_subtraction():
    def step(w: Tensor, g: Tensor) -> Tensor:
        w = w.clone()
        return w.sub_(g, alpha=0.0001)

    record = runs_as_natively(
        step, {"w": tensor(1, 1, dtype=torch.float16), "g": tensor(1, 999, dtype=torch.float16)}, []
    )
    assert record.operations[-1].name == "aten.sub_.Tensor"
    assert record.operations[-1].absorbed.tolist() == [True, False]


def test_overflow_is_told_from_a_pole():
    record = trace(lambda x: 1 / x, {"x": tensor(0, 1e-40, 1)})
    assert record.operations[0].overflowed.tolist() == [True, True, False]
    assert record.operations[0].pole.tolist() == [True, False, False]


def test_operands_name_the_operations_that_produced_them():
    record = trace(naive_softplus, {"x": tensor(0, 1)})
    assert [o.name for o in record.operations] == ["aten.exp.default", "aten.add.Tensor", "aten.log.default"]
    assert [o.operands for o in record.operations] == [(-1,), (0,), (1,)]


def test_backward_operators_name_the_forward_line():
    record = trace(shoelace, {"xy": SQUARE.unsqueeze(0)}, ["xy"])
    lines = {o.line for o in record.operations if o.phase == "backward" and o.line}
    assert "cross = x * y.roll(-1, 1) - x.roll(-1, 1) * y" in lines


def test_a_comparison_that_goes_the_other_way_in_the_shadow_is_recorded():
    record = trace(lambda x: torch.where(x + 1 > 1, x, -x), {"x": tensor(1e-10, 1)})
    assert record.diverged.tolist() == [True, False]


def newton_root(x: Tensor) -> Tensor:
    y = torch.ones_like(x)
    for _ in range(6):
        y = y - (y * y - x) / (2 * y)
    return y


def test_an_iteration_that_has_not_converged_still_changes():
    record = runs_as_natively(newton_root, {"x": tensor(2, 1e6)}, ["x"])
    (line,) = [r for r in record.repeated if r.line.startswith("y = y -")]
    assert line.count == 6
    assert line.change[0] <= 2.0**-23  # an ulp
    assert line.change[1] > 0.25


def test_a_function_called_from_two_lines_is_no_iteration():
    def square(x: Tensor) -> Tensor:
        return x * x

    def both(x: Tensor) -> Tensor:
        first = square(x)
        return first + square(x + 1)

    assert trace(both, {"x": tensor(1, 2)}).repeated == ()


# What can be run


def test_in_place_operators_and_views_write_through():
    def fill(x: Tensor) -> Tensor:
        y = x.clone()
        y[:, 0] = 1.5
        y[:, 1:].mul_(3)
        y.add_(x, alpha=2)
        z = torch.zeros(len(x), 2)
        z[:, 0] = y[:, 0]
        z[:, 1] = y[:, 2]
        return z.cumsum(1)

    record = runs_as_natively(fill, {"x": tensor([1, 2, 3], [4, 5, 6.5])}, ["x"])
    assert causes(record) == [None, None]


def test_an_operator_in_place_leaves_a_float64_constant_and_its_shadow_apart():
    def step(x: Tensor) -> Tensor:
        mean = torch.full_like(x, 0.7)
        return mean.mul_(0.9).add_(x, alpha=0.1)

    record = runs_as_natively(step, {"x": tensor(0.3, -2.1, dtype=torch.float64)}, ["x"])
    assert [operation.row.name for operation in record.operations[:2]] == ["mul", "add"]
    assert all(operation.error_out.min() > 0 for operation in record.operations[:2])


def test_the_largest_of_a_single_number_is_picked():
    record = runs_as_natively(lambda x: x * x.sum().max(0).values, {"x": tensor(3, 1)}, ["x"])
    assert record.output.tolist() == [12, 4]


def test_integer_labels_select_in_both_runs():
    def select(x: Tensor, label: Tensor) -> Tensor:
        picked = x.gather(1, label[:, None]).squeeze(1)
        return picked + F.cross_entropy(x, label, reduction="none") + x[torch.arange(len(x)), label]

    x = tensor([1.0, 2, 3], [3, 2, 1], [0.5, 0.25, 7])
    assert causes(runs_as_natively(select, {"x": x, "label": torch.tensor([0, 2, 1])}, ["x"])) == [None] * 3


def test_reductions_and_matrix_products_run():
    def mix(x: Tensor) -> Tensor:
        top = (
            x.max(1).values + torch.topk(x, 2).values.sum(1) + torch.logsumexp(x, 1) + x.sort(1).values[:, 0]
        )
        product = (x @ torch.eye(3) @ x.t()).diagonal()
        return (
            top + product + x.clamp(-1, 1).mean(1) + F.log_softmax(x, -1).sum(1) + x.pow(3).prod(1) + x.std(1)
        )

    runs_as_natively(mix, {"x": tensor([1.0, 2, 3], [3, 2.5, 1], [0.5, 0.25, 7], [-1, -2, 0.1])}, ["x"])


def test_torch_losses_run_as_natively():
    x, y = tensor(0.5, -2, 100, 1e-3), tensor(0.25, 1, -1, 1)
    for loss in (
        F.mse_loss,
        F.l1_loss,
        F.huber_loss,
        F.smooth_l1_loss,
        F.soft_margin_loss,
        F.poisson_nll_loss,
    ):
        runs_as_natively(lambda x, y, loss=loss: loss(x, y, reduction="none"), {"x": x, "y": y}, ["x"])
    for function in (
        F.gelu,
        F.silu,
        F.softplus,
        F.logsigmoid,
        F.mish,
        F.elu,
        F.celu,
        torch.tanh,
        torch.sigmoid,
    ):
        runs_as_natively(lambda x, function=function: function(x), {"x": x}, ["x"])
    runs_as_natively(
        lambda x: F.kl_div(F.log_softmax(x, 1), F.softmax(x * 2, 1), reduction="none").sum(1),
        {"x": tensor([1, 2, 3], [0, 0, 9])},
        ["x"],
    )


class SquareLessSelf(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x - x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (2 * x - 1)


def test_a_function_with_its_own_backward_is_traced_on_its_own_lines():
    record = runs_as_natively(lambda x: SquareLessSelf.apply(x), {"x": tensor(1 + 2**-23, 3)}, ["x"])
    assert {o.line for o in record.operations if o.phase == "backward"} == {"return grad * (2 * x - 1)"}


def test_code_that_reads_finfo_takes_the_native_path():
    record = runs_as_natively(lambda x: x.clamp(min=torch.finfo(x.dtype).tiny).log(), {"x": tensor(0, 1)}, [])
    assert record.output[0] == math.log(2.0**-126)


def test_a_cast_to_another_format_keeps_the_shadow():
    record = trace(lambda x: (x.half() - 1).float(), {"x": tensor(1 + 2**-12, 2)})
    assert record.operations[0].error_out.tolist() == [2.0**-12 / (1 + 2**-12), 0]
    assert record.operations[1].error_out[0] == math.inf


def test_lanes_do_not_disturb_one_another():
    x = tensor(100, -20, -50, 1, 30, -3)
    together = causes(trace(naive_softplus, {"x": x}))
    assert together == [causes(trace(naive_softplus, {"x": x[i : i + 1]}))[0] for i in range(len(x))]


def test_writing_into_an_outside_tensor_raises_and_names_the_operator():
    outside = torch.zeros(2)
    with pytest.raises(TraceError, match=r"aten\.copy_\.default"):
        trace(lambda x: outside.copy_(x), {"x": tensor(1, 2)})


def test_complex_numbers_raise_and_name_the_operator():
    with pytest.raises(TraceError, match=r"aten\."):
        trace(lambda x: torch.view_as_complex(torch.stack([x, x], -1)).abs() * x, {"x": tensor(1, 2)})


def test_an_exception_of_the_routine_passes_through():
    with pytest.raises(IndexError):
        trace(lambda x: x.sum(5), {"x": tensor(1, 2)})


def test_a_traced_tensor_is_of_no_use_after_its_trace():
    kept: list[Tensor] = []

    def leak(x: Tensor) -> Tensor:
        kept.append(x + 1)
        return x

    trace(leak, {"x": tensor(1)})
    with pytest.raises(TraceError, match="outside its trace"):
        kept[0] + 1


def test_one_component_of_each_lane_is_the_result_and_no_line_picks_it():
    def both(x: Tensor) -> Tensor:
        return torch.stack([3 * x, torch.sin(x)], 1)

    x, component = tensor(0.5, 0.5), np.array([0, 1])
    record = trace(both, {"x": x}, ["x"], component=component)
    expected = [1.5, torch.sin(x)[1].item()], [3.0, torch.cos(x)[1].item()]
    assert (record.output.tolist(), record.gradients["x"].tolist()) == expected
    picking = [op for op in record.operations if op.row.name in ("gather", "scatter_add")]
    assert len(picking) == 2
    assert not {op.where.split(":")[0] for op in picking} & {"lockstep.py", "test_operators.py"}
    output, slopes = emulate(both, {"x": x}, ["x"], format="float64", component=component)
    torch.testing.assert_close((output, slopes["x"]), tuple(torch.tensor(e).double() for e in expected))


def test_an_unknown_argument_cannot_be_differentiated():
    with pytest.raises(ValueError, match="'y'"):
        trace(lambda x: x, {"x": tensor(1)}, ["y"])


# Emulation


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_emulating_a_format_gives_its_results_bit_for_bit(name: str):
    number_format = format_of(name)
    generator = torch.Generator().manual_seed(1)
    exponents = torch.randint(-3, 4, (4, 2000), generator=generator)
    values = torch.ldexp(torch.rand(4, 2000, generator=generator, dtype=torch.float64) + 0.5, exponents)
    a, b, c, d = values.to(number_format.dtype)

    # Of + - * / only: torch's own float32 sqrt and exp aren't always correctly rounded.
    def compute(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
        x = a * b - c / d
        y = x.abs().clone()
        y.mul_(c).sub_(d)
        return torch.where(y > 1, y * y, y / (1 + a))

    arguments = {"a": a, "b": b, "c": c, "d": d}
    output, gradients = emulate(compute, arguments, ["a", "d"], format=name)
    native = trace(compute, arguments, ["a", "d"])
    assert same_bits(output, native.output.double())
    for argument, gradient in gradients.items():
        native_gradient = native.gradients[argument]
        assert gradient is not None
        assert native_gradient is not None
        assert same_bits(gradient, native_gradient.double())


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_emulated_subnormals_lie_on_the_format_s_grid(name: str):
    number_format = format_of(name)
    x = (
        torch.arange(1, 50, dtype=torch.float64)
        .mul(number_format.smallest_subnormal * 8)
        .to(number_format.dtype)
    )
    output, _ = emulate(lambda x: x * 0.3125, {"x": x}, format=name)
    exact = x.double() * 0.3125
    assert torch.equal(
        output, torch.round(exact / number_format.smallest_subnormal) * number_format.smallest_subnormal
    )


@pytest.mark.parametrize(
    ("name", "beyond"), [("float8_e4m3fn", math.nan), ("float8_e5m2", math.inf), ("bfloat16", math.inf)]
)
def test_beyond_its_range_an_emulated_format_gives_what_the_format_gives(name: str, beyond: float):
    largest = format_of(name).largest
    output, _ = emulate(
        lambda x: x * 2,
        {"x": torch.tensor([largest, -largest, largest / 2], dtype=torch.float64)},
        format=name,
    )
    assert same_bits(output.abs(), torch.tensor([beyond, beyond, largest], dtype=torch.float64))


def test_a_wider_range_heals_the_naive_softmax():
    x = tensor([100, 99], [1, 2])
    healed, _ = emulate(naive_softmax, {"x": x}, format="float32", widen="range")
    broken, _ = emulate(naive_softmax, {"x": x}, format="float32", widen="significand")
    assert bool(torch.isfinite(healed).all())
    assert bool(torch.isnan(broken[0]).any())


def test_a_wider_significand_heals_an_absorbed_update():
    arguments = {"w": tensor(1, dtype=torch.float16), "u": tensor(2.0**-13, dtype=torch.float16)}
    assert emulate(update_and_back, arguments, format="float16")[0].item() == 0
    assert emulate(update_and_back, arguments, format="float16", widen="range")[0].item() == 0
    assert emulate(update_and_back, arguments, format="float16", widen="significand")[0].item() == -(2.0**-13)
    assert emulate(update_and_back, arguments, format="float16", widen="both")[0].item() == -(2.0**-13)


def test_beyond_the_largest_number_lies_infinity():
    x = tensor(300, -300, 1, dtype=torch.float16)
    output, _ = emulate(lambda x: x * x * x, {"x": x}, format="float16")
    assert output.tolist() == [math.inf, -math.inf, 1]


def test_an_emulated_in_place_operator_rounds_what_it_writes():
    def increment(x: Tensor) -> Tensor:
        y = x.clone()
        y[:1].add_(2.0**-30)
        return y

    output, _ = emulate(increment, {"x": tensor(1, 1)}, format="float32")
    assert output.tolist() == [1, 1]


def test_emulated_gradients_are_rounded_too():
    _, gradients = emulate(
        lambda x: x * (1 / 3), {"x": tensor(1.0, dtype=torch.float16)}, ["x"], format="float16"
    )
    assert gradients["x"] is not None
    assert gradients["x"].item() == float(np.float16(1 / 3))


def test_an_unknown_widening_says_what_to_write():
    with pytest.raises(ValueError, match="'range', 'significand', 'both'"):
        emulate(naive_softplus, {"x": tensor(1)}, format="float32", widen="exponent")


def test_the_shadow_of_an_expanded_number_keeps_its_low_part():
    """1 + 2**-40 needs more than float32 holds, and 1 + 2**-80 more than one double."""

    def small_differences(x):
        total = (x[:, :1] + x[:, 1:2]).expand(-1, 2)
        return (total + 0.0)[:, 0] - x[:, 0]

    record = trace(small_differences, {"x": torch.tensor([[1.0, 2.0**-80]])})
    assert float(record.sinks[0].error[0]) == 1  # nothing is left natively, everything in the shadow


def test_a_sharp_shadow_agrees_with_no_result_that_its_own_rounding_decides():
    def collapsed(x):
        return (1 + torch.exp(-x)) * 0.5 - (1 + torch.exp(-x)) / 2

    assert float(trace(collapsed, {"x": torch.tensor([80.0])}, sharp=2.0**-98).sinks[0].error[0]) > 0


def test_a_sharp_shadow_knows_what_a_fused_operator_loses_in_float64_too():
    record = trace(
        lambda x: torch.log_softmax(x, 1)[:, 0], {"x": torch.tensor([[64.0, 24.0]])}, sharp=2.0**-98
    )
    assert float(record.sinks[0].error[0]) == 1
    assert (
        float(
            trace(lambda x: torch.log_softmax(x, 1)[:, 0], {"x": torch.tensor([[64.0, 24.0]])})
            .sinks[0]
            .error[0]
        )
        == 0
    )
