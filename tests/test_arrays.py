"""What formulas are written with: values, shapes, three-valued comparisons, and messages for what cannot be."""

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numcheck.reals import tape
from numcheck.reals import vocabulary as m
from numcheck.reals.arb import ARB, UNKNOWN
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.arrays import Decision, Reals, VariesError, constant
from numcheck.reals.ball64 import BALL64, Balls
from numcheck.reals.mp import MP
from numcheck.reals.precision import precision

# The profile's examples, shared out where one test runs over a whole table.
SHARED = settings(max_examples=max(5, settings.default.max_examples // 10))
# Small integers: sums and products of them are exact in numpy's float64 too.
integers = st.integers(-50, 50).map(float)


def reals(points: Any, arithmetic: Any = ARB) -> Reals:
    """Points along the first axis."""
    return Reals(arithmetic, arithmetic.lift(np.asarray(points, dtype=np.float64)))


def floats(x: Reals) -> np.ndarray:
    if isinstance(x.data, Balls):
        assert x.data.low is None or not x.data.low.any()
        return x.data.high.numpy()
    return np.asarray(np.frompyfunc(float, 1, 1)(x.data), dtype=np.float64)


def matrices(*shape: int) -> Any:
    return hnp.arrays(np.float64, shape, elements=integers)


# Values against numpy's, exactly ----------------------------------------------------------------------------------

SAME_AS_NUMPY: dict[str, tuple[Callable[[Reals], Reals], Callable[[np.ndarray], np.ndarray]]] = {
    "sum over everything": (m.sum, lambda a: a.sum((1, 2))),
    "sum over rows": (lambda x: m.sum(x, 0), lambda a: a.sum(1)),
    "sum over the last axis": (lambda x: m.sum(x, -1), lambda a: a.sum(2)),
    "cumsum": (lambda x: m.cumsum(x, 0), lambda a: a.cumsum(1)),
    "cumsum along rows": (m.cumsum, lambda a: a.cumsum(2)),
    "max": (m.max, lambda a: a.max(2)),
    "min over columns": (lambda x: m.min(x, 0), lambda a: a.min(1)),
    "sort": (m.sort, lambda a: np.sort(a, 2)),
    "roll": (lambda x: m.roll(x, -1, 1), lambda a: np.roll(a, -1, 2)),
    "roll over rows": (lambda x: m.roll(x, 2), lambda a: np.roll(a, 2, 1)),
    "transpose": (m.transpose, lambda a: a.transpose(0, 2, 1)),
    "reshape": (lambda x: m.reshape(x, (4, 3)), lambda a: a.reshape(-1, 4, 3)),
    "a column": (lambda x: x[:, 1], lambda a: a[:, :, 1]),
    "rows in another order": (lambda x: x[[2, 0, 0]], lambda a: a[:, [2, 0, 0]]),
    "an ellipsis": (lambda x: x[..., 0], lambda a: a[..., 0]),
    "sign": (m.sign, np.sign),
    "absolute value": (abs, np.abs),
    "absolute value by name": (m.abs, np.abs),
    "clamp": (lambda x: m.clamp(x, -3, 7), lambda a: a.clip(-3, 7)),
    "negative": (operator.neg, np.negative),
    "square": (lambda x: x**2, lambda a: a * a),
    "dot of rows": (lambda x: m.dot(x, x), lambda a: (a * a).sum(2)),
    "matrix product": (lambda x: x @ m.transpose(x), lambda a: a @ a.transpose(0, 2, 1)),
    "matrix times vector": (lambda x: x @ x[0], lambda a: np.einsum("nij,nj->ni", a, a[:, 0])),
    "vector times matrix": (lambda x: x[:, 0] @ x, lambda a: np.einsum("ni,nij->nj", a[:, :, 0], a)),
    "stack": (lambda x: m.stack([x, 2 * x], 1), lambda a: np.stack([a, 2 * a], 2)),
    "concatenate": (lambda x: m.concatenate([x, x + 1], -1), lambda a: np.concatenate([a, a + 1], 2)),
    "where": (lambda x: m.where(x > 0, x, -2 * x), lambda a: np.where(a > 0, a, -2 * a)),
    "where by a row": (lambda x: m.where(x[0] >= 0, x, 0), lambda a: np.where(a[:, :1] >= 0, a, 0)),
    "maximum by broadcasting": (lambda x: m.maximum(x, x[0]), lambda a: np.maximum(a, a[:, :1])),
    "iteration": (lambda x: m.stack([2 * row for row in x]), lambda a: 2 * a),
    "zeros": (m.zeros_like, np.zeros_like),
}


@pytest.mark.parametrize("arithmetic", [ARB, MP, BALL64], ids=["arb", "mp", "ball64"])
@pytest.mark.parametrize("name", SAME_AS_NUMPY)
@SHARED
@given(a=matrices(2, 3, 4))
def test_exact_operations_give_what_numpy_gives(name: str, arithmetic: Any, a: np.ndarray) -> None:
    function, expected = SAME_AS_NUMPY[name]
    want = expected(a)
    with precision(128):
        got = floats(function(reals(a, arithmetic)))
    assert np.array_equal(np.broadcast_to(got, want.shape), want)


@given(a=matrices(3, 4))
def test_argsort_is_numpy_s_stable_one(a: np.ndarray) -> None:
    assert np.array_equal(m.argsort(reals(a)), np.argsort(a, axis=1, kind="stable"))


def test_a_point_has_a_shape_of_its_own_beside_the_lanes() -> None:
    x = reals(np.zeros((5, 3, 2)))
    assert (x.shape, x.ndim, len(x), x.lanes) == ((3, 2), 2, 3, 5)
    assert repr(x) == "Reals(arb, lanes=5, shape=(3, 2))"


def test_python_numbers_are_taken_exactly() -> None:
    with precision(256):
        x = reals([1.0])
        assert (x + 0.5).data[0] == arb(1.5)
        assert (x * Fraction(1, 2)).data[0].contains(arb(1) / 2)
        assert (10**40 + x).data[0] == arb(10**40 + 1)


def test_a_ratio_is_the_exact_quotient_and_not_the_float() -> None:
    with precision(256):
        got = (m.ratio(1, 10) * reals([1.0])).data[0]
        assert got.contains(arb(1) / 10) and not got.contains(arb(0.1))


@pytest.mark.parametrize(
    ("function", "want"),
    [
        (lambda r, x: r + x, "7/3"),
        (lambda r, x: x + r, "7/3"),
        (lambda r, x: r - x, "-5/3"),
        (lambda r, x: x - r, "5/3"),
        (lambda r, x: r / x, "1/6"),
        (lambda r, x: x / r, "6"),
        (lambda r, x: -r * x, "-2/3"),
    ],
)
def test_a_ratio_meets_reals_in_every_operation(function: Callable[[Any, Reals], Reals], want: str) -> None:
    fraction = Fraction(want)
    with precision(128):
        got = function(m.ratio(1, 3), reals([2.0])).data[0]
        assert got.contains(arb(fraction.numerator) / fraction.denominator)


def test_pi_is_no_float() -> None:
    with precision(300):
        got = (m.pi() * reals([2.0])).data[0]
        assert got.overlaps(2 * arb.pi()) and got.rad() < arb(2) ** -290


def test_xlogy_is_zero_at_zero_zero_and_infinite_slopes_do_not_matter() -> None:
    with precision(128):
        assert [float(v) for v in m.xlogy(reals([0.0, 0.0, 1.0]), reals([0.0, 3.0, 1.0])).data] == [0, 0, 0]


def test_log2_of_a_power_of_two_holds_the_exponent() -> None:
    with precision(128):
        assert m.log2(reals([2.0**-70])).data[0].contains(-70)


def test_tan_is_sine_over_cosine() -> None:
    with precision(128):
        assert m.tan(reals([1.0])).data[0].overlaps(arb(1).tan())


# Three-valued logic -----------------------------------------------------------------------------------------------

STATES = (YES, NO, UNDECIDED)


def decision(*states: int) -> Decision:
    return Decision(ARB, np.array(states, dtype=np.int8))


@pytest.mark.parametrize(("a", "b"), list(product(STATES, STATES)))
def test_and_and_or_are_kleene_s(a: int, b: int) -> None:
    rank = {NO: 0, UNDECIDED: 1, YES: 2}
    both, either = decision(a) & decision(b), decision(a) | decision(b)
    assert rank[int(both.states[0])] == min(rank[a], rank[b])
    assert rank[int(either.states[0])] == max(rank[a], rank[b])


@pytest.mark.parametrize(("state", "want"), [(YES, NO), (NO, YES), (UNDECIDED, UNDECIDED)])
def test_not_leaves_what_is_undecided(state: int, want: int) -> None:
    assert (~decision(state)).states[0] == want


OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@SHARED
@given(x=st.floats(allow_nan=False), y=st.floats(allow_nan=False))
@pytest.mark.parametrize("sign", OPERATORS)
@pytest.mark.parametrize("arithmetic", [ARB, MP, BALL64], ids=["arb", "mp", "ball64"])
def test_exact_numbers_are_compared_as_python_compares_them(
    sign: str, arithmetic: Any, x: float, y: float
) -> None:
    compare = OPERATORS[sign]
    with precision(128):
        for a, b in ((x, y), (x, x)):
            if arithmetic is BALL64 and a == b and np.isinf(a):
                continue  # the difference of two infinities tells nothing
            assert bool(compare(reals([a], arithmetic), reals([b], arithmetic))) == compare(a, b)


@pytest.mark.parametrize("sign", OPERATORS)
def test_a_square_root_squared_is_not_told_from_its_argument(sign: str) -> None:
    for bits in (128, 4096):
        with precision(bits):
            assert OPERATORS[sign](m.sqrt(reals([2.0])) ** 2, 2).states[0] == UNDECIDED


@pytest.mark.parametrize("sign", OPERATORS)
def test_what_is_unknown_compares_with_nothing(sign: str) -> None:
    unknown = Reals(ARB, np.array([UNKNOWN], dtype=object))
    assert OPERATORS[sign](unknown, 1).states[0] == UNDECIDED


def test_an_undecided_choice_encloses_both_branches_and_never_guesses() -> None:
    with precision(128):
        x = reals([2.0])
        got = m.where(m.sqrt(x) ** 2 == 2, 10, 20).data[0]
        assert got.contains(10) and got.contains(20)


def test_cancellation_is_undecided_first_and_decided_with_more_bits() -> None:
    tiny = 2.0**-300

    def chosen() -> Any:
        x = m.exp(reals([3.0]))
        return m.where(x + tiny - x > 0, 1, 0).data[0]

    with precision(128):
        assert chosen().contains(0) and chosen().contains(1)
    with precision(512):
        assert chosen() == 1


@given(x=st.floats(-1e300, 1e300), y=st.floats(-1e300, 1e300))
def test_an_undecided_maximum_holds_the_true_one(x: float, y: float) -> None:
    with precision(64):
        blurred = reals([x]) * m.pi() / m.pi()
        assert m.maximum(blurred, reals([y])).data[0].overlaps(arb(max(x, y)))


def test_a_nested_choice_takes_the_branch_of_each_lane() -> None:
    x = reals([-5.0, 0.5, 3.0])
    assert floats(m.where((x > 0) & (x < 1), x, m.where(x >= 1, 1, 0))).tolist() == [0, 0.5, 1]


def test_sorting_what_has_no_order_is_unknown_in_that_lane_alone() -> None:
    with precision(128):
        x = m.stack([m.sqrt(reals([2.0, 3.0])) ** 2, reals([2.0, 1.0])])
        got = m.sort(x).data
        assert not got[0, 0].is_finite()
        assert got[1, 0] == 1 and got[1, 1].contains(3)


# Messages ---------------------------------------------------------------------------------------------------------


def test_branching_on_what_differs_from_point_to_point_says_to_write_where() -> None:
    with pytest.raises(TypeError, match=r"m\.where\(condition, a, b\) instead of if"):
        bool(reals([1.0, -1.0]) > 0)


def test_branching_on_an_undecided_comparison_does_not_guess() -> None:
    with precision(128), pytest.raises(TypeError, match=r"write m\.where"):
        bool(m.sqrt(reals([2.0])) ** 2 == 2)


def test_a_single_constant_may_be_branched_and_indexed_on() -> None:
    label = constant(ARB, 1)
    assert label and not constant(ARB, 0)
    assert [10, 20][label] == 20
    assert floats(reals([[5.0, 7.0]])[label]).tolist() == [7]


def test_an_input_per_point_is_no_index_and_no_condition() -> None:
    with pytest.raises(TypeError, match=r"one_of"):
        bool(reals([1.0, 0.0]))
    with pytest.raises(TypeError, match=r"one_of"):
        operator.index(reals([1.0, 0.0]))


TABLE = [[[1.0, 2.0], [3.0, 5.0]], [[7.0, 11.0], [13.0, 17.0]], [[19.0, 23.0], [29.0, 31.0]]]


@pytest.mark.parametrize("arithmetic", [ARB, BALL64], ids=["arb", "ball64"])
def test_an_index_per_point_picks_the_element_of_each(arithmetic: Any) -> None:
    x, place = (Reals(arithmetic, arithmetic.lift(np.array(values))) for values in (TABLE, [1.0, 0.0, 1.0]))
    with precision(128):
        picked = x[place]
        assert picked.shape == (2,)
        for lane, row in enumerate((1, 0, 1)):
            for column in (0, 1):
                assert (x[row, column] == picked[column]).states[lane] == YES


@pytest.mark.parametrize("places", [[0.0, 2.0], [-1.0, 0.0], [0.5, 1.0]])
def test_an_index_per_point_lies_inside_at_every_point(places: list[float]) -> None:
    with precision(128), pytest.raises(VariesError, match="lies outside at some points"):
        reals([[1.0, 2.0], [3.0, 4.0]])[reals(places)]


def test_choices_that_all_decide_alike_may_be_branched_on_and_variables_may_not() -> None:
    with precision(128):
        assert reals([1.0, 2.0]) and not reals([0.0, 0.0])
        assert reals([1.0, 2.0]) > 0
        with pytest.raises(VariesError):
            bool(reals([1.0, -1.0]) > 0)
        with pytest.raises(VariesError):
            bool(tape.traced(reals([1.0, 2.0])) > 0)
        with pytest.raises(VariesError):
            bool(tape.traced(reals([1.0])) > 0)


def test_no_function_of_floats_takes_a_real_and_rounds_it() -> None:
    with precision(128), pytest.raises(TypeError, match="no float"):
        math.exp(reals([1.0]))


def test_half_an_index_is_none() -> None:
    with pytest.raises(TypeError, match=r"0\.5 is not an integer index"):
        operator.index(constant(ARB, 0.5))


def test_other_types_are_no_reals() -> None:
    with pytest.raises(TypeError, match="str is no real number"):
        reals([1.0]) + "1"  # type: ignore[operator]
    with pytest.raises(TypeError, match="ndarray is no real number"):
        reals([1.0]) + np.ones(1)  # type: ignore[operator]
    with pytest.raises(TypeError, match="at least one Reals"):
        m.maximum(1, 2)
