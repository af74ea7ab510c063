"""Time beside error for a reader, made from the JSON alone: sentences, and pages with the front of each size."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from numcheck.report.drawing import front_plot
from numcheck.report.figures import count, counted, figure, number, percent, scaled, size_name
from numcheck.report.pages import rendered
from numcheck.report.store import finite, text_of, write_text

Row = Mapping[str, Any]

MOST_NAMED = 4
"""Dominated routines that a sentence names."""


@dataclass(frozen=True)
class Race:
    """Rows that compete, of one formula, size, format, device and direction, each with its number."""

    formula: str
    format: str
    device: str
    size: int
    of: str
    rows: tuple[tuple[int, Row], ...]

    @property
    def sentence(self) -> str:
        """Who is faster than whom and how much worse, along the front, and who is dominated."""
        return sentence([row for _, row in self.rows])

    @property
    def drawing(self) -> Markup:
        """Error against time."""
        dots = [(at, _seconds(row), _error(row), bool(row["on_front"])) for at, row in self.rows]
        return front_plot(dots, f"error in ulps against time, {self.of}: {self.sentence}")


@dataclass(frozen=True)
class Size:
    """All that was measured of a formula with so many numbers of a format on a device."""

    format: str
    device: str
    size: int
    races: tuple[Race, ...]

    @property
    def title(self) -> str:
        """What it is of."""
        return f"{count(self.size)} elements, {self.format}, {self.device}"

    @property
    def rows(self) -> list[tuple[int, Row]]:
        """Of all races."""
        return [row for race in self.races for row in race.rows]


def sections(report: Row) -> dict[str, list[Size]]:
    """The rows as a page shows them: formula by formula, size by size; numbers of dots are those of the routines."""
    found: dict[str, list[Size]] = {}
    rows: list[Row] = report["rows"]
    for key in dict.fromkeys((row["formula"], row["format"], row["device"], row["size"]) for row in rows):
        formula, form, device, size = key
        here = [row for row in rows if (row["formula"], row["format"], row["device"], row["size"]) == key]
        names = list(dict.fromkeys((row["routine"], row["mode"]) for row in here))
        races = tuple(
            Race(
                formula,
                form,
                device,
                size,
                of,
                tuple(
                    (1 + names.index((row["routine"], row["mode"])), row) for row in here if row["of"] == of
                ),
            )
            for of in dict.fromkeys(row["of"] for row in here)
        )
        found.setdefault(formula, []).append(Size(form, device, size, races))
    return found


def sentences(report: Row) -> list[str]:
    """One for each race: `forward, 1e6 of float32: softplus.torch_builtin: 1.3 times faster than ...`."""
    races = [race for sizes in sections(report).values() for size in sizes for race in size.races]
    several = len({race.device for race in races}) > 1
    return [
        f"{race.of}, {size_name(race.size)} of {race.format}{f' on {race.device}' if several else ''}: "
        f"{race.sentence}"
        for race in races
    ]


def sentence(rows: Sequence[Row]) -> str:
    """Along the front from the fastest on: how much faster than the next, and how much worse; then who is dominated."""
    modes = {row["mode"] for row in rows}

    def name(row: Row) -> str:
        return row["routine"] if len(modes) == 1 else f"{row['routine']} {row['mode']}"

    front = sorted((row for row in rows if row["on_front"]), key=lambda row: (_seconds(row), -_error(row)))
    told: list[str] = []
    for one, next_ in itertools.pairwise(front):
        whose = "" if told else f"{one['formula']}."
        told.append(f"{whose}{name(one)}: {_faster(one, next_)} {name(next_)}, {_worse(one, next_)}")
    if len(front) == 1:
        (best,) = front
        error = figure(best["worst_ulp"])
        alone = "the only one" if len(rows) == 1 else "the fastest and the most accurate"
        told.append(f"{best['formula']}.{name(best)}: {alone}, {error} ulp, {scaled(best['median_s'], 's')}")
    beaten = [name(row) for row in rows if not row["on_front"]]
    if len(beaten) > MOST_NAMED:
        told.append(f"the other {len(beaten)} are dominated")
    elif beaten:
        *most, last = beaten
        told.append(f"{', '.join(most)} and {last} are dominated" if most else f"{last} is dominated")
    return "; ".join(told)


def _faster(one: Row, other: Row) -> str:
    """How many times faster, where repeated runs differ by less than that."""
    ratio = _seconds(other) / _seconds(one)
    noise = max(number(row["spread"]) or 0.0 for row in (one, other))
    if ratio - 1 <= noise:
        return "as fast, within the noise, as"
    return (
        f"{ratio:.2f} times faster than"
        if ratio < 1.1
        else f"{figure(float(f'{ratio:.2g}'))} times faster than"
    )


def _worse(one: Row, other: Row) -> str:
    if _error(one) == _error(other):
        return "as accurate"
    if _error(one) == math.inf:
        return "but loses every digit somewhere"
    return f"{figure(_error(one) - _error(other))} ulp worse"


def _seconds(row: Row) -> float:
    return number(row["median_s"]) or math.nan


def _error(row: Row) -> float:
    error = number(row["worst_ulp"])
    return math.inf if error is None or math.isnan(error) else error


def noise_sentence(report: Row) -> str:
    """How noisy the run was."""
    noise, runs = report["noise"], report["runs"]
    if not report["rows"]:
        return "Nothing was measured."
    return (
        f"Medians of {runs} runs of each row lie {percent(noise['median'])} apart in the middle of all rows and "
        f"{percent(noise['worst'])} at worst"
    )


def bench_table(report: Row) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Titles and rows as a terminal shows them; the device only where there are several."""
    rows: list[Row] = report["rows"]
    several = len({row["device"] for row in rows}) > 1
    told = [
        {
            "formula": row["formula"],
            "routine": row["routine"],
            "mode": row["mode"],
            "format": row["format"],
            **({"device": row["device"]} if several else {}),
            "size": size_name(row["size"]),
            "of": row["of"],
            "median": scaled(row["median_s"], "s"),
            "quartiles": quartiles(row),
            "first": scaled(row["first_s"], "s"),
            "elements/s": scaled(row["throughput"], ""),
            "copying": percent(row["copy_share"]),
            "ulp": figure(row["worst_ulp"]),
            "spent": figure(row["spent"]),
            "front": "front" if row["on_front"] else "",
        }
        for row in rows
    ]
    return tuple(told[0]) if told else (), [tuple(row.values()) for row in told]


def quartiles(row: Row) -> str:
    """Between which times the middle half of the calls of a run lies."""
    low, high = (scaled(row["quantiles_s"][q], "s") for q in ("0.25", "0.75"))
    return f"{low.split()[0] if low.split()[1:] == high.split()[1:] else low} to {high}"


def agreement(row: Row) -> str:
    """Whether a compiled routine gives the eager one's bits."""
    if row["agrees_with_eager"] is None:
        return ""
    return "same bits" if row["agrees_with_eager"] else f"other bits at {counted(row['differs_at'], 'point')}"


def write_bench(report: Row, directory: str | Path) -> list[Path]:
    """Write bench.json, bench.md and bench.html into a folder, made if need be; returns their paths."""
    shown, folder = finite(report), Path(directory)
    return [
        write_text(folder / "bench.json", text_of(shown)),
        write_text(folder / "bench.md", _page("bench.md", shown)),
        write_text(folder / "bench.html", _page("bench.html", shown)),
    ]


def _page(template: str, report: Row) -> str:
    environment: Mapping[str, Any] = report["environment"]
    found = sections(report)
    return rendered(
        template,
        report=report,
        environment=environment,
        sections=found,
        noise=noise_sentence(report),
        notes=_notes(report),
        scaled=scaled,
        size_name=size_name,
        quartiles=quartiles,
        agreement=agreement,
        compared=len({row["mode"] for row in report["rows"]}) > 1,
    )


def _notes(report: Row) -> Iterable[str]:
    return [*report["failed"], *report["notes"], *(f"no row of {name}" for name in report["lost"])]
