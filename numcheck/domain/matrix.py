"""A matrix of real numbers."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.intervals import Interval, interval_in_words, interval_of
from numcheck.domain.kinds import as_tuple, check_interval, check_sizes, known_size, no_list
from numcheck.domain.measures import Measure
from numcheck.domain.meetings import BETWEEN, Meeting, Meetings, the_same
from numcheck.domain.moves import shorter
from numcheck.domain.numbers import Doubles, Mask, parse_numbers, rounded
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FORMS = ("any", "symmetric", "positive definite", "orthogonal")


@final
@dataclass(frozen=True)
class Matrix:
    """A matrix of `shape` with entries in [low, high] and of a `form`; a column has shape (N, rows, columns).

    With `sizes` it has as many rows as each of them says, whatever the shape says.

    The form is "any", "symmetric", "positive definite" or "orthogonal". Among those of every form but the last are ones
    that are singular as far as their digits tell, or nearly. An orthogonal one is rounded entry by entry, so that its
    columns are as long and as upright as roundings leave them.
    """

    low: float
    high: float
    shape: tuple[int, int] = (2, 2)
    form: str = "any"
    sizes: tuple[int, ...] | None = None

    discrete = False
    differentiable = True
    enumerated = staticmethod(no_list)
    column = staticmethod(rounded)
    shortenings = staticmethod(shorter)

    def __post_init__(self) -> None:
        check_interval("matrix", self.low, self.high, ())
        if (
            not isinstance(self.shape, tuple)
            or len(self.shape) != 2
            or any(type(n) is not int or n < 1 for n in self.shape)
        ):
            raise ValueError(f"matrix(shape={self.shape!r}): write rows and columns, such as shape=(2, 3)")
        if self.form not in FORMS:
            raise ValueError(f"matrix(form={self.form!r}): write one of {', '.join(FORMS)}")
        if self.sizes is not None:
            check_sizes("matrix", self.sizes, 1)
            if self.form != "any":
                raise ValueError(
                    f"matrix(sizes={self.sizes}, form={self.form!r}): write a shape instead of sizes"
                )
        if self.form != "any" and self.shape[0] != self.shape[1]:
            raise ValueError(f"matrix(shape={self.shape}, form={self.form!r}): write as many rows as columns")
        if self.form != "any" and not -self.high <= self.low <= 0 < self.high:
            raise ValueError(
                f"matrix({self.low}, {self.high}, form={self.form!r}): write bounds around zero, such as -8, 8"
            )
        if self.form == "orthogonal" and not self.low <= -1 < 1 <= self.high:
            raise ValueError(
                f"matrix({self.low}, {self.high}, form='orthogonal'): write bounds from -1 to 1 or wider"
            )

    @property
    def scalable(self) -> bool:
        """Whether a multiple of one is one: not of those whose columns have length one."""
        return self.form != "orthogonal"

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The condition number, but of what is orthogonal and of rows and columns."""
        return (
            ()
            if self.form == "orthogonal" or 1 in self.shape
            else (Measure("condition number of {}", _condition),)
        )

    def describe(self) -> str:
        form = "" if self.form == "any" else f"{self.form} "
        rows = self.shape[0] if self.sizes is None else ", ".join(map(str, self.sizes))
        return f"a {form}matrix of {rows} by {self.shape[1]} reals" + interval_in_words(
            self.low, self.high, ()
        )

    def _with_rows(self, size: int | None) -> "Matrix":
        """Those of one size."""
        return replace(self, shape=(known_size("matrix", size), self.shape[1]), sizes=None)

    def interval(self, format: Format) -> Interval:
        """Where an entry lies, as the format has it."""
        return interval_of("matrix", self.low, self.high, (), format)

    def parse(self, text: str, format: Format) -> list[list[float]]:
        """Rows with semicolons between them, such as 1,2;3,4."""
        rows = [parse_numbers(row, format) for row in text.split(";")]
        whole = len(rows) if self.sizes else self.shape[0]
        if len(rows) != whole or any(len(row) != self.shape[1] for row in rows):
            raise ValueError(f"write {whole} rows of {self.shape[1]} as 1,2;3,4 instead of {text!r}")
        return rows

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        """Matrices with their entries in the interval and, as far as float64 tells, of the form."""
        inside = self.interval(format).contains(column)
        wide = column.double().numpy()
        if self.form == "any":
            return inside
        finite: Mask = np.logical_and.reduce(np.isfinite(wide.reshape(len(wide), -1)), axis=1)
        inside &= finite
        if self.form == "orthogonal":
            safe = np.where(finite[:, None, None], wide, 0.0)
            off = np.abs(np.swapaxes(safe, 1, 2) @ safe - np.eye(self.shape[0])).max(axis=(1, 2))
            return inside & (
                off <= 8 * self.shape[0] * (format.unit_roundoff + format.smallest_subnormal + 2.0**-52)
            )
        inside &= (wide == np.swapaxes(wide, 1, 2)).all(axis=(1, 2))
        return inside & _definite(wide, inside) if self.form == "positive definite" else inside

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """Identities, equal rows, one entry, steps, nearly singular ones, each scaled by powers of two."""
        if self.sizes is not None:
            return self._with_rows(size).corners(format, None, rng)
        rows, columns = self.shape
        eye, ones = np.eye(rows, columns), np.ones(self.shape)
        steps = np.arange(1.0, rows * columns + 1).reshape(self.shape)
        p = format.precision
        if self.form == "orthogonal":
            shapes = [
                eye,
                -eye,
                np.roll(eye, 1, axis=0),
                *(_turned(eye, angle) for angle in (2.0**-p, 2.0 ** -(p // 2), 0.5)),
            ]
        else:
            small = 2.0 ** -(p - 2)
            diagonal = np.where(eye > 0, 2.0 ** -np.arange(columns)[None, :], 0.0)
            shapes = [
                eye,
                diagonal,
                ones + eye,
                ones + small * eye,
                np.where(eye > 0, np.where(np.arange(rows) == 0, 1.0, small)[:, None], 0.0),
            ]
            if self.form != "positive definite":
                one = np.zeros(self.shape)
                one[0, -1] = 1
                shapes += [
                    0 * eye,
                    -eye,
                    ones,
                    -ones,
                    eye[::-1].copy(),
                    one + one.T if self.form == "symmetric" else one,
                ]
            if self.form == "any":
                shapes += [steps, np.where(np.arange(rows)[:, None] == 0, 1.0, steps)]
        scales = (
            [1.0]
            if self.form == "orthogonal"
            else [1.0, *(2.0**k for k in (p // 2, p, -p, format.min_exponent // 2, format.max_exponent // 2))]
        )
        return self._kept([scale * shape for shape in shapes for scale in scales], format)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Entries that are ordinal-uniform each for itself; of a form, sizes that are log-uniform over the format."""
        if self.sizes is not None:
            return self._with_rows(size).sweep(format, count, None, rng)
        if self.form == "any":
            axes = [self.interval(format).sweep(count, rng) for _ in range(self.shape[0] * self.shape[1])]
            places = torch.from_numpy(np.stack(axes, axis=1)).reshape(count, *self.shape)
            return format.from_ordinals(places)
        # of float64 half of it, for whether a matrix is of the form is looked at in doubles
        part = 1.0 if format.bits < 64 else 0.5
        top = math.log2(min(max(abs(self.low), abs(self.high)), format.largest)) - 2
        return self._formed(
            count, np.exp2(rng.uniform(part * format.min_exponent, part * top, size=count)), format, rng
        )

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Normal entries, products of such, and at a quarter of the points nearly singular ones."""
        if self.sizes is not None:
            return self._with_rows(size).sample(format, count, None, rng)
        return self._formed(count, np.exp(rng.standard_normal(count)), format, rng)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Those of numbers, entry by entry, as far as the form keeps; of two an inverse; of one two equal rows."""
        if self.sizes is not None:
            return self._with_rows(size).meetings(format, None)
        if self.form == "orthogonal":
            return {"equal": Meeting(follow=the_same), "inverse": Meeting(follow=_transposed)}
        told = dict(BETWEEN)
        if self.form == "positive definite":
            told = {name: told[name] for name in ("equal", "ulps apart", "close")}
        if self.form != "any":
            told = {name: _mirrored(one) for name, one in told.items()}
        if self.shape[0] == self.shape[1]:
            told["inverse"] = (
                Meeting(follow=_inverse) if self.form == "any" else _mirrored(Meeting(follow=_inverse))
            )
        if min(self.shape) > 1:
            told["nearly singular"] = Meeting(
                lambda own, format, rng: self._nearly_singular(own, format, rng)
            )
        return told

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[list[float]]]":
        """Small integers times a power of two; of a form, what integers make; the simplest are zero or one."""
        if self.sizes is not None:
            return self._with_rows(size).strategy(format, None)
        from hypothesis import strategies as st

        rows, columns = self.shape
        numbers = st.lists(st.integers(-4, 4), min_size=rows * columns, max_size=rows * columns)
        exponents = st.sampled_from([0, 1, -1, 4, -4, format.precision // 2, -(format.precision // 2)])

        def made(numbers: list[int], exponent: int, near: int) -> list[list[float]]:
            entries = np.array(numbers, dtype=np.float64).reshape(self.shape)
            shape = entries * 2.0**exponent
            if self.form == "symmetric":
                shape = np.triu(shape) + np.triu(shape, 1).T
            elif self.form == "positive definite":
                bend = np.ones((rows, rows)) * 2.0**exponent
                shape = bend + (1 + np.abs(np.diag(np.diag(entries)))) * np.eye(rows) * 2.0 ** (
                    exponent - near
                )
            elif self.form == "orthogonal":
                shape = _turned(np.eye(rows), float(entries[0, 0]) / 2 ** (near % format.precision))
            plain = np.eye(rows, columns)
            both = _bounded(np.stack([shape, plain]), self.low, self.high, format)
            return self._kept(list(both), format).double()[0].tolist()

        return st.builds(made, numbers, exponents, st.integers(0, max(0, min(format.precision - 3, 20))))

    def _kept(self, shapes: list[Doubles], format: Format) -> torch.Tensor:
        """Those matrices that are of the domain once they are rounded."""
        made = format.round(torch.from_numpy(np.stack(shapes) + 0.0))
        return made[torch.from_numpy(np.flatnonzero(self.contains(made, format)))]

    def _formed(self, count: int, scale: Doubles, format: Format, rng: Generator) -> torch.Tensor:
        """So many matrices of the form, about so large each, a quarter of them nearly singular."""
        made = _FORMED[self.form](rng.standard_normal((count, *self.shape)), format)
        if self.form != "orthogonal":
            made *= scale[:, None, None]
        column = format.round(torch.from_numpy(_bounded(made, self.low, self.high, format)))
        if self.form != "orthogonal" and min(self.shape) > 1:
            some = torch.from_numpy(np.flatnonzero(rng.random(count) < 0.25))
            column[some] = self._nearly_singular(column[some], format, rng)
        inside = self.contains(column, format)
        plain = _bounded(
            np.broadcast_to(np.eye(*self.shape), (1, *self.shape)).copy(), self.low, self.high, format
        )
        column[torch.from_numpy(np.flatnonzero(~inside))] = format.round(torch.from_numpy(plain))
        return column

    def _nearly_singular(self, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
        """The matrices with their last row made of the first, but for a part down to an ulp; the form is kept."""
        wide = own.double().numpy().copy()
        part = np.exp2(-rng.integers(2, max(3, min(format.precision, 40)), size=(len(wide), 1)))
        if self.form == "positive definite":
            size = np.abs(wide).max(axis=(1, 2))[:, None, None] / 2
            ones = np.sign(wide[:, 0, :, None]) * np.sign(wide[:, 0, None, :])
            bent = np.exp2(np.frexp(np.where(size > 0, size, 1.0))[1]) * (
                ones + part[:, :, None] * np.eye(self.shape[0])
            )
            wide = _bounded(bent, self.low, self.high, format)
        elif self.form == "symmetric":
            wide[:, -1, :] = wide[:, 0, :] * rng.choice([1.0, -1.0], size=(len(wide), 1))
            wide[:, :, -1] = wide[:, -1, :]
            wide[:, -1, -1] = wide[:, 0, 0] * (1 + part[:, 0])
            wide[:, 0, -1] = wide[:, -1, 0]
        else:
            times = np.exp2(rng.integers(-1, 1, size=(len(wide), 1)))
            wide[:, -1, :] = wide[:, 0, :] * times
            wide[:, -1, -1] *= 1 + part[:, 0]
        return format.round(torch.from_numpy(wide))


def _condition(column: torch.Tensor) -> Doubles:
    """The largest singular value over the least, of finite matrices."""
    wide = column.double().numpy()
    finite = np.isfinite(wide).reshape(len(wide), -1).min(axis=1)
    with np.errstate(all="ignore"):
        told = np.linalg.cond(np.where(finite[:, None, None], wide, 0.0))
    return np.where(finite, told, np.nan)


def _mirrored(meeting: Meeting) -> Meeting:
    """The same, with what stands above the diagonal below it, too."""

    def mirror(column: torch.Tensor, format: Format) -> torch.Tensor:
        wide = column.double()
        above = torch.ones_like(wide[0], dtype=torch.bool).triu()
        return format.round(torch.where(above, wide, wide.transpose(1, 2)))

    lead, follow = meeting.lead, meeting.follow
    return Meeting(
        None if lead is None else lambda own, format, rng: mirror(lead(own, format, rng), format),
        None
        if follow is None
        else lambda one, own, format, rng: mirror(follow(one, own, format, rng), format),
        meeting.everyone,
    )


def _transposed(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """Rows for columns: the inverse of an orthogonal matrix."""
    return leading.transpose(1, 2).contiguous()


def _inverse(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """Inverses, as float64 has them; not a number where there is none."""
    wide = leading.double().numpy()
    found = np.full_like(wide, np.nan)
    with np.errstate(all="ignore"):
        regular = np.flatnonzero(np.isfinite(wide).all(axis=(1, 2)))
        regular = regular[np.linalg.det(wide[regular]) != 0]
        found[regular] = np.linalg.inv(wide[regular])
    return format.round(torch.from_numpy(found))


def matrix(
    low: float,
    high: float,
    shape: tuple[int, int] = (2, 2),
    form: str = "any",
    sizes: Iterable[int] | None = None,
) -> Matrix:
    """A matrix with entries in [low, high]: any, or symmetric, positive definite or orthogonal as `form` says.

    With `sizes` it has as many rows as each of them says, and as many columns as `shape`.
    """
    return Matrix(low, high, shape, form, None if sizes is None else as_tuple("matrix", "sizes", sizes))


def _symmetric(normal: Doubles, format: Format) -> Doubles:
    return np.triu(normal) + np.swapaxes(np.triu(normal, 1), 1, 2)


def _positive(normal: Doubles, format: Format) -> Doubles:
    """Products with their transposes, with enough on the diagonal that rounding leaves them definite."""
    n = normal.shape[1]
    made = normal @ np.swapaxes(normal, 1, 2)
    made = (made + np.swapaxes(made, 1, 2)) / 2
    size = np.trace(made, axis1=1, axis2=2)[:, None, None]
    return made + 4 * n * (format.unit_roundoff + 2.0**-45) * size * np.eye(n)


def _orthogonal(normal: Doubles, format: Format) -> Doubles:
    """The turns and reflections of normal matrices."""
    return np.linalg.qr(normal)[0]


_FORMED: dict[str, Callable[[Doubles, Format], Doubles]] = {
    "any": lambda normal, format: normal,
    "symmetric": _symmetric,
    "positive definite": _positive,
    "orthogonal": _orthogonal,
}


def _bounded(wide: Doubles, low: float, high: float, format: Format) -> Doubles:
    """Matrices brought into the bounds: shrunk as wholes by powers of two, where the bounds lie around zero."""
    if low < 0 < high:
        reach = min(-low, high, format.largest)
    elif low == 0:
        wide, reach = np.abs(wide), min(high, format.largest)
    else:
        return np.clip(
            np.where(np.isfinite(wide), wide, low), max(low, -format.largest), min(high, format.largest)
        )
    largest = np.abs(wide).max(axis=(1, 2), keepdims=True)
    over = np.maximum(np.frexp(np.maximum(largest, 2.0**-1000) / reach)[1], 0)
    return wide * np.ldexp(1.0, -np.where(largest > reach, over, 0))


def _definite(wide: Doubles, inside: Mask) -> Mask:
    """Which symmetric matrices have positive eigenvalues only, as float64 has them."""
    safe = np.where(inside[:, None, None], wide, np.eye(wide.shape[1]))
    largest = np.abs(safe).max(axis=(1, 2), keepdims=True)
    return np.linalg.eigvalsh(safe / np.where(largest > 0, largest, 1.0))[:, 0] > 0


def _turned(eye: Doubles, angle: float) -> Doubles:
    """The identity turned by an angle in its first plane."""
    turned: Any = eye.copy()
    if len(eye) > 1:
        turned[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return turned
