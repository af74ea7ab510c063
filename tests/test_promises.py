"""What a formula promises is checked before anything is judged by it, and what judges nothing never passes."""

from fractions import Fraction

import mpmath
import pytest
import torch
from commands import told_by
from hypothesis import given
from hypothesis import strategies as st

from numcheck import check, explain, m, one_of, real, sweep, ulps, vector
from numcheck.declaration.formulas import Formula, formula_of
from numcheck.declaration.mistakes import FormulaError
from numcheck.declaration.words import DeclarationError, ExitCode, UsageError
from numcheck.reals.enclosures import ContradictionError
from numcheck.reals.mp import CONTEXT, UNARY
from numcheck.runs import verdict_of
from numcheck.truth import expect_promises, known_texts


def made(function, known, **inputs) -> Formula:
    return formula_of(function, "a test", known, None, inputs)


def same(x):
    """The number itself."""
    return 1 * x


def logarithm(x):
    """Natural logarithm."""
    return m.log(x)


def halves(x):
    """Two halves of a number."""
    return m.stack([x / 2, x / 2])


def test_a_law_that_says_nothing_anywhere_is_refused():
    formula = made(same, [], x=real(-2, 2))

    @formula.law
    def nowhere(f, x):
        """Beside what has no value."""
        return f(x), m.sqrt(-1 - x * x)

    with pytest.raises(UsageError, match="its law nowhere promises nothing: a side of it has no value"):
        expect_promises(formula)


def test_a_law_may_say_nothing_at_some_points():
    formula = made(same, [], x=real(-2, 2))

    @formula.law
    def right_of_zero(f, x):
        """A number is the square of its root."""
        return f(x), m.sqrt(x) ** 2

    expect_promises(formula)


# Known values -----------------------------------------------------------------------------------------------------

LOG_2 = "0.69314718055994530941723212145817656807550013436025525412068"


@given(st.integers(1, 58))
def test_any_number_of_digits_is_accepted_cut_off_or_rounded(count):
    cut = LOG_2[: 2 + count]
    with mpmath.workdps(80):
        rounded = mpmath.nstr(mpmath.mpf(LOG_2), count, strip_zeros=False)
    for text in (cut, rounded):
        expect_promises(made(logarithm, [((2,), text)], x=real(1, 4)))


@given(st.integers(1, 58), st.sampled_from([-2, 2, 7]))
def test_a_wrong_digit_is_refused_wherever_it_stands(place, by):
    digits = LOG_2[2 : 2 + place]
    wrong = str(int(digits) + by).zfill(place)
    with pytest.raises(UsageError, match=r"declared as 0\.\d+, but the formula gives 0\.6931471805599453"):
        expect_promises(made(logarithm, [((2,), f"0.{wrong}")], x=real(1, 4)))


@pytest.mark.parametrize(
    ("text", "held", "refused"),
    [
        ("0.00", ["0", "0.00999", "-0.00999"], ["0.0101", "-0.0101"]),
        ("1.0", ["0.9501", "1.0999"], ["0.9499", "1.1001"]),
        ("-1.0", ["-0.9501", "-1.0999"], ["-0.9499", "-1.1001", "1.0"]),
        ("-2e3", ["-1501", "-2999"], ["-1499", "-3001"]),
        ("1", ["1"], ["1.0000001", "0.9999999"]),
        ("0", ["0"], ["1e-30", "-1e-30"]),
    ],
)
def test_a_text_stands_for_what_it_is_the_rounding_of_or_has_the_first_digits_of(text, held, refused):
    def accepted(number: str) -> bool:
        numerator, denominator = Fraction(number).as_integer_ratio()
        try:
            expect_promises(made(lambda x: x * m.ratio(numerator, denominator), [((1,), text)], x=real(0, 1)))
        except UsageError:
            return False
        return True

    assert [accepted(number) for number in held] == [True] * len(held)
    assert [accepted(number) for number in refused] == [False] * len(refused)


@pytest.mark.parametrize(("beyond", "accepted"), [(2.0**-45, False), (-(2.0**-45), True)])
def test_a_ball_that_reaches_beyond_the_digits_is_told_by_more_bits(beyond, accepted):
    """0.5 stands for numbers up to 0.6; at 128 bits the ball is 2**-41 wide."""
    formula = made(
        lambda x: m.ratio(6, 10) + beyond + (m.exp(60 * x) - m.exp(60 * x)), [((1,), "0.5")], x=real(0, 1)
    )
    if accepted:
        expect_promises(formula)
    else:
        with pytest.raises(UsageError, match="is declared as"):
            expect_promises(formula)


def test_a_negative_integer_that_no_ball_holds_exactly_is_known_too():
    expect_promises(made(lambda x: -m.exp(m.log(x)), [((3,), "-3")], x=real(1, 4)))


def test_a_last_digit_that_is_rounded_away_from_the_truth_is_refused():
    with pytest.raises(UsageError):
        expect_promises(made(logarithm, [((2,), "0.694")], x=real(1, 4)))  # 0.6931...


def test_an_integer_without_a_point_is_exact():
    expect_promises(made(same, [((3,), "3")], x=real(0, 4)))
    with pytest.raises(UsageError, match=r"declared as 1, but the formula gives 1\.25"):
        expect_promises(made(same, [((1.25,), "1")], x=real(0, 4)))


def test_infinite_values_are_known_too():
    expect_promises(made(logarithm, [((0,), "-inf")], x=real(0, 4)))
    with pytest.raises(UsageError, match="declared as inf"):
        expect_promises(made(logarithm, [((0,), "inf")], x=real(0, 4)))


def test_a_value_known_where_the_formula_has_none_is_refused():
    with pytest.raises(UsageError, match="the formula gives no value there"):
        expect_promises(made(logarithm, [((-1,), "0")], x=real(-2, 2)))


def test_of_several_outputs_the_first_ones_may_be_known():
    expect_promises(made(halves, [((3,), "1.5"), ((3,), "1.5, 1.5")], x=real(0, 4)))
    with pytest.raises(UsageError, match=r"declared as 1\.5,2, but the formula gives 1\.5,1\.5"):
        expect_promises(made(halves, [((3,), "1.5,2")], x=real(0, 4)))
    with pytest.raises(UsageError, match="has 3 numbers, the formula 2"):
        expect_promises(made(halves, [((3,), "1.5,1.5,1.5")], x=real(0, 4)))


def test_as_many_numbers_are_told_instead_as_were_declared():
    with pytest.raises(UsageError, match=r"declared as 2, but the formula gives 1\.5$"):
        expect_promises(made(halves, [((3,), "2")], x=real(0, 4)))


def test_what_is_no_decimal_number_is_refused_with_what_to_write():
    with pytest.raises(UsageError, match=r"'log 2' is no decimal number: write 0\.6931"):
        expect_promises(made(logarithm, [((2,), "log 2")], x=real(1, 4)))


def test_a_known_value_outside_of_the_domain_is_refused():
    with pytest.raises(UsageError, match=r"its known value at \(5,\) lies outside"):
        expect_promises(made(same, [((5,), "5")], x=real(-2, 2)))
    with pytest.raises(UsageError, match="lies outside"):
        expect_promises(made(lambda label: 1 * label, [((2,), "2")], label=one_of(0, 1)))


def test_a_setting_may_be_known_that_is_never_drawn():
    expect_promises(
        made(lambda x, rate: rate * x, [((1, 0.5), "0.5")], x=real(-2, 2), rate=one_of(0.1, 0.01))
    )


def test_a_known_value_with_too_many_arguments_is_refused_where_it_is_declared():
    with pytest.raises(DeclarationError, match="has 1 arguments"):
        made(same, [((1, 2), "1")], x=real(-2, 2))


# Laws -------------------------------------------------------------------------------------------------------------


def with_law(law, function=same, **inputs) -> tuple[Formula, list[int]]:
    """A formula with one law, and a list in which it writes of how many points at once it has been asked."""
    formula, asked = made(function, [], **inputs or {"x": real(-2, 2)}), list[int]()

    def stated(f, *numbers):
        """It."""
        asked.append(len(next(x.data for x in numbers if hasattr(x, "data"))))
        return law(f, *numbers)

    formula.law(stated)
    return formula, asked


def is_kept(law, function=same, **inputs) -> bool:
    try:
        expect_promises(with_law(law, function, **inputs)[0])
    except UsageError:
        return False
    return True


def cancelling(x):
    """exp(-x), of which so many bits as x / log(2) are lost."""
    return m.log(1 + m.exp(-x))


def test_a_law_is_looked_at_at_eight_points_of_each_size():
    formula, asked = with_law(lambda f, x: (m.sum(f(x)), m.sum(x)), x=vector(-1, 1, sizes=(2, 3)))
    expect_promises(formula)
    assert asked == [8, 8]


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_law_that_is_false_at_some_points_is_refused_with_one_of_those(sign):
    formula, _ = with_law(lambda f, x: (f(x), m.where(sign * x > 0, 3, x)))
    number = r"-\d\S+" if sign < 0 else r"\d\S+"
    told = rf"its law stated \(It\.\) is false: {number} is not 3\S* at x={number}$"
    with pytest.raises(UsageError, match=told):
        expect_promises(formula)


def test_a_law_that_is_false_of_one_output_is_refused():
    rows = vector(1, 2, sizes=(3,))
    assert is_kept(lambda f, x: (f(x), m.stack([x[0], x[1], x[2]])), x=rows)
    assert not is_kept(lambda f, x: (f(x), m.stack([x[0], x[1], x[1]])), x=rows)


def test_a_law_that_hangs_on_no_input_is_held_too():
    assert is_kept(lambda f, x: (1, 1))
    with pytest.raises(UsageError, match=r"its law stated .* false: 1\.0* is not 2\.0* at x=\S+$"):
        expect_promises(with_law(lambda f, x: (1, 2))[0])


def test_what_is_false_of_a_law_is_told_with_twenty_digits_of_the_first_numbers_that_differ():
    told = "0.33333333333333333333 is not 0.66666666666666666667 at x="
    with pytest.raises(UsageError, match=told):
        expect_promises(with_law(lambda f, x: (m.ratio(1, 3), m.ratio(2, 3)))[0])
    sides = [1, m.ratio(1, 3), 5], [1, m.ratio(2, 3), 7]
    with pytest.raises(UsageError, match=told):
        expect_promises(with_law(lambda f, x: tuple(m.stack([0 * x + n for n in side]) for side in sides))[0])


def test_a_law_that_needs_more_bits_to_be_refuted_is_refused():
    assert not is_kept(lambda f, x: (f(x), 2 * f(x)), cancelling, x=real(100, 110))


def test_a_law_that_needs_more_bits_for_one_output_is_refused():
    def law(f, x):
        return m.stack([x, f(x)]), m.stack([x, 2 * f(x)])

    assert not is_kept(law, cancelling, x=real(100, 110))


@pytest.mark.parametrize("law", [lambda f, x: (1 / f(x), 2 / f(x)), lambda f, x: (x, 1 / f(x))])
def test_a_law_of_what_no_ball_holds_at_first_is_refused(law):
    assert not is_kept(law, cancelling, x=real(100, 110))


@pytest.mark.parametrize(("x", "kept"), [(600, False), (1000, True)])
def test_a_law_that_a_thousand_bits_do_not_refute_is_left_open(x, kept):
    """exp(-x), of which 865 bits are lost, or 1442, and which is brought back near to one."""
    assert kept == is_kept(lambda f, x: (m.exp(x) * f(x), 2 * m.exp(x) * f(x)), cancelling, x=real(x, x + 1))


@pytest.mark.parametrize("right", [lambda x: x, lambda x: m.log(m.exp(x))])
def test_a_law_that_the_first_bits_tell_is_asked_once(right):
    formula, asked = with_law(lambda f, x: (f(x), right(x)), x=real(-2, -1))
    expect_promises(formula)
    assert asked == [8]


def test_what_is_less_than_2_to_the_minus_400_is_zero_to_a_law():
    formula, asked = with_law(lambda f, x: (m.exp(x) - m.exp(x), 0), x=real(1, 2))
    expect_promises(formula)
    assert asked == [8, 8, 8]


def test_an_infinity_equals_itself_and_neither_a_number_nor_the_other_one():
    sides = (lambda x: m.log(x), lambda x: -m.log(x), lambda x: x + 3)
    told = [is_kept(lambda f, x, side=side: (f(0 * x), side(0 * x)), logarithm) for side in sides]
    assert told == [True, False, False]


@pytest.mark.parametrize("law", [lambda f, x: (f(x), x), lambda f, x: (x, f(x))])
def test_a_law_says_nothing_where_the_formula_has_no_value(law):
    formula, asked = with_law(law, logarithm, x=real(-2, -1))
    with pytest.raises(UsageError, match="promises nothing"):
        expect_promises(formula)
    assert asked == [8]


def test_a_law_that_branches_on_a_real_number_is_held_at_each_point_by_itself():
    assert is_kept(lambda f, x: (f(x), x if x > 0 else 1 * x))
    assert not is_kept(lambda f, x: (f(x), x if x > 0 else 3))


def test_a_law_that_branches_where_no_ball_decides_says_what_to_write():
    with pytest.raises(FormulaError, match=r"law stated: .* write m\.where"):
        expect_promises(with_law(lambda f, x: (f(x), x if m.exp(x) > m.exp(x) else 2 * x))[0])


def test_a_false_law_is_refused_with_both_sides_and_the_point():
    formula = made(same, [((1,), "1")], x=real(-2, 2))

    @formula.law
    def shifted(f, x):
        """It equals itself and one."""
        return f(x), f(x) + 1

    with pytest.raises(
        UsageError, match=r"its law shifted \(It equals itself and one\.\) is false: .* at x="
    ):
        expect_promises(formula)


def test_a_law_that_is_false_by_one_part_in_a_quadrillion_is_refused():
    formula = made(same, [((1,), "1")], x=real(1, 2))

    @formula.law
    def nearly(f, x):
        """It is nearly itself."""
        return f(x), x + m.ratio(1, 10**30)

    with pytest.raises(UsageError, match="its law nearly"):
        expect_promises(formula)


def test_a_law_without_two_sides_says_what_to_write():
    formula = made(same, [((1,), "1")], x=real(-2, 2))

    @formula.law
    def one_sided(f, x):
        """Nothing."""
        return f(x)

    with pytest.raises(FormulaError, match="write return one_side, other_side"):
        expect_promises(formula)


def test_a_wrong_arithmetic_is_caught_by_the_other(monkeypatch):
    monkeypatch.setitem(UNARY, "log", lambda x: x / 3)
    with pytest.raises(
        ContradictionError,
        match=r": Arb proves 0\.69314718055994530942, but mpmath has 0\.66666666666666666667 at x=2\.0$",
    ):
        expect_promises(made(logarithm, [((2,), LOG_2)], x=real(1, 4)))


@pytest.mark.parametrize("shift", [2.0**-59.5, -(2.0**-59.5), 2.0**-60.5, -(2.0**-60.5)])
def test_the_other_arithmetic_may_differ_by_one_part_in_2_to_the_60(shift, monkeypatch):
    right = UNARY["log"]
    monkeypatch.setitem(UNARY, "log", lambda x: right(x) * (1 + CONTEXT.mpf(shift)))
    formula = made(logarithm, [((2,), LOG_2)], x=real(1, 4))
    if abs(shift) < 2.0**-60:
        expect_promises(formula)
    else:
        with pytest.raises(ContradictionError):
            expect_promises(formula)


def test_the_number_that_the_other_arithmetic_has_elsewhere_is_told(monkeypatch):
    monkeypatch.setitem(UNARY, "log", lambda x: x / 4)
    both = made(lambda x: m.stack([x, m.log(x)]), [((2,), "2,0.69")], x=real(1, 4))
    with pytest.raises(ContradictionError, match=r"Arb proves 0\.693\d*, but mpmath has 0\.5 "):
        expect_promises(both)
    all_wrong = made(lambda x: m.stack([m.log(x), 2 * m.log(x)]), [((2,), "0.69,1.38")], x=real(1, 4))
    with pytest.raises(ContradictionError, match=r"Arb proves 0\.693\d*, but mpmath has 0\.5 "):
        expect_promises(all_wrong)


@pytest.mark.parametrize("instead", [CONTEXT.nan, CONTEXT.inf])
def test_the_other_arithmetic_without_a_number_is_caught(instead, monkeypatch):
    monkeypatch.setitem(UNARY, "log", lambda x: instead + 0 * x)
    with pytest.raises(ContradictionError, match="but mpmath has"):
        expect_promises(made(logarithm, [((2,), "0.69")], x=real(1, 4)))


@pytest.mark.parametrize("instead", [CONTEXT.inf, CONTEXT.mpf(-7)])
def test_an_infinity_that_the_other_arithmetic_does_not_have_is_caught(instead, monkeypatch):
    monkeypatch.setitem(UNARY, "log", lambda x: instead + 0 * x)
    with pytest.raises(ContradictionError, match="but mpmath has"):
        expect_promises(made(logarithm, [((0,), "-inf")], x=real(0, 4)))


def test_the_other_arithmetic_is_asked_about_the_known_outputs_alone():
    expect_promises(made(lambda x: m.stack([x, m.log(x)]), [((-1,), "-1")], x=real(-2, 2)))


def test_a_number_that_few_digits_are_known_of_contradicts_nothing():
    """At 128 bits the ball is wider than the place to which both arithmetics otherwise agree."""
    expect_promises(made(lambda x: m.exp(x) - 1, [((0.3 * 2.0**-100,), "0.00")], x=real(0, 1)))


@given(st.fractions(-4, 4, max_denominator=2**20))
def test_what_is_printed_as_known_is_accepted_as_known(number):
    arguments = (float(Fraction(number.numerator, 2**10)),)
    formula = made(lambda x: m.exp(x) - 1, [], x=real(-5000, 5000))
    expect_promises(
        made(formula.function, [(arguments, known_texts(formula, arguments)[0])], x=real(-5000, 5000))
    )


@pytest.mark.parametrize(
    ("function", "x", "text"),
    [
        (lambda x: -m.log(x), 0, "inf"),
        (logarithm, 0, "-inf"),
        (same, 2.5, "2.5"),
        (same, -(2.0**70), "-1180591620717411303424"),
        (same, 2.0**-66, "1.35525271560688054250931600109e-20"),
        (same, -12, "-12"),
        (lambda x: 1 + m.exp(-x), 1000, "1.00000000000000000000000000000"),
        (lambda x: m.exp(m.log(x)) / 2, 5, "2.50000000000000000000000000000"),
        (lambda x: m.exp(m.log(x) * 100), 16, "2.58224987808690858965591917200e+120"),
        (cancelling, 100, "3.72007597602083596295969580386e-44"),
    ],
)
def test_a_known_value_is_printed_as_short_as_it_is_told(function, x, text):
    (found,) = known_texts(made(function, [], x=real(-1e30, 1e30)), (x,))
    assert found == text


def test_a_number_that_cancels_to_zero_at_every_precision_is_not_printed():
    with pytest.raises(UsageError, match="none that can be proved"):
        known_texts(made(lambda x: m.exp(x) - m.exp(x), [], x=real(0, 1)), (1,))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["softplus", "--at", "x=1"], "known=[((1.0,), '1.31326168751822283404899549497')],"),
        (["softplus", "--at", "x=1", "--digits", "9"], "known=[((1.0,), '1.31326169')],"),
        (
            ["polygon_area", "--at", "xy=0,0;1,0;0,1"],
            "known=[(([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],), '0.5')],",
        ),
        (["softmax", "--at", "x=0,0,0,0"], "known=[(([0.0, 0.0, 0.0, 0.0],), '0.25,0.25,0.25,0.25')],"),
        (["log", "--at", "x=0"], "known=[((0.0,), '-inf')],"),
    ],
)
def test_the_command_prints_what_to_declare(words, line, tmp_path):
    assert told_by(["known", *words], tmp_path) == (ExitCode.PASSED, f"{line}\n", "")


def test_nothing_is_printed_as_known_where_the_formula_is_undefined(tmp_path):
    code, out, errors = told_by(["known", "log", "--at", "x=-1"], tmp_path)
    assert (code, out) == (ExitCode.WRONG_USAGE, "")
    assert errors == "numcheck: log has no value, or none that can be proved, at x=-1.0\n"


# Every way in asks first ------------------------------------------------------------------------------------------

FALSE = """
import torch
from numcheck import formula, m, real, ulps

@formula(source="a test", known=[((1,), "{known}")], x=real(-2, 2))
def f(x):
    "It."
    return {body}

@f.routine(value=ulps(1), grad=ulps(1))
def judged(x):
    raise SystemError("no routine runs before the promises are kept")
"""
COMMANDS = (
    ["check", "f.py:f", "--formats", "float32", "--points", "20"],
    ["explain", "f.py:f", "judged", "--at", "x=1"],
    ["sweep", "f.py:f", "--format", "float8_e4m3fn", "--jobs", "1"],
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_false_known_value_ends_every_command_with_one_line(words, tmp_path):
    (tmp_path / "f.py").write_text(FALSE.format(known=5, body="1 * x"))
    code, _, errors = told_by(words, tmp_path)
    assert code == ExitCode.WRONG_USAGE
    assert errors.splitlines() == [
        "numcheck: f: its known value at (1,) is declared as 5, but the formula gives 1"
    ]


MISTAKES = {
    "torch.exp(x)": "f.py:8, f: torch.exp cannot take an exact real: write m.exp",
    "float(x)": "f.py:8, f: float cannot take an exact real: leave it out, the formula has no precision",
    "x.log()": "f.py:8, f: an exact real has no log: write m.log",
    "m.exq(x)": "f.py:8, f: m has no exq: did you mean m.exp?",
    "f(x)": "f.py:8, f: f(x) calls itself without end",
    "1 / 0": "f.py:8, f: 1 / 0 raised ZeroDivisionError: division by zero",
    "exit(0)": "f.py:8, f: exit(0) raised SystemExit: 0",
    "None": "f.py:5, f: returns nothing: end it with return",
    "[x, x]": "f.py:5, f: returns a list: write m.stack([...]) for several numbers",
    "x > 0": "f.py:5, f: returns a comparison: write m.where(condition, 1, 0)",
    "x if x > 0 else -x": "f.py:8, f: a comparison of reals differs from point to point: write m.where(",
}


CHECK, *OTHERS = COMMANDS
BY_COMMAND = [(body, CHECK) for body in MISTAKES]
BY_COMMAND += [(body, words) for body in ("torch.exp(x)", "x if x > 0 else -x") for words in OTHERS]


@pytest.mark.parametrize(
    ("body", "words"), BY_COMMAND, ids=lambda part: part if isinstance(part, str) else part[0]
)
def test_what_the_text_of_a_formula_raises_is_one_line_with_what_to_write(body, words, tmp_path):
    (tmp_path / "f.py").write_text(FALSE.format(known=1, body=body))
    code, _, errors = told_by(words, tmp_path)
    assert code == ExitCode.WRONG_USAGE
    (line,) = errors.splitlines()
    assert line.startswith(f"numcheck: {MISTAKES[body]}")


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_the_traceback_is_shown_to_who_asks_for_it(words, tmp_path):
    (tmp_path / "f.py").write_text(FALSE.format(known=1, body="1 / 0"))
    code, _, errors = told_by([*words, "--debug"], tmp_path)
    assert code == ExitCode.WRONG_USAGE
    assert "Traceback" in errors and "ZeroDivisionError" in errors and '/f.py", line 8, in f' in errors


def test_of_several_formulas_the_others_are_judged_all_the_same(tmp_path):
    right = FALSE.format(known=1, body="1 * x").replace("def f", "def g").replace("@f.", "@g.")
    right = right.replace('raise SystemError("no routine runs before the promises are kept")', "return 1 * x")
    (tmp_path / "f.py").write_text(FALSE.format(known=5, body="1 * x") + right)
    code, out, _ = told_by(["check", "f.py", "--formats", "float32", "--points", "20"], tmp_path)
    assert code == ExitCode.WRONG_USAGE
    assert any(line.startswith("g ") and "within" in line for line in out.splitlines())


# Nothing judged is never passed -----------------------------------------------------------------------------------


def told(report):
    code, sentence = verdict_of(report)
    return code, sentence


def test_points_that_are_all_invalid_do_not_pass():
    def root(x):
        """Square root."""
        return m.sqrt(x)

    negative = made(root, [], x=real(-2, -1))
    code, sentence = told(check(torch.sqrt, negative, formats=["float32"], points=20))
    assert code == ExitCode.WRONG_USAGE
    assert "root is undefined at every point that was drawn" in sentence


def test_formats_that_no_routine_has_do_not_pass(tmp_path):
    text = FALSE.format(known=1, body="1 * x").replace("grad=ulps(1)", 'formats=["float16"]')
    (tmp_path / "f.py").write_text(text)
    code, _, errors = told_by(["check", "f.py:f", "--formats", "float32"], tmp_path)
    assert code == ExitCode.WRONG_USAGE
    assert errors.splitlines() == [
        "numcheck: no routine of f was written for float32: write --formats float16"
    ]


def test_a_formula_without_routines_does_not_pass(tmp_path):
    (tmp_path / "f.py").write_text(FALSE.format(known=1, body="1 * x").partition("@f.routine")[0])
    code, _, errors = told_by(["check", "f.py:f"], tmp_path)
    assert code == ExitCode.WRONG_USAGE
    assert "f has no routine to judge: write @f.routine(value=ulps(2))" in errors


def test_an_interrupted_run_says_so_and_does_not_pass():
    def stopping(x):
        raise KeyboardInterrupt

    formula = made(same, [], x=real(-2, 2))
    routine = formula.routine(value=ulps(1))(stopping)
    code, sentence = told(check(routine, formula, formats=["float32"], points=5))
    assert code == ExitCode.INTERRUPTED
    assert sentence.startswith("interrupted")


def test_python_refuses_a_false_formula_before_its_routine_runs():
    formula = made(same, [((1,), "5")], x=real(-2, 2))

    @formula.routine(value=ulps(1))
    def routine(x):
        raise KeyboardInterrupt("no routine runs before the promises are kept")

    with pytest.raises(UsageError, match="declared as 5"):
        explain(routine, formula, {"x": 1})
    with pytest.raises(UsageError, match="declared as 5"):
        sweep(formula, [routine], format="float8_e4m3fn")
    code, sentence = told(check(routine, formula, formats=["float32"]))
    assert code == ExitCode.WRONG_USAGE and "declared as 5" in sentence


def test_vectors_are_known_by_their_first_output():
    def doubled(x):
        """Twice the vector."""
        return 2 * x

    expect_promises(made(doubled, [(((1, 2, 3),), "2")], x=vector(0, 4, sizes=(3,))))


def test_a_known_value_beyond_mpmath_is_taken_from_arb_alone():
    expect_promises(made(lambda x: m.tanh(m.exp(x)), [((3000,), "1.0")], x=real(-100, 3000)))


def test_a_known_value_is_text_or_a_whole_number():
    expect_promises(made(same, [((1,), 1)], x=real(0, 2)))
    for wrong in (1.0, None, True, ["1"]):
        with pytest.raises(DeclarationError, match="write the digits of a known value as text, such as"):
            made(same, [((1,), wrong)], x=real(0, 2))
