"""Derivatives: every rule of the table against mpmath's differences, kinks, absent zeros and implicit derivatives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb

from numcheck.reals import vocabulary as m
from numcheck.reals.arb import ARB, is_infinite, is_undefined
from numcheck.reals.arrays import Reals, apply
from numcheck.reals.ball64 import BALL64, Balls, unscaled
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.precision import precision
from numcheck.reals.tape import RULES, absent, gradient, one_hot

BITS = 256  # of the balls
STEP = -200  # the differences' step is 2**STEP; their own error is of the order of its square
DIFFERENCE_BITS = 1600


@dataclass(frozen=True)
class Example:
    """A program in which a rule is used, and where its derivatives are taken."""

    program: Callable[..., Reals]
    inputs: tuple[Any, ...]


def _sorted_rows(x: Reals) -> Reals:
    # each row of the matrix is sorted in an order of its own
    return m.sort(x * x) * m.sort(x)


def _select(x: Reals) -> Reals:
    return m.where(x > 1, x * x * x, m.where(x > 0, m.exp(x), m.sin(x)))


MATRIX = [[0.5, -1.25, 2.0], [3.0, 0.125, -0.75]]
EXAMPLES: dict[str, Example] = {
    "add": Example(lambda x, y: (x + y + 1) ** 3, ([0.5, 2.0], [[1.0], [3.0]])),
    "sub": Example(lambda x, y: (x - y) ** 3 + (1 - x) ** 2 * y, ([0.5, 2.0], [[1.0], [3.0]])),
    "mul": Example(lambda x, y: x * y * x * 3, ([0.5, 2.0], [[1.0], [3.0]])),
    "div": Example(lambda x, y: x / y + 1 / x, ([0.5, -2.0], [[1.5], [-3.0]])),
    "neg": Example(lambda x: -(x * x), ([0.5, -2.0],)),
    "power": Example(lambda x: x**3 + x**-2 + x**2 + x**1 + x**0 + (2 * x) ** 5, ([0.5, -2.0],)),
    "pow": Example(
        lambda x, y: x**y + x ** m.ratio(1, 3).reals(x.arithmetic) + 2**y, ([0.5, 2.5], [[1.5], [-2.25]])
    ),
    "exp": Example(lambda x: m.exp(x * x), ([0.5, -2.0],)),
    "expm1": Example(lambda x: m.expm1(x) ** 2, ([2**-20, -2.0],)),
    "log": Example(lambda x: m.log(x) ** 2 + m.log2(x), ([0.5, 7.0],)),
    "log1p": Example(lambda x: m.log1p(x) ** 2, ([2**-20, -0.75, 3.0],)),
    "sqrt": Example(lambda x: m.sqrt(1 + x * x), ([0.5, -2.0],)),
    "rsqrt": Example(lambda x: m.rsqrt(x), ([0.5, 2.0],)),
    "inverse": Example(lambda x: apply("inverse", x), ([0.5, 2.0],)),
    "cbrt": Example(lambda x: m.cbrt(x) ** 2, ([0.5, -7.0],)),
    "sin": Example(lambda x: m.sin(x) * m.tan(x), ([0.5, -2.0],)),
    "cos": Example(lambda x: m.cos(x * x), ([0.5, -2.0],)),
    "atan": Example(lambda x: m.atan(x), ([0.5, -2.0],)),
    "atan2": Example(lambda y, x: m.atan2(y, x), ([0.5, -2.0], [[1.0], [-3.0]])),
    "sinh": Example(lambda x: m.sinh(x), ([0.5, -2.0],)),
    "cosh": Example(lambda x: m.cosh(x), ([0.5, -2.0],)),
    "tanh": Example(lambda x: m.tanh(x), ([0.5, -2.0, 20.0],)),
    "asin": Example(lambda x: m.asin(x) ** 2, ([0.5, -0.875],)),
    "acos": Example(lambda x: m.acos(x) ** 2, ([0.5, -0.875],)),
    "acosh": Example(lambda x: m.acosh(x) ** 2, ([1.25, 7.0],)),
    "asinh": Example(lambda x: m.asinh(x), ([0.5, -2.0],)),
    "atanh": Example(lambda x: m.atanh(x), ([0.5, -0.875],)),
    "erf": Example(lambda x: m.erf(x), ([0.5, -2.0],)),
    "erfc": Example(lambda x: m.erfc(x), ([0.5, 4.0],)),
    "erfcx": Example(lambda x: m.erfcx(x) + m.log_ndtr(x), ([0.5, -2.0, 7.0],)),
    "erfinv": Example(lambda x: m.erfinv(x), ([0.5, -0.875],)),
    "erfcinv": Example(lambda x: m.ndtri(x), ([0.25, 0.875],)),
    "entr": Example(lambda x: m.entr(x), ([0.5, 7.0],)),
    "gamma": Example(lambda x: m.tgamma(x), ([0.5, 7.0, -1.5],)),
    "lgamma": Example(lambda x: m.lgamma(x), ([0.5, 7.0],)),
    "bessel_i": Example(lambda x: m.i0(x) * m.i1(x) + m.bessel_i(3, x), ([0.5, 7.0, -2.0],)),
    "bessel_ie": Example(lambda x: m.i0e(x) * m.i1e(x), ([0.5, 7.0, -2.0],)),
    "bessel_j": Example(lambda x: m.j0(x) * m.j1(x) + m.bessel_j(3, x), ([0.5, 7.0, -2.0],)),
    "bessel_y": Example(lambda x: m.y0(x) * m.y1(x) + m.bessel_y(3, x), ([0.5, 7.0],)),
    "spherical_j": Example(lambda x: m.sinc(x), ([0.5, 7.0, -2.0, 0.0],)),
    "floor": Example(lambda x: m.exp(x * m.floor(x)), ([0.5, -2.25],)),
    "ceil": Example(lambda x: m.exp(x * m.ceil(x)), ([0.5, -2.25],)),
    "trunc": Example(lambda x: m.fmod(x * x, 1) * m.exp(m.trunc(x)), ([0.5, -2.25],)),
    "round": Example(lambda x: m.exp(x * m.round(x)), ([0.25, -2.25],)),
    "digamma": Example(lambda x: m.digamma(x), ([0.5, 7.0, -1.5],)),
    "zeta": Example(lambda s, x: m.zeta(s, x) + m.polygamma(1, x) + m.zeta(2 * s), ([1.5, 7.0], [0.5, 3.0])),
    "times_pi": Example(lambda x: apply("times_pi", x * x) + m.pi() * x, ([0.5, 7.0],)),
    "abs": Example(lambda x: m.abs(x) ** 3, ([0.5, -7.0],)),
    "maximum": Example(lambda x, y: m.maximum(x * x, y) ** 2, ([0.5, -3.0], [[1.0], [7.0]])),
    "minimum": Example(lambda x, y: m.clamp(x * x, y, 8) * m.minimum(x, y), ([0.5, -3.0], [[1.0], [7.0]])),
    "select": Example(_select, ([0.5, -3.0, 2.0],)),
    "pin": Example(lambda x, y: m.root(lambda t: t**3 + x * t - y, 0, 10), ([1.5, 3.0], [5.0, 2.0])),
    "sum": Example(lambda x: m.sum(x * x, 0) * m.mean(x, 0) + m.sum(x), (MATRIX,)),
    "norm": Example(lambda x: m.norm(x, -1) * m.norm(x), (MATRIX,)),
    "index": Example(lambda x: x[0, 1:] ** 2 * x[1, [0, 0]] * x[..., [2, 1, 2]][1, :2], (MATRIX,)),
    "scatter": Example(
        lambda x: apply("scatter", x * x, parameters=((slice(None), [2, 0, 2]), (2, 4))) ** 2, (MATRIX,)
    ),
    "reshape": Example(lambda x: m.reshape(x * x, (3, 2))[1] ** 2, (MATRIX,)),
    "transpose": Example(lambda x: m.matmul(m.transpose(x), x) @ x[0], (MATRIX,)),
    "broadcast": Example(
        lambda x: m.broadcast(m.sum(x * x, 0), (4, 3)) ** 2 * m.roll(x, 1, -1)[0], (MATRIX,)
    ),
    "concatenate": Example(
        lambda x, y: m.cumsum(m.concatenate([x, y, x * y])) ** 2, ([0.5, 2.0], [-1.0, 3.0])
    ),
    "permute": Example(
        lambda x: apply("permute", x * x, parameters=(np.array([[[1, 2, 0], [0, 2, 1]]]), 1)) * x, (MATRIX,)
    ),
    "sort": Example(_sorted_rows, (MATRIX,)),
}


def lifted(arithmetic: Any, inputs: Sequence[Any], trace: bool = False) -> list[Reals]:
    return [Reals(arithmetic, arithmetic.lift(np.array([x], dtype=np.float64)), None, trace) for x in inputs]


def weighted(output: Reals) -> Reals:
    """One number in which every component counts differently."""
    size = int(np.prod(output.shape))
    weights = Reals(output.arithmetic, output.arithmetic.lift(np.arange(1, size + 1).reshape((1, size))))
    return m.sum(m.reshape(output, (size,)) * weights)


def flat_gradient(output: Reals, variables: list[Reals]) -> Reals:
    found = gradient(output, m.zeros_like(output) + 1, variables)
    parts = [m.zeros_like(x) if part is None else part for part, x in zip(found, variables, strict=True)]
    return m.concatenate([m.reshape(part, (int(np.prod(part.shape)),)) for part in parts])


def value_at(program: Callable[..., Reals], inputs: Sequence[Any], moves: dict[int, Any]) -> Any:
    """The weighted output in mpmath with some of the flattened inputs moved."""
    arguments, start = lifted(MP, inputs), 0
    for argument in arguments:
        flat = argument.data.reshape(-1)
        for i, move in moves.items():
            if start <= i < start + flat.size:
                flat[i - start] = flat[i - start] + move
        start += flat.size
    return weighted(program(*arguments)).data.flat[0]


def exactly(x: Any) -> Any:
    mantissa, exponent = x.man_exp()
    return CONTEXT.ldexp(CONTEXT.mpf(int(mantissa)), int(exponent))


def holds(ball: Any, difference: Any) -> bool:
    """Within the ball, give or take what a difference of step 2**STEP leaves out: far below 2**(STEP + 40)."""
    middle, radius = exactly(ball.mid()), exactly(ball.rad())
    return bool(abs(difference - middle) <= radius + (1 + abs(middle)) * CONTEXT.mpf(2) ** (STEP + 40))


def as_arb(x: Reals) -> Any:
    """The balls of `x` as Arb's, at the current precision."""
    if not isinstance(x.data, Balls):
        return x.data
    data = unscaled(x.data)
    parts = [
        torch.zeros_like(data.high) if part is None else part.broadcast_to(data.high.shape)
        for part in (data.high, data.low, data.radius)
    ]
    flat = zip(*(part.ravel().tolist() for part in parts), strict=True)
    balls = np.empty(x.data.size, dtype=object)
    balls[:] = [arb(high) + arb(low, radius) for high, low, radius in flat]
    return balls.reshape(x.data.shape)


ARITHMETICS = pytest.mark.parametrize(
    ("arithmetic", "widest"), [(ARB, 2.0**-150), (BALL64, 2.0**-36)], ids=["arb", "ball64"]
)
UNKNOWN_IN_FLOAT64 = set("digamma zeta gamma bessel_i bessel_ie bessel_j bessel_y spherical_j".split())
"""Programs with a point, or a derivative, that float64 balls leave to Arb."""


def operations(output: Reals) -> set[str]:
    seen: dict[int, Reals] = {}
    pending = [output]
    while pending:
        node = pending.pop()
        if node.serial not in seen:
            seen[node.serial] = node
            pending.extend(node.origin.operands if node.origin else ())
    return {node.origin.operation for node in seen.values() if node.origin}


@pytest.mark.parametrize("operation", RULES)
def test_every_rule_has_an_example_that_uses_it(operation: str) -> None:
    assert operation in EXAMPLES, f"give EXAMPLES a program that uses {operation!r}"
    with precision(BITS):
        variables = lifted(ARB, EXAMPLES[operation].inputs, True)
        assert operation in operations(EXAMPLES[operation].program(*variables))


@ARITHMETICS
@pytest.mark.parametrize("operation", [name for name in RULES if name in EXAMPLES])
def test_the_first_derivatives_are_those_of_mpmath(operation: str, arithmetic: Any, widest: float) -> None:
    example = EXAMPLES[operation]
    with precision(BITS):
        variables = lifted(arithmetic, example.inputs, True)
        slopes = as_arb(flat_gradient(weighted(example.program(*variables)), variables))[0]
    with precision(DIFFERENCE_BITS):
        step = CONTEXT.mpf(2) ** STEP
        for i, slope in enumerate(slopes):
            ahead = value_at(example.program, example.inputs, {i: step})
            behind = value_at(example.program, example.inputs, {i: -step})
            if arithmetic is BALL64 and operation in UNKNOWN_IN_FLOAT64 and not slope.is_finite():
                continue
            assert slope.rad() < widest
            assert holds(slope, (ahead - behind) / (2 * step)), (i, slope)


@ARITHMETICS
@pytest.mark.parametrize("operation", [name for name in RULES if name in EXAMPLES])
def test_the_second_derivatives_are_those_of_mpmath(operation: str, arithmetic: Any, widest: float) -> None:
    example = EXAMPLES[operation]
    with precision(BITS):
        variables = lifted(arithmetic, example.inputs, True)
        slopes = flat_gradient(weighted(example.program(*variables)), variables)
        rows = [
            as_arb(flat_gradient(slopes[i], variables))[0] if slopes.traced else [arb(0)] * len(slopes)
            for i in range(len(slopes))
        ]
    with precision(DIFFERENCE_BITS):
        step = CONTEXT.mpf(2) ** STEP
        for i, row in enumerate(rows):
            for j, curvature in enumerate(row):
                if j < i:
                    continue
                corners = [
                    value_at(example.program, example.inputs, {i: a, j: b} if i != j else {i: a + b})
                    for a, b in ((step, step), (step, -step), (-step, step), (-step, -step))
                ]
                difference = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step * step)
                if arithmetic is BALL64 and operation in UNKNOWN_IN_FLOAT64 and not curvature.is_finite():
                    continue
                assert curvature.rad() < (widest * 2.0**50 if arithmetic is ARB else 2.0**-30)
                assert holds(curvature, difference), (i, j, curvature, CONTEXT.nstr(difference, 30))
                assert curvature.overlaps(rows[j][i])


def test_a_batch_has_the_derivatives_of_its_points() -> None:
    points = [[0.5, -2.0, 3.0], [7.0, 0.25, -1.0]]

    def program(x: Reals) -> Reals:
        return m.sum(m.exp(x) * m.sort(x)) / m.norm(x)

    with precision(BITS):
        together = Reals(ARB, ARB.lift(np.array(points)), None, True)
        output = program(together)
        slopes = gradient(output, m.zeros_like(output) + 1, [together])[0]
        assert slopes is not None
        for lane, point in enumerate(points):
            alone = lifted(ARB, [point], True)
            want = flat_gradient(program(*alone), alone).data[0]
            assert all(a.overlaps(b) for a, b in zip(slopes.data[lane], want, strict=True))


# Kinks ------------------------------------------------------------------------------------------------------------


def slopes_at(program: Callable[..., Reals], *inputs: Any, bits: int = BITS) -> list[Any]:
    with precision(bits):
        variables = lifted(ARB, inputs, True)
        return list(flat_gradient(m.sum(program(*variables)), variables).data[0])


def is_interval(ball: Any, low: float, high: float) -> bool:
    """Whether the ball holds [low, high] and hardly more."""
    with precision(BITS):
        wider = arb((low + high) / 2, (high - low) / 2 * (1 + 2**-20) + 2.0**-60)
        return bool(ball.contains(low) and ball.contains(high) and wider.contains(ball))


@pytest.mark.parametrize(
    ("name", "program", "inputs", "intervals"),
    [
        ("abs", lambda x: abs(x), (0.0,), [(-1, 1)]),
        ("abs of a scaled number", lambda x: abs(3 * x) * m.exp(x), (0.0,), [(-3, 3)]),
        ("maximum", lambda x, y: m.maximum(x, y), (2.0, 2.0), [(0, 1), (0, 1)]),
        ("minimum", lambda x, y: m.minimum(x, y), (2.0, 2.0), [(0, 1), (0, 1)]),
        ("maximum with a constant", lambda x: m.maximum(x, 0), (0.0,), [(0, 1)]),
        ("clamp below", lambda x: m.clamp(x, -1, 1), (-1.0,), [(0, 1)]),
        ("clamp above", lambda x: m.clamp(x, -1, 1), (1.0,), [(0, 1)]),
        ("clamp inside", lambda x: m.clamp(x, -1, 1), (0.5,), [(1, 1)]),
        ("clamp outside", lambda x: m.clamp(x, -1, 1), (1.5,), [(0, 0)]),
        ("max", lambda x: m.max(x), ([1.0, 3.0, 3.0],), [(0, 0), (0, 1), (0, 1)]),
        ("min", lambda x: m.min(x), ([1.0, 3.0, 1.0],), [(0, 1), (0, 0), (0, 1)]),
        ("norm", lambda x: m.norm(x), ([0.0, 0.0],), [(-1, 1), (-1, 1)]),
        ("norm away from zero", lambda x: m.norm(x), ([0.0, 2.0],), [(0, 0), (1, 1)]),
        ("where takes the second branch", lambda x: m.where(x > 0, x, 0), (0.0,), [(0, 0)]),
        ("where takes the first branch", lambda x: m.where(x >= 0, x, 0), (0.0,), [(1, 1)]),
        ("sign", lambda x: m.sign(x), (0.0,), [(0, 0)]),
        ("sort", lambda x: m.sort(x)[0], ([2.0, 1.0, 1.0],), [(0, 0), (0, 1), (0, 1)]),
        ("a sum over what is sorted", lambda x: m.sum(m.sort(x) ** 2), ([1.0, 1.0],), [(2, 2), (2, 2)]),
        ("sort without a tie", lambda x: m.sort(x)[0], ([2.0, 1.0, 3.0],), [(0, 0), (1, 1), (0, 0)]),
    ],
)
def test_at_a_tie_the_derivative_is_the_interval(
    name: str, program: Callable[..., Reals], inputs: tuple[Any, ...], intervals: list[tuple[float, float]]
) -> None:
    for slope, (low, high) in zip(slopes_at(program, *inputs), intervals, strict=True):
        assert is_interval(slope, low, high), f"{name}: {slope} for [{low}, {high}]"


def test_an_undecided_tie_is_unknown_until_precision_is_unlikely_to_decide_it() -> None:
    def program(x: Reals) -> Reals:
        return m.maximum(m.sqrt(x) ** 2, 2) * 1

    assert not slopes_at(program, 2.0, bits=256)[0].is_finite()
    assert is_interval(slopes_at(program, 2.0, bits=2048)[0], 0, 1)


def test_a_tie_that_looks_undecided_at_first_is_decided_later() -> None:
    def program(x: Reals) -> Reals:
        return m.maximum((x + 2.0**-300) - x, 0)  # the exact value is 2**-300: no tie

    def where(x: Reals) -> Reals:
        return m.where(m.exp(x) > m.exp(x - 2.0**-300), x * x, 5 * x)

    assert not slopes_at(where, 3.0, bits=128)[0].is_finite()
    assert is_interval(slopes_at(where, 3.0, bits=512)[0], 6, 6)
    assert is_interval(slopes_at(program, 3.0, bits=512)[0], 0, 0)


# Absent zeros and singular points ---------------------------------------------------------------------------------


def test_the_branch_not_taken_adds_nothing_though_its_derivative_is_infinite() -> None:
    assert is_interval(slopes_at(lambda x: m.where(x > 0, m.sqrt(x), 0), 0.0)[0], 0, 0)
    assert is_interval(slopes_at(lambda x: m.where(x == 0, 0, m.log(x)), 0.0)[0], 0, 0)
    assert is_interval(slopes_at(lambda x: m.sqrt(x)[1], [0.0, 4.0])[0], 0, 0)


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize(
    "program",
    [
        lambda x: m.sqrt(x) ** 2,
        lambda x: m.sqrt(x) * m.sqrt(x),
        lambda x: m.sqrt(x * x),
        lambda x: m.exp(m.log(x)),
        lambda x: x * m.log(x),
        lambda x: x * m.rsqrt(x),
    ],
)
def test_an_ordinary_zero_times_an_infinite_derivative_is_no_number(
    program: Callable[[Reals], Reals], bits: int
) -> None:
    assert not slopes_at(program, 0.0, bits=bits)[0].is_finite()


@pytest.mark.parametrize("bits", [128, 256])
def test_the_slope_of_a_square_root_at_zero_is_plus_infinity(bits: int) -> None:
    (slope,) = slopes_at(m.sqrt, 0.0, bits=bits)
    assert is_infinite(slope) and slope > 0
    (slope,) = slopes_at(lambda x: -3 * m.sqrt(x), 0.0, bits=bits)
    assert is_infinite(slope) and slope < 0
    assert is_undefined(slopes_at(lambda x: m.sqrt(x) + m.sqrt(-x), 0.0)[0])


def test_a_selected_component_has_no_derivative_by_the_others_even_where_those_are_infinite() -> None:
    with precision(BITS):
        x = Reals(ARB, ARB.lift(np.array([[0.0, 4.0]])), None, True)
        roots = m.sqrt(x)
        slope = gradient(roots, one_hot(roots, np.array([[False, True]])), [x])[0]
        assert slope is not None
        assert float(slope.data[0, 0]) == 0
        assert slope.data[0, 1].contains(0.25)


def test_what_the_output_does_not_depend_on_has_no_derivative() -> None:
    with precision(BITS):
        x, y = lifted(ARB, [1.0, 2.0], True)
        output = x * x
        assert gradient(output, m.zeros_like(output) + 1, [x, y])[1] is None


def test_absent_derivatives_are_zeros_to_look_at() -> None:
    with precision(BITS):
        (x,) = lifted(ARB, [3.0], True)
        assert float(absent(x, (2,)).data[0, 1]) == 0


# Roots ------------------------------------------------------------------------------------------------------------


def test_a_root_has_the_derivatives_of_its_closed_form() -> None:
    # t = a / b, as the root of b * t - a
    with precision(BITS):
        a, b = lifted(ARB, [3.0, 7.0], True)
        root = m.root(lambda t: b * t - a, 0, 5)
        first = flat_gradient(root, [a, b])
        assert root.data[0].contains(arb(3) / 7)
        for got, want in zip(first.data[0], (arb(1) / 7, -arb(3) / 49), strict=True):
            assert got.overlaps(want) and got.rad() < 2.0**-200
        second = [flat_gradient(first[i], [a, b]).data[0] for i in range(2)]
        wanted = [[arb(0), -arb(1) / 49], [-arb(1) / 49, arb(6) / 343]]
        for row, wanted_row in zip(second, wanted, strict=True):
            for got, want in zip(row, wanted_row, strict=True):
                assert got.overlaps(want) and got.rad() < 2.0**-150


def test_the_cube_root_as_a_root_has_first_and_second_derivatives() -> None:
    with precision(BITS):
        (y,) = lifted(ARB, [5.0], True)
        root = m.root(lambda t: t**3 - y, 0, 5)
        first = flat_gradient(root, [y])
        second = flat_gradient(first[0], [y])
        five = arb(5)
        third = arb(1) / 3
        assert first.data[0, 0].overlaps(five ** (-2 * third) / 3)
        assert second.data[0, 0].overlaps(-2 * five ** (-5 * third) / 9)
        assert second.data[0, 0].rad() < 2.0**-150


def test_a_root_beyond_the_ends_is_the_nearer_end() -> None:
    with precision(BITS):
        (y,) = lifted(ARB, [[-5.0, 500.0]])
        root = m.root(lambda t: t**3 - y, 0, 5)
        assert [float(x) for x in root.data[0]] == [0, 5]


def test_a_root_per_lane() -> None:
    with precision(BITS):
        y = Reals(ARB, ARB.lift(np.array([2.0, 3.0, 5.0])), None, True)
        root = m.root(lambda t: t * t - y, 0, 4)
        slope = gradient(root, m.zeros_like(root) + 1, [y])[0]
        assert slope is not None
        for lane, square in enumerate((2, 3, 5)):
            assert root.data[lane].overlaps(arb(square).sqrt())
            assert slope.data[lane].overlaps(1 / (2 * arb(square).sqrt()))


def test_a_root_may_use_its_inputs_through_another_function_or_a_list() -> None:
    with precision(BITS):
        (y,) = lifted(ARB, [2.0], True)

        def square_minus(t: Reals) -> Reals:
            return t * t - y

        parts = [y, y]
        assert m.root(lambda t: square_minus(t), 0, 4).data[0].overlaps(arb(2).sqrt())
        assert m.root(lambda t: t * t - parts[0], 0, 4).data[0].overlaps(arb(2).sqrt())


def test_a_root_of_a_function_that_ignores_its_argument_says_so() -> None:
    with precision(BITS):
        (y,) = lifted(ARB, [2.0], True)
        with pytest.raises(ValueError, match="needs a function of its argument"):
            m.root(lambda t: y * 1, 0, 4)
        with pytest.raises(ValueError, match="must use at least one"):
            m.root(lambda t: t, 0, 4)
