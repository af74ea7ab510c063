"""Number formats as ordinal bijections: order, ulp and exact rounding from the encoding.

A format is a frozen `Format`; `FORMATS` lists them all and `format_of` finds one by name or dtype. Two rules
hold throughout:

- A value's *ordinal* is its place in the format's increasing list of values. Zero is 0 and every step to the
  next larger value adds 1, so sampling, shrinking, bisection and "the next value up" are integer arithmetic.
  Where the format has a negative zero it is -1, next to zero, and the smallest negative subnormal is -2;
  otherwise the smallest negative subnormal is -1.
- Whatever is rounded is rounded once, to nearest, ties to even, on the bits or in Python integers. torch's
  own float64 to 16- and 8-bit conversions go through float32 and round twice, so they are not used.

Tensors may have any shape, are read by their bits (so a device that flushes subnormals cannot interfere), and results
stay on their device. Nothing here takes part in autograd.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import torch

__all__ = ["FORMATS", "NAN_ORDINAL", "Format", "format_of"]

NAN_ORDINAL = -(2**63)
"""What `to_ordinals` says of a NaN, which has no place in the order; no value of any format has it."""

_SIGNED_INTEGERS = {8: torch.int8, 16: torch.int16, 32: torch.int32, 64: torch.int64}


@dataclass(frozen=True)
class Format:
    """A binary floating-point format, seen as the increasing list of its values.

    `precision` counts the significand's bits with the hidden one. The smallest normal value is
    2**min_exponent and the largest finite one lies below 2**(max_exponent + 1).
    """

    name: str
    dtype: torch.dtype
    bits: int
    precision: int
    min_exponent: int
    max_exponent: int
    has_infinity: bool = True
    has_negative_zero: bool = True

    # -- constants -------------------------------------------------------------------------------------------

    @property
    def unit_roundoff(self) -> float:
        """Largest relative error of one rounding in the normal range: half the spacing above one."""
        return 2.0**-self.precision

    @property
    def smallest_normal(self) -> float:
        """Smallest positive value with a full significand."""
        return 2.0**self.min_exponent

    @property
    def smallest_subnormal(self) -> float:
        """Smallest positive value, the spacing of the values around zero and the smallest `ulp`."""
        return math.ldexp(1.0, self.min_exponent - self.precision + 1)

    @cached_property
    def largest(self) -> float:
        """Largest finite value, which float8_e4m3fn's NaN keeps short of the full significand."""
        short = self.has_negative_zero and not self.has_infinity
        return (2.0 - 2.0 ** (1 - self.precision + short)) * 2.0**self.max_exponent

    @property
    def overflow_threshold(self) -> float:
        """Half an ulp above `largest`, from which on magnitudes round beyond it; infinite for float64.

        Only float8_e4m3fn, whose largest significand is even, still rounds the threshold itself to `largest`.
        Source: IEEE 754-2019, section 4.3.1.
        """
        return self.largest + 2.0 ** (self.max_exponent - self.precision)

    def holds(self, other: "Format") -> bool:
        """Whether every number of the other format is one of this."""
        lowest = self.min_exponent - self.precision <= other.min_exponent - other.precision
        return lowest and self.precision >= other.precision and self.max_exponent >= other.max_exponent

    @property
    def int_dtype(self) -> torch.dtype:
        """Signed integer type as wide as the format, through which its encodings are read."""
        return _SIGNED_INTEGERS[self.bits]

    @property
    def highest_ordinal(self) -> int:
        """Ordinal of the last value upwards: infinity, or `largest` where there is none."""
        return self._largest_magnitude + self.has_infinity

    @property
    def lowest_ordinal(self) -> int:
        """Ordinal of the last value downwards: minus infinity, or -`largest` where there is none."""
        return -self.highest_ordinal - self.has_negative_zero

    @cached_property
    def _largest_magnitude(self) -> int:
        return self.ordinal_of(self.largest)

    @property
    def _sign_bit(self) -> int:
        # negative, so that `magnitude | sign` is the encoding's two's complement value at every width
        return -(1 << (self.bits - 1))

    @property
    def _nan_encoding(self) -> int:
        if not self.has_negative_zero:  # the fnuz formats spell NaN where the others have -0
            return self._sign_bit
        if not self.has_infinity:  # float8_e4m3fn: the one code beyond the largest value
            return self._largest_magnitude + 1
        return self.highest_ordinal | 1 << (self.precision - 2)  # quiet

    # -- ordinals --------------------------------------------------------------------------------------------

    def to_ordinals(self, values: torch.Tensor) -> torch.Tensor:
        """Places of `values` (of this format's dtype) in the increasing list, as int64; `NAN_ORDINAL` for NaN."""
        magnitude, negative, nan = self._split(values)
        ordinals = torch.where(negative, -magnitude - int(self.has_negative_zero), magnitude)
        return torch.where(nan, NAN_ORDINAL, ordinals)

    def from_ordinals(self, ordinals: torch.Tensor) -> torch.Tensor:
        """Values at the given places (int64), the inverse of `to_ordinals`; NaN where no such place is."""
        negative = ordinals < 0
        magnitude = torch.where(negative, -ordinals - int(self.has_negative_zero), ordinals)
        outside = (ordinals < self.lowest_ordinal) | (ordinals > self.highest_ordinal)
        return self._join(magnitude, negative, outside)

    def consecutive(self, ordinals: range) -> torch.Tensor:
        """Values at consecutive places; those of one sign are counted in the encodings themselves."""
        first, last = ordinals[0], ordinals[-1]
        if first >= 0 and last <= self.highest_ordinal:
            encoding = torch.arange(first, last + 1, dtype=self.int_dtype)
        elif self.lowest_ordinal <= first and last < 0 and self.has_negative_zero:
            nearest = self._sign_bit - 1
            encoding = torch.arange(nearest - first, nearest - last - 1, -1, dtype=self.int_dtype)
        else:
            return self.from_ordinals(torch.arange(first, last + 1))
        return encoding.view(self.dtype)

    def ordinal_of(self, value: float) -> int:
        """Place of one value of the format, as `to_ordinals` has it, without a tensor around it."""
        if math.isinf(value):
            return self.highest_ordinal if value > 0 else self.lowest_ordinal
        exponent = max(math.frexp(value)[1] - 1, self.min_exponent) if value else self.min_exponent
        magnitude = (exponent - self.min_exponent) << (self.precision - 1)
        magnitude += int(math.ldexp(abs(value), self.precision - 1 - exponent))
        return -magnitude - self.has_negative_zero if math.copysign(1, value) < 0 else magnitude

    def value_of(self, ordinal: int) -> float:
        """Value at one place, the inverse of `ordinal_of`."""
        if ordinal < 0:
            return -self.value_of(-ordinal - self.has_negative_zero)
        if ordinal > self._largest_magnitude:
            return math.inf if self.has_infinity else math.nan
        hidden = 1 << (self.precision - 1)
        binade = max(ordinal // hidden - 1, 0)
        return math.ldexp(ordinal - binade * hidden, self.min_exponent - self.precision + 1 + binade)

    def _split(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Magnitude (int64, ordinal of the absolute value), sign and NaN-ness of each value."""
        if values.dtype != self.dtype:
            raise ValueError(
                f"{self.name} takes tensors of dtype {self.dtype}, not {values.dtype}: convert with round()"
            )
        encoding = values.detach().view(self.int_dtype).to(torch.int64)
        magnitude = encoding & ~self._sign_bit
        negative = encoding < 0
        nan = magnitude > self.highest_ordinal
        if not self.has_negative_zero:
            nan |= encoding == self._sign_bit
        return magnitude, negative, nan

    def _join(self, magnitude: torch.Tensor, negative: torch.Tensor, nan: torch.Tensor) -> torch.Tensor:
        """The inverse of `_split`; a negative zero loses its sign where the format has none."""
        signed = negative if self.has_negative_zero else negative & (magnitude != 0)
        encoding = torch.where(signed, magnitude | self._sign_bit, magnitude)
        return torch.where(nan, self._nan_encoding, encoding).to(self.int_dtype).view(self.dtype)

    # -- ulp and rounding of whole tensors -------------------------------------------------------------------

    def ulp(self, x: torch.Tensor) -> torch.Tensor:
        """Spacing of this format's values in the binade of each real `x` of any floating type, as float64.

        Floored at the smallest subnormal (around zero) and capped at the spacing below `largest` (beyond the
        format's range and at infinity); NaN for NaN. At a power of two it is the spacing above.
        """
        double = x.detach().to(torch.float64)
        # Subnormal doubles read as exponent -1023, below every format's smallest.
        exponent = ((double.view(torch.int64) >> 52) & 0x7FF) - 1023
        spacing = exponent.clamp(self.min_exponent, self.max_exponent) - (self.precision - 1)
        # 2**spacing by its bits: float64's own smallest spacings are subnormal.
        normal = (spacing + 1023).clamp(min=1) << 52
        subnormal = torch.ones_like(spacing) << (spacing + 1074).clamp(0, 51)
        power = torch.where(spacing >= -1022, normal, subnormal).view(torch.float64)
        return torch.where(double.isnan(), double, power)

    def round(self, values: torch.Tensor) -> torch.Tensor:
        """The format's value nearest to each double, ties to even, in one rounding.

        `values` is float64 (any narrower floating type is widened first, which is exact). Signs of zero are
        kept where the format has them, also for what underflows; magnitudes beyond the range become infinite, or
        NaN where the format has no infinity; NaN stays NaN.
        """
        if self.dtype in (torch.float32, torch.float16, torch.bfloat16):
            return _rounded_once(values.detach().to(torch.float64), self.dtype)
        encoding = values.detach().to(torch.float64).view(torch.int64)
        biased = (encoding >> 52) & 0x7FF
        fraction = encoding & ((1 << 52) - 1)
        significand = torch.where(biased == 0, fraction, fraction | 1 << 52)
        exponent = biased.clamp(min=1) - 1023
        binade = exponent.clamp(min=self.min_exponent)
        # 54 dropped bits already leave less than half a step of a 53-bit significand.
        dropped = (binade - exponent + 53 - self.precision).clamp(max=54)
        kept = significand >> dropped
        twice_rest = (significand - (kept << dropped)) << 1
        step = torch.ones_like(dropped) << dropped
        kept = kept + ((twice_rest > step) | ((twice_rest == step) & (kept & 1 == 1)))
        # A carry out of `kept` lands on the next binade's first value by itself: that makes ordinals contiguous.
        magnitude = ((binade - self.min_exponent) << (self.precision - 1)) + kept
        nan = (biased == 0x7FF) & (fraction != 0)
        if not self.has_infinity:
            nan |= magnitude > self._largest_magnitude
        return self._join(magnitude.clamp(max=self.highest_ordinal), encoding < 0, nan)

    # -- exact rounding of one real --------------------------------------------------------------------------

    def round_rational(self, value: Fraction) -> float:
        """The format's value nearest to an exact rational, ties to even, as a Python float.

        Magnitudes beyond the range become infinite, or NaN where the format has no infinity. A negative number that
        underflows gives -0.0 where the format has it, an exact zero 0.0.
        """
        if value == 0:  # has no leading bit
            return 0.0
        exponent = value.numerator.bit_length() - value.denominator.bit_length()
        # Now the magnitude lies in [2**(exponent - 1), 2**(exponent + 1)); settle which half.
        exponent = max(exponent - (abs(value) < Fraction(2) ** exponent), self.min_exponent)
        kept = round(abs(value) * Fraction(2) ** (self.precision - 1 - exponent))
        magnitude = ((exponent - self.min_exponent) << (self.precision - 1)) + kept
        nearest = self.value_of(magnitude)
        return -nearest if value < 0 and (nearest or self.has_negative_zero) else nearest


def _rounded_once(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What torch's own conversions give, with one rounding instead of two on the way to 16 bits.

    A number rounded to float32 by rounding to odd (what is inexact takes the neighbour with an odd last bit) rounds to
    22 bits or fewer as the number itself does (Boldo & Melquiond 2008, "Emulation of FMA and correctly rounded sums").
    """
    single = values.to(torch.float32)
    if dtype is torch.float32:
        return single
    back, encoding = single.to(torch.float64), single.view(torch.int32)
    towards_zero = encoding - (back.abs() > values.abs()).int()
    return (towards_zero | (back != values).int()).view(torch.float32).to(dtype)


FORMATS: tuple[Format, ...] = (
    Format("float64", torch.float64, 64, 53, -1022, 1023),
    Format("float32", torch.float32, 32, 24, -126, 127),
    Format("float16", torch.float16, 16, 11, -14, 15),
    Format("bfloat16", torch.bfloat16, 16, 8, -126, 127),
    # Overflow is NaN, the non-saturating conversion of the OCP 8-bit specification, which ml_dtypes follows too.
    # torch's cast saturates at 448, which would hide an overflow inside a plausible number.
    Format("float8_e4m3fn", torch.float8_e4m3fn, 8, 4, -6, 8, has_infinity=False),
    Format("float8_e5m2", torch.float8_e5m2, 8, 3, -14, 15),
    # "fnuz" is "finite, NaN, unsigned zero": NaN is what would be -0
    Format(
        "float8_e4m3fnuz", torch.float8_e4m3fnuz, 8, 4, -7, 7, has_infinity=False, has_negative_zero=False
    ),
    Format(
        "float8_e5m2fnuz", torch.float8_e5m2fnuz, 8, 3, -15, 15, has_infinity=False, has_negative_zero=False
    ),
)
"""Every format known to numcheck, widest first."""


def format_of(what: str | torch.dtype | Format) -> Format:
    """The format with this name or dtype; a `Format` is returned as is."""
    if isinstance(what, Format):
        return what
    for known in FORMATS:
        if what in (known.name, known.dtype):
            return known
    raise ValueError(f"unknown format {what!r}: write one of {', '.join(known.name for known in FORMATS)}")
