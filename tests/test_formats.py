"""Formats against ml_dtypes, gfloat, numpy and rationals: all 8- and 16-bit encodings, others' edges."""

import math
from fractions import Fraction

import gfloat
import ml_dtypes
import numpy as np
import pytest
import torch
from gfloat import formats as gfloat_formats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcheck.formats import FORMATS, NAN_ORDINAL, Format, format_of

Doubles = NDArray[np.float64]

SMALL = [format for format in FORMATS if format.bits <= 16]
EIGHT = [format for format in FORMATS if format.bits == 8]
FLOAT64, FLOAT32, FLOAT16 = format_of("float64"), format_of("float32"), format_of("float16")
E4M3FN = format_of("float8_e4m3fn")

ML_DTYPES = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e5m2": ml_dtypes.float8_e5m2,
    "float8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
}


def fnuz_in_gfloat(name: str, precision: int, bias: int) -> gfloat.FormatInfo:
    return gfloat.FormatInfo(
        name=name,
        k=8,
        precision=precision,
        bias=bias,
        is_signed=True,
        domain=gfloat.Domain.Finite,
        has_nz=False,
        num_high_nans=0,
        has_subnormals=True,
        is_twos_complement=False,
    )


GFLOAT = {
    "float64": gfloat_formats.format_info_binary64,
    "float32": gfloat_formats.format_info_binary32,
    "float16": gfloat_formats.format_info_binary16,
    "bfloat16": gfloat_formats.format_info_bfloat16,
    "float8_e4m3fn": gfloat_formats.format_info_ocp_e4m3,
    "float8_e5m2": gfloat_formats.format_info_ocp_e5m2,
    "float8_e4m3fnuz": fnuz_in_gfloat("e4m3fnuz", 4, 8),
    "float8_e5m2fnuz": fnuz_in_gfloat("e5m2fnuz", 3, 16),
}

every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
every_small_format = pytest.mark.parametrize("format", SMALL, ids=lambda format: format.name)
every_8_bit_format = pytest.mark.parametrize("format", EIGHT, ids=lambda format: format.name)


def all_encodings(format: Format) -> torch.Tensor:
    half = 1 << (format.bits - 1)
    return torch.arange(-half, half).to(format.int_dtype).view(format.dtype)


def all_values(format: Format) -> torch.Tensor:
    """Every value that is not NaN, by ordinal, infinities included."""
    return format.from_ordinals(torch.arange(format.lowest_ordinal, format.highest_ordinal + 1))


def finite_doubles(format: Format) -> Doubles:
    """Every finite value but -0 as doubles, increasing; decoded by ml_dtypes, not by the code under test."""
    values = np.unique(in_ml_dtypes(all_encodings(format)))
    return values[np.isfinite(values)] + 0.0


def ulp_of(format: Format, values: Doubles) -> Doubles:
    return format.ulp(torch.from_numpy(values)).numpy()


def in_ml_dtypes(values: torch.Tensor) -> Doubles:
    """Decoded by ml_dtypes from the bits."""
    format = format_of(values.dtype)
    with np.errstate(invalid="ignore"):  # raised for bfloat16's NaNs
        return values.view(format.int_dtype).numpy().view(ML_DTYPES[format.name]).astype(np.float64)


def codes(values: torch.Tensor) -> NDArray[np.int64]:
    """The encodings as unsigned integers (up to 32 bits)."""
    format = format_of(values.dtype)
    return values.view(format.int_dtype).to(torch.int64).numpy() & ((1 << format.bits) - 1)


def same(left: Doubles, right: Doubles) -> bool:
    """Equal value by value, NaN with NaN, and zeros with the same sign."""
    return bool(np.array_equal(left, right, equal_nan=True)) and bool(
        np.all((np.signbit(left) == np.signbit(right)) | np.isnan(left))
    )


def same_float(left: float | None, right: float) -> bool:
    return left is not None and same(np.array([left]), np.array([right]))


def around_midpoints(format: Format) -> tuple[Doubles, Doubles]:
    """Inputs just below, at and just above every midpoint of neighbours, and what they must round to.

    The last midpoint on either side is that of the largest value and the one which would follow it in its
    binade.
    """
    finite = finite_doubles(format)
    step = finite[-1] - finite[-2]
    beyond = np.inf if format.has_infinity else np.nan
    low = np.concatenate(([finite[0] - step], finite))
    high = np.concatenate((finite, [finite[-1] + step]))
    rounds_low = np.concatenate(([-beyond], finite))
    rounds_high = np.concatenate((finite, [beyond]))
    middle = (low + high) / 2
    # The even neighbour is the one that is a multiple of twice the step between the two.
    ties_low = np.fmod(low / (high - low), 2) == 0
    inputs = np.stack((np.nextafter(middle, -np.inf), middle, np.nextafter(middle, np.inf)))
    expected = np.stack((rounds_low, np.where(ties_low, rounds_low, rounds_high), rounds_high))
    # What is not zero keeps its sign when it rounds to zero.
    expected = np.where(
        expected == 0, np.copysign(0.0, inputs) if format.has_negative_zero else 0.0, expected
    )
    return inputs, expected


# -- encodings -----------------------------------------------------------------------------------------------


@every_small_format
def test_ordinals_number_the_values_without_gaps(format: Format):
    ordinals = format.to_ordinals(all_encodings(format))
    numbered = ordinals[ordinals != NAN_ORDINAL].sort().values
    assert torch.equal(numbered, torch.arange(format.lowest_ordinal, format.highest_ordinal + 1))


@every_small_format
def test_ordinals_lead_back_to_the_same_encodings(format: Format):
    encodings = all_encodings(format)
    numbers = format.to_ordinals(encodings) != NAN_ORDINAL
    back = format.from_ordinals(format.to_ordinals(encodings))
    assert np.array_equal(codes(back)[numbers.numpy()], codes(encodings)[numbers.numpy()])


@every_small_format
def test_values_increase_with_their_ordinals(format: Format):
    values = in_ml_dtypes(all_values(format))
    zeros = 2 if format.has_negative_zero else 1
    rises = values[1:] > values[:-1]
    assert np.count_nonzero(~rises) == zeros - 1
    assert np.all(values[np.flatnonzero(~rises)] == 0)


@every_small_format
def test_exactly_the_nans_of_ml_dtypes_and_gfloat_have_no_ordinal(format: Format):
    encodings = all_encodings(format)
    nan = (format.to_ordinals(encodings) == NAN_ORDINAL).numpy()
    assert np.array_equal(nan, np.isnan(in_ml_dtypes(encodings)))
    assert np.array_equal(nan, np.isnan(gfloat.decode_ndarray(GFLOAT[format.name], codes(encodings))))


@every_small_format
def test_ordinals_stand_for_the_values_of_gfloat(format: Format):
    values = all_values(format)
    assert same(in_ml_dtypes(values), gfloat.decode_ndarray(GFLOAT[format.name], codes(values)))


@every_small_format
def test_torch_decodes_as_ml_dtypes_does(format: Format):
    encodings = all_encodings(format)
    assert same(encodings.to(torch.float64).numpy(), in_ml_dtypes(encodings))


@every_format
def test_constants_are_those_of_the_encodings(format: Format):
    def at(ordinal: int) -> float:
        return float(in_ml_dtypes(format.from_ordinals(torch.tensor([ordinal])))[0])

    one = format.to_ordinals(format.round(torch.tensor([1.0], dtype=torch.float64))).item()
    assert at(0) == 0.0
    assert at(1) == format.smallest_subnormal
    assert at(1 << (format.precision - 1)) == format.smallest_normal == 2.0**format.min_exponent
    assert at(format.highest_ordinal - format.has_infinity) == format.largest
    assert (at(format.highest_ordinal) == math.inf) == format.has_infinity
    assert (at(int(one)), at(int(one) + 1)) == (1.0, 1.0 + 2 * format.unit_roundoff)
    assert math.frexp(format.largest)[1] - 1 == format.max_exponent


@every_format
def test_constants_are_those_of_ml_dtypes_and_gfloat(format: Format):
    info, other = ml_dtypes.finfo(ML_DTYPES[format.name]), GFLOAT[format.name]
    assert format.largest == float(info.max) == other.max
    assert format.smallest_normal == float(info.smallest_normal) == other.smallest_normal
    assert format.smallest_subnormal == float(info.smallest_subnormal) == other.smallest_subnormal
    assert 2 * format.unit_roundoff == float(info.eps) == other.eps
    assert (format.bits, format.precision) == (other.k, other.precision)
    assert (format.has_infinity, format.has_negative_zero) == (other.num_infs > 0, other.has_nz)


@every_format
def test_minus_zero_lies_next_to_zero(format: Format):
    below = format.from_ordinals(torch.tensor([-2, -1, 0]))
    subnormal = format.smallest_subnormal
    expected = [-subnormal, -0.0, 0.0] if format.has_negative_zero else [-2 * subnormal, -subnormal, 0.0]
    assert same(in_ml_dtypes(below), np.array(expected))


@every_format
def test_infinities_are_at_the_ends(format: Format):
    ends = format.from_ordinals(torch.tensor([format.lowest_ordinal, format.highest_ordinal]))
    end = math.inf if format.has_infinity else format.largest
    assert same(in_ml_dtypes(ends), np.array([-end, end]))


@every_format
def test_an_ordinal_outside_the_range_is_nan(format: Format):
    outside = torch.tensor([NAN_ORDINAL, format.lowest_ordinal - 1, format.highest_ordinal + 1, 2**63 - 1])
    assert np.all(np.isnan(in_ml_dtypes(format.from_ordinals(outside))))


def test_a_format_holds_another_where_it_has_all_its_numbers():
    for one in SMALL:
        numbers = torch.from_numpy(in_ml_dtypes(all_encodings(one)))
        finite = numbers[torch.isfinite(numbers)]
        for other in FORMATS:
            rounded = torch.from_numpy(in_ml_dtypes(other.round(finite)))
            assert other.holds(one) == bool((rounded == finite).all()), (one.name, other.name)


@every_small_format
def test_a_single_value_has_the_place_that_it_has_in_a_tensor(format: Format):
    values, places = (
        in_ml_dtypes(all_values(format)).tolist(),
        range(format.lowest_ordinal, format.highest_ordinal + 1),
    )
    assert [format.ordinal_of(value) for value in values] == list(places)
    assert same(np.array([format.value_of(place) for place in places]), np.array(values))


def test_a_tensor_of_another_dtype_is_refused():
    with pytest.raises(
        ValueError, match=r"^float16 takes tensors of dtype torch\.float16, not torch\.bfloat16"
    ):
        FLOAT16.to_ordinals(torch.zeros(2, dtype=torch.bfloat16))


@every_format
def test_shape_and_strides_of_the_tensor_do_not_matter(format: Format):
    ordinals = torch.arange(-12, 12).reshape(4, 6).T[:, ::2]
    assert torch.equal(format.to_ordinals(format.from_ordinals(ordinals)), ordinals)
    assert format.to_ordinals(format.from_ordinals(torch.tensor(5))).shape == ()


# -- ulp -----------------------------------------------------------------------------------------------------


@every_small_format
def test_ulp_of_every_value_is_the_gap_to_the_next_larger_magnitude(format: Format):
    finite = finite_doubles(format)
    magnitudes = finite[finite >= 0]
    gaps = np.diff(magnitudes)
    gaps = np.append(gaps, gaps[-1])
    assert np.array_equal(ulp_of(format, magnitudes), gaps)
    assert np.array_equal(ulp_of(format, -magnitudes), gaps)


@every_small_format
def test_ulp_is_constant_up_to_the_next_value(format: Format):
    finite = finite_doubles(format)
    magnitudes = finite[finite >= 0]
    just_below = np.nextafter(magnitudes[1:], 0)
    assert np.array_equal(ulp_of(format, just_below), np.diff(magnitudes))


@pytest.mark.parametrize(
    ("format", "dtype"), [(FLOAT32, np.float32), (FLOAT64, np.float64)], ids=["float32", "float64"]
)
def test_ulp_is_the_spacing_of_numpy(format: Format, dtype: type[np.float32 | np.float64]):
    exponents = np.arange(format.min_exponent - format.precision + 1, format.max_exponent + 1)
    powers = np.ldexp(1.0, exponents)
    values = np.concatenate(([0.0], powers, np.minimum(powers * 1.5, format.largest), -powers))
    values = values.astype(dtype).astype(np.float64)
    assert np.array_equal(ulp_of(format, values), np.abs(np.spacing(values.astype(dtype))).astype(np.float64))


@every_format
def test_ulp_is_floored_around_zero_and_capped_beyond_the_range(format: Format):
    top = format.largest - format.value_of(format.ordinal_of(format.largest) - 1)
    values = np.array([0.0, -0.0, 5e-324, math.inf, -math.inf])
    floor = format.smallest_subnormal
    assert ulp_of(format, values).tolist() == [floor, floor, floor, top, top]


@every_format
def test_ulp_of_nan_is_nan(format: Format):
    assert np.isnan(ulp_of(format, np.array([math.nan]))).all()


def test_ulp_keeps_the_shape_of_what_it_is_given():
    assert FLOAT32.ulp(torch.ones(3, 2).T).shape == (2, 3)
    assert FLOAT32.ulp(torch.tensor(1.0)).shape == ()
    assert FLOAT32.ulp(torch.ones(2, 3, dtype=torch.float16)).dtype == torch.float64


# -- rounding of doubles -------------------------------------------------------------------------------------


@every_small_format
def test_doubles_around_every_midpoint_round_to_the_nearest_and_ties_to_even(format: Format):
    inputs, expected = around_midpoints(format)
    assert same(in_ml_dtypes(format.round(torch.from_numpy(inputs))), expected)


@every_small_format
def test_doubles_around_every_midpoint_round_as_in_gfloat(format: Format):
    inputs, _ = around_midpoints(format)
    theirs = gfloat.round_ndarray(GFLOAT[format.name], inputs)
    assert same(in_ml_dtypes(format.round(torch.from_numpy(inputs))), theirs)


@every_small_format
def test_float32_values_around_every_midpoint_round_as_in_ml_dtypes(format: Format):
    # ml_dtypes rounds doubles twice, through float32 (1 + 2**-4 + 2**-40 becomes 1 in float8_e4m3fn), so that
    # only inputs that float32 holds can be compared; the definition and gfloat judge the others. numpy's own
    # float16 is compared there.
    middle = around_midpoints(format)[0][1].astype(np.float32)
    inputs = np.concatenate(
        (middle, np.nextafter(middle, np.float32(-np.inf)), np.nextafter(middle, np.float32(np.inf)))
    )
    with np.errstate(over="ignore", invalid="ignore"):
        theirs = inputs.astype(ML_DTYPES[format.name]).astype(np.float64)
    assert same(in_ml_dtypes(format.round(torch.from_numpy(inputs))), theirs)


def test_doubles_around_every_midpoint_of_float16_round_as_in_numpy():
    inputs, _ = around_midpoints(FLOAT16)
    with np.errstate(over="ignore"):
        theirs = inputs.astype(np.float16).astype(np.float64)
    assert same(in_ml_dtypes(FLOAT16.round(torch.from_numpy(inputs))), theirs)


@every_small_format
def test_every_value_rounds_to_itself(format: Format):
    values = all_values(format)
    assert np.array_equal(codes(format.round(torch.from_numpy(in_ml_dtypes(values)))), codes(values))


@every_format
def test_infinity_rounds_as_the_overflow_rule_says(format: Format):
    both = torch.tensor([math.inf, -math.inf], dtype=torch.float64)
    end = math.inf if format.has_infinity else math.nan
    assert same(in_ml_dtypes(format.round(both)), np.array([end, -end]))


@every_format
def test_nan_rounds_to_nan(format: Format):
    nan = torch.tensor([math.nan, -math.nan], dtype=torch.float64)
    assert np.all(np.isnan(in_ml_dtypes(format.round(nan))))


def test_rounding_to_float16_is_not_done_twice():
    # In float32 this becomes the midpoint 1 + 2**-11, and would then go to the even 1.
    above_a_midpoint = torch.tensor([1 + 2.0**-11 + 2.0**-40], dtype=torch.float64)
    assert FLOAT16.round(above_a_midpoint).item() == 1 + 2.0**-10


def test_float8_e4m3fn_overflows_to_nan_beyond_464_and_not_before():
    doubles = torch.tensor([464.0, math.nextafter(464.0, math.inf)], dtype=torch.float64)
    assert same(in_ml_dtypes(E4M3FN.round(doubles)), np.array([448.0, math.nan]))


def edges(format: Format) -> Doubles:
    """Specials, ties and near-ties of a wide format, as doubles."""
    subnormal, normal, largest = format.smallest_subnormal, format.smallest_normal, format.largest
    beyond = largest + (2.0 ** (format.max_exponent - format.precision) if format is not FLOAT64 else 0.0)
    marks = [
        0.0,
        5e-324,
        subnormal / 2,
        subnormal,
        1.5 * subnormal,
        2.5 * subnormal,
        normal - subnormal,
        normal,
    ]
    marks += [
        normal - subnormal / 2,
        normal + subnormal / 2,
        1.0,
        1 + format.unit_roundoff,
        1 + 3 * format.unit_roundoff,
    ]
    marks += [1 - format.unit_roundoff / 2, largest, beyond, 1.7976931348623157e308, math.inf]
    exponents = np.arange(-1074, 1024)
    wide = np.ldexp(1.0, exponents)
    random = np.random.default_rng(5).integers(0, 0x7FF0 << 48, 20_000).view(np.float64)
    with np.errstate(over="ignore"):
        above = np.nextafter(marks, np.inf)
    positive = np.concatenate((marks, np.nextafter(marks, 0), above, wide, np.nextafter(wide, 0), random))
    return np.concatenate((positive, -positive))


def test_doubles_round_to_float32_as_the_hardware_does():
    doubles = np.concatenate((edges(FLOAT32), float32_midpoints()))
    with np.errstate(over="ignore"):
        theirs = doubles.astype(np.float32).astype(np.float64)
    assert same(FLOAT32.round(torch.from_numpy(doubles)).double().numpy(), theirs)


def float32_midpoints() -> Doubles:
    """Midpoints of neighbours drawn evenly over the ordinals of float32, and the doubles around them."""
    low = np.random.default_rng(6).integers(0, FLOAT32.highest_ordinal - 1, 20_000).astype(np.int32)
    middle = (low.view(np.float32).astype(np.float64) + (low + 1).astype(np.int32).view(np.float32)) / 2
    return np.concatenate((middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)))


def test_doubles_round_to_float64_as_themselves():
    doubles = edges(FLOAT64)
    assert same(FLOAT64.round(torch.from_numpy(doubles)).numpy(), doubles)


@pytest.mark.parametrize("format", [FLOAT32, FLOAT64], ids=["float32", "float64"])
def test_wide_ordinals_step_as_numpy_nextafter(format: Format):
    values = format.round(torch.from_numpy(edges(format)))
    values = values[values.isfinite()]
    up = format.from_ordinals(format.to_ordinals(values) + 1).numpy()
    with np.errstate(over="ignore"):
        expected = np.nextafter(values.numpy(), np.array(np.inf, dtype=up.dtype))
    minus_zero = (values.numpy() == 0) & np.signbit(values.numpy())
    below_zero = values.numpy() == -format.smallest_subnormal
    assert np.array_equal(up[~minus_zero], expected[~minus_zero])
    assert same(up[minus_zero].astype(np.float64), np.zeros(np.count_nonzero(minus_zero)))
    assert np.all(np.signbit(up[below_zero]))


# -- exact rounding of rationals and balls -------------------------------------------------------------------

HAIR = Fraction(1, 1 << 3000)


def sampled(format: Format, count: int) -> tuple[Doubles, Doubles]:
    """As around_midpoints, of a 16-bit format only an even sample, both ends and the middle."""
    inputs, expected = around_midpoints(format)
    number = inputs.shape[1]
    centre = number // 2
    picked = np.unique(
        np.concatenate(
            (
                np.linspace(0, number - 1, count).astype(int),
                np.arange(centre - 3, centre + 4),
                [1, number - 2],
            )
        )
    )
    return inputs[:, picked], expected[:, picked]


@every_small_format
def test_rationals_a_hair_from_a_midpoint_round_to_its_side(format: Format):
    inputs, expected = sampled(format, 500)
    for middle, below, tie, above in zip(inputs[1], *expected, strict=True):
        exact = Fraction(middle)
        assert same_float(format.round_rational(exact - HAIR), below)
        assert same_float(format.round_rational(exact), tie)
        assert same_float(format.round_rational(exact + HAIR), above)


@every_format
def test_a_rational_zero_is_plus_zero_and_an_underflow_keeps_its_sign(format: Format):
    assert same_float(format.round_rational(Fraction(0)), 0.0)
    assert same_float(format.round_rational(HAIR), 0.0)
    assert same_float(format.round_rational(-HAIR), -0.0 if format.has_negative_zero else 0.0)


@every_format
def test_half_the_smallest_subnormal_rounds_to_zero_and_a_hair_more_does_not(format: Format):
    half = Fraction(format.smallest_subnormal) / 2
    assert format.round_rational(half) == 0.0
    assert format.round_rational(half + HAIR) == format.smallest_subnormal
    assert format.round_rational(3 * half) == 2 * format.smallest_subnormal


@every_format
def test_rationals_overflow_from_half_a_step_beyond_the_largest_value(format: Format):
    largest = Fraction(format.largest)
    half_a_step = Fraction(2) ** (format.max_exponent - format.precision)
    threshold = largest + half_a_step
    assert format is FLOAT64 or format.overflow_threshold == threshold
    end = math.inf if format.has_infinity else math.nan
    assert format.round_rational(threshold - HAIR) == format.largest
    assert same_float(format.round_rational(threshold + HAIR), end)
    assert same_float(format.round_rational(-threshold - HAIR), -end)
    assert same_float(format.round_rational(-threshold * 2**5000), -end)
    tie_goes_down = format.name == "float8_e4m3fn"  # only its largest significand, 1.110 in binary, is even
    assert same_float(format.round_rational(threshold), format.largest if tie_goes_down else end)


def test_rationals_round_to_float64_as_python_divides_integers():
    rng = np.random.default_rng(7)
    for _ in range(3000):
        top, bottom = (int(rng.integers(1, 2**62)) << int(rng.integers(0, 1040)) for _ in range(2))
        try:
            expected = top / bottom
        except OverflowError:
            expected = math.inf
        assert FLOAT64.round_rational(Fraction(top, bottom)) == expected
        assert FLOAT64.round_rational(Fraction(-top, bottom)) == -expected


# -- properties ----------------------------------------------------------------------------------------------

any_format = st.sampled_from(FORMATS)


@st.composite
def format_and_doubles(draw: st.DrawFn, count: int = 1) -> tuple[Format, list[float]]:
    """A format with doubles in and around its range: any double, or one near a value of the format."""
    format = draw(any_format)
    top = format.highest_ordinal

    def near() -> float:
        ordinal = draw(st.integers(-top + format.has_infinity, top - format.has_infinity))
        value = float(in_ml_dtypes(format.from_ordinals(torch.tensor([ordinal])))[0])
        half = draw(st.sampled_from([0.0, 0.5, -0.5])) * float(ulp_of(format, np.array(value)))
        nudged = value + half
        return math.nextafter(nudged, draw(st.sampled_from([-math.inf, nudged, math.inf])))

    return format, [draw(st.floats(allow_nan=False)) if draw(st.booleans()) else near() for _ in range(count)]


def rounded(format: Format, double: float) -> float:
    return float(in_ml_dtypes(format.round(torch.tensor([double], dtype=torch.float64)))[0])


@settings(max_examples=400, deadline=None)
@given(format_and_doubles())
def test_tensors_and_rationals_round_alike(drawn: tuple[Format, list[float]]):
    format, (double,) = drawn
    by_tensor = rounded(format, double)
    if math.isfinite(double):
        by_rational = format.round_rational(Fraction(double))
        assert same_float(by_rational, by_tensor + 0.0 if double == 0 else by_tensor)


@settings(max_examples=200, deadline=None)
@given(format_and_doubles())
def test_rounding_twice_is_rounding_once(drawn: tuple[Format, list[float]]):
    format, (double,) = drawn
    once = rounded(format, double)
    assert same_float(rounded(format, once), once)


@settings(max_examples=200, deadline=None)
@given(format_and_doubles(count=2))
def test_rounding_is_monotone(drawn: tuple[Format, list[float]]):
    format, doubles = drawn
    low, high = (rounded(format, double) for double in sorted(doubles))
    assert low <= high or math.isnan(low + high)


@settings(max_examples=200, deadline=None)
@given(format_and_doubles())
def test_rounding_errs_by_at_most_half_an_ulp_within_the_range(drawn: tuple[Format, list[float]]):
    format, (double,) = drawn
    if abs(double) <= format.largest:
        error = abs(Fraction(rounded(format, double)) - Fraction(double))
        assert error <= Fraction(float(ulp_of(format, np.array(double)))) / 2


# -- the list ------------------------------------------------------------------------------------------------


@every_format
def test_a_format_is_found_by_its_name_its_dtype_and_itself(format: Format):
    assert format_of(format.name) is format_of(format.dtype) is format_of(format) is format


@pytest.mark.parametrize("unknown", ["float33", "", torch.int32])
def test_an_unknown_format_is_answered_with_one_line_that_lists_the_known_ones(unknown: str | torch.dtype):
    with pytest.raises(ValueError, match=r"^unknown format") as caught:
        format_of(unknown)
    message = str(caught.value)
    assert "\n" not in message
    assert all(format.name in message for format in FORMATS)
