"""Drawings of the report as inline SVG: fates, errors against inputs, histograms and ladders of scales.

Colours and line styles stand in the page's stylesheet, so that one drawing serves light, dark and paper.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from markupsafe import Markup, escape

from numcheck.report.figures import bucket_limit, budget_ulps, count, figure, number, power, scaled
from numcheck.report.summary import FATES, OF, Measurement, Report

# A share that is not zero stays visible, however small: percent of a bar's length.
VISIBLE = 2.5

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 628, 44, 244
FLOOR_BITS = -3
"""Errors up to 1/8 ulp, zero among them, lie on the floor of the logarithmic axis."""

Bin = tuple[float, float, float, float, bool]
"""Where a bin begins and ends, its median and largest error in ulps, and whether it holds a point over budget."""


def fate_widths(fates: Mapping[str, int]) -> list[tuple[str, int, float]]:
    """Each fate that occurs, its points, and its share of a bar of length 100.

    Rare fates are widened to stay visible and the others give way, so the widths always add up to 100.
    """
    present = [(fate, fates[fate]) for fate in FATES if fates.get(fate)]
    total = sum(points for _, points in present)
    thin = [fate for fate, points in present if 100 * points / total < VISIBLE]
    wide = total - sum(points for fate, points in present if fate in thin)
    left = 100 - VISIBLE * len(thin)
    return [(fate, points, VISIBLE if fate in thin else left * points / wide) for fate, points in present]


def fates_text(fates: Mapping[str, int]) -> str:
    """The bar in words: `1,880 within, 120 over`."""
    return ", ".join(f"{count(points)} {fate}" for fate, points, _ in fate_widths(fates)) or "no points"


def fates_bar(fates: Mapping[str, int]) -> Markup:
    """The stacked bar of a measurement's fates, its counts shown on hovering and read aloud."""
    return _image("bar", "0 0 100 8", fates_text(fates), _stack(fates), ' preserveAspectRatio="none"')


def silent_bar(fates: Mapping[str, int]) -> Markup:
    """The same bar without words, to stand above them."""
    opening = '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
    return Markup(f"{opening}{_stack(fates)}</svg>")


def _stack(fates: Mapping[str, int]) -> str:
    parts: list[str] = []
    start = 0.0
    for fate, _, width in fate_widths(fates):
        parts.append(f'<rect class="{escape(fate)}" x="{start:.4g}" width="{width:.4g}" height="8"/>')
        start += width
    return "".join(parts)


def _image(kind: str, view: str, text: str, drawing: str, more: str = "") -> Markup:
    """A drawing with the words that stand for it, shown on hovering and read aloud."""
    return Markup(
        f'<svg class="{kind}" viewBox="{view}"{more} role="img"><title>{escape(text)}</title>{drawing}</svg>'
    )


@dataclass(frozen=True)
class Heights:
    """The logarithmic error axis of one format: from 1/8 ulp to the loss of every digit, and a lane for the rest."""

    format: str
    digits: int
    """The error of 2**digits ulps at which no digit of the result is right."""

    def at(self, ulps: float) -> int:
        """The height of an error; what is worse than four times the loss of every digit lies in the lane on top."""
        if not ulps < 2.0 ** (self.digits + 2):
            return TOP - 12
        bits = max(FLOOR_BITS, math.log2(ulps)) if ulps > 0 else FLOOR_BITS
        return round(BOTTOM - (BOTTOM - TOP) * (bits - FLOOR_BITS) / (self.digits + 2 - FLOOR_BITS))


def error_axes(report: Report) -> dict[str, Heights]:
    """One error axis for each format, shared by the whole page, so that plots compare at a glance.

    The report's `precision` says how many digits (bits) a format has; without it the largest error shown decides.
    """
    precision: Mapping[str, int] = report.get("precision") or {}
    worst: dict[str, float] = {}
    for measurement in report["measurements"]:
        name = measurement["format"]
        errors = [number(bin_[4]) for bin_ in (measurement.get("plot") or {}).get("bins") or ()]
        finite = [error for error in errors if error is not None and math.isfinite(error)]
        worst[name] = max([worst.get(name, 1.0), *finite])
    return {
        name: Heights(name, precision.get(name) or min(54, max(8, math.ceil(math.log2(largest)))))
        for name, largest in worst.items()
    }


def axis_frame(heights: Heights) -> Markup:
    """What every plot of a format shares: grid, error ticks, and the line beyond which no digit is right."""
    step = 4 if heights.digits <= 12 else 8 if heights.digits <= 30 else 16
    top = heights.at(2.0**heights.digits)
    grid = [bits for bits in range(0, heights.digits, step) if not bits or heights.at(2.0**bits) - top >= 22]
    lines: list[str] = []
    for kind, bits in [*(("grid", bits) for bits in grid), ("lost", heights.digits)]:
        y, text = heights.at(2.0**bits), power(2, bits) if bits else "1"
        lines.append(f'<path class="{kind}" d="M{LEFT} {y}H{RIGHT}"/>')
        lines.append(f'<text class="y" x="{LEFT - 8}" y="{y + 7}">{text}</text>')
    lines.append(f'<text class="y" x="{LEFT - 8}" y="{TOP - 8}">∞</text>')
    lines.append(f'<path class="axis" d="M{LEFT} {TOP - 20}V{BOTTOM}H{RIGHT}"/>')
    return Markup(f'<g id="axis-{escape(heights.format)}">{"".join(lines)}</g>')


def error_plot(measurement: Measurement, heights: Heights) -> Markup:
    """Error against input: the largest and the median error of each bin in ulps, and the budget's line."""
    bins = _bins(measurement)
    if not bins:
        return Markup('<p class="none">No point to plot.</p>')
    place = _placement([edge for bin_ in bins for edge in bin_[:2]])
    ticks = _ticks(bins, place)
    texts = "".join(f'<text x="{x}">{text}</text>' for x, text in ticks)
    parts: list[str] = [
        f'<use href="#axis-{escape(heights.format)}"/>',
        f'<path class="tick" d="{"".join(f"M{x} {BOTTOM}v6" for x, _ in ticks)}"/>',
        f'<g class="x" transform="translate(0 {BOTTOM + 26})">{texts}</g>',
    ]
    touching = _neighbours(bins)
    for run in touching:
        for over, group in groupby(run, key=lambda bin_: bin_[4]):
            alike, kind = list(group), "bad" if over else "fine"
            largest, back = _steps(alike, 3, place, heights), _steps(alike, 2, place, heights, back=True)
            parts.append(f'<path class="spread {kind}" d="{largest}{back}Z"/>')
            parts.append(f'<path class="largest {kind}" d="{largest}"/>')
    parts += [f'<path class="median" d="{_steps(run, 2, place, heights)}"/>' for run in touching]
    allowed = budget_ulps(measurement.get("budget") or "")
    if allowed is not None:
        parts.append(f'<path class="budget" d="M{LEFT} {heights.at(allowed)}H{RIGHT}"/>')
    name = measurement["plot"]["x"][-1]
    parts.append(f'<text class="name" x="{RIGHT}" y="{HEIGHT - 4}">{escape(name)}</text>')
    text = (
        f"{OF[measurement['of']]} error in ulps against {name}, {measurement['format']}: "
        f"worst {figure(measurement.get('worst_ulp'))} ulp, budget {measurement.get('budget') or 'none'}"
    )
    # No title element: hovering over a plot is for looking at it.
    opening = f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(text)}">'
    return Markup(f"{opening}{''.join(parts)}</svg>")


def histogram(buckets: Mapping[str, int]) -> Markup:
    """How many points err by how many ulps; heights are logarithmic, since a few bad points matter most."""
    ordered = sorted(buckets.items(), key=lambda item: bucket_limit(item[0]))
    if not any(points for _, points in ordered):
        return Markup("–")
    most = math.log1p(max(points for _, points in ordered))
    bars: list[str] = []
    for place, (_, points) in enumerate(ordered):
        high = max(1.0, round(20 * math.log1p(points) / most, 1)) if points else 0.4
        bars.append(f"M{8 * place} 21h7v-{high:g}h-7z")
    words = ", ".join(f"{bucket} ulp: {count(points)}" for bucket, points in ordered if points)
    width, drawing = 8 * len(ordered), f'<path d="{"".join(bars)}"/>'
    size = f' width="{width}" height="22"'
    return _image("histogram", f"0 0 {width} 22", f"points by error: {words}", drawing, size)


def ladder_text(scaling: Mapping[str, Any] | None) -> str:
    """The scales at which the budget holds, in words."""
    if not scaling or not scaling.get("ladder"):
        return "not measured"
    safe = scaling.get("safe")
    if not safe:
        return "no safe scale"
    exponents = [rung[0] for rung in scaling["ladder"]]
    if safe[0] <= min(exponents) and safe[1] >= max(exponents):
        return f"every scale tried, {power(2, safe[0])} to {power(2, safe[1])}"
    return f"{power(2, safe[0])} to {power(2, safe[1])}"


def loss_scales_text(underflow: Mapping[str, Any] | None) -> str:
    """Which scales of a loss keep its gradient, in words; nothing where no scale is needed, or none was measured."""
    told = (underflow or {}).get("loss_scales")
    if not told or (told["safe"] and told["safe"][0] == 0):
        return ""
    lost = f"unscaled a gradient loses {number(told['lost']):.2g} of itself"
    if not told["safe"]:
        return f"{lost}, and no loss scale keeps all of it"
    low, high = told["safe"]
    return f"{lost}; safe loss scales {power(2, low)} to {power(2, high)}"


def ladder(scaling: Mapping[str, Any] | None) -> Markup:
    """Spent share against powers of two applied to the inputs; the line is the budget."""
    rungs = [(int(rung[0]), number(rung[1])) for rung in (scaling or {}).get("ladder") or ()]
    known = [(exponent, spent) for exponent, spent in rungs if spent is not None]
    if len(known) < 2:
        return Markup("")
    low, high = known[0][0], known[-1][0]

    def height(spent: float) -> float:
        # From a thousandth of the budget at the bottom to a thousand budgets, and what is no number, on top.
        decades = math.log10(max(spent, 1e-3)) if spent < 1e3 else 3.0
        return round(12 - 3.3 * decades, 1)

    spots = [
        (round(1 + 94 * (exponent - low) / max(1, high - low), 1), height(spent)) for exponent, spent in known
    ]
    level = [list(run) for _, run in groupby(spots, key=lambda spot: spot[1])]  # of which the ends are enough
    bends = [spot for run in level for spot in dict.fromkeys((run[0], run[-1]))]
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in bends)
    broken = "".join(
        f"M{x:g} {y:g}h0" for (x, y), (_, spent) in zip(spots, known, strict=True) if not spent <= 1
    )
    dots = f'<path class="broken" d="{broken}"/>' if broken else ""
    words = (
        f"spent share by scale, {power(2, low)} to {power(2, high)}: budget holds at {ladder_text(scaling)}"
    )
    drawing = f'<path class="limit" d="M0 12H96"/><path class="line" d="{line}"/>{dots}'
    return _image("ladder", "0 0 96 24", words, drawing, ' width="96" height="24"')


DOTS = ((0, -12), (13, -9), (-13, -9), (0, 25), (13, 21), (-13, 21), (13, 6), (-13, 6))
"""Where the number of a dot may stand beside it; the first place that is free is taken."""


def front_plot(dots: Sequence[tuple[int, float, float, bool]], text: str) -> Markup:
    """Error in ulps against seconds, both logarithmic: numbered dots, and a stair through those on the front.

    Left is faster and low is more accurate; what is above or right of the stair is dominated. A dot is its number,
    seconds, error and whether it is on the front; an infinite error lies on top.
    """
    errors = [error for _, _, error, _ in dots if 0 < error < math.inf]
    bits = [math.log2(error) for error in errors] or [0.0]
    low, high = math.floor(min(bits) - 0.01), math.ceil(max(bits) + 0.01)
    begin, end = min(dot[1] for dot in dots) / 1.25, max(dot[1] for dot in dots) * 1.25

    def across(seconds: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * math.log(seconds / begin) / math.log(end / begin), 1)

    def height(error: float) -> float:
        if error == math.inf:
            return TOP
        share = (math.log2(error) - low) / (high - low) if error > 0 else 0.0
        return round(BOTTOM - 12 - (BOTTOM - 36 - TOP) * share, 1)

    lines: list[str] = []
    for bit in range(low, high + 1, max(1, math.ceil((high - low) / 5))):
        label = f"{2**bit}" if 0 <= bit <= 9 else f"1/{2**-bit}" if -6 <= bit < 0 else power(2, bit)
        lines.append(f'<path class="grid" d="M{LEFT} {height(2.0**bit)}H{RIGHT}"/>')
        lines.append(f'<text class="y" x="{LEFT - 8}" y="{height(2.0**bit) + 7}">{label}</text>')
    if any(dot[2] == math.inf for dot in dots):
        lines.append(f'<text class="y" x="{LEFT - 8}" y="{TOP + 7}">∞</text>')
    lines.append(f'<path class="axis" d="M{LEFT} {TOP - 20}V{BOTTOM}H{RIGHT}"/>')
    taken: list[float] = []
    for seconds in _round_numbers(begin, end):
        x = across(seconds)
        lines.append(f'<path class="tick" d="M{x} {BOTTOM}v6"/>')
        if x <= RIGHT - 24 and all(abs(x - other) >= 76 for other in taken):
            taken.append(x)
            lines.append(f'<text class="x" x="{x}" y="{BOTTOM + 26}">{scaled(seconds, "s")}</text>')
    stair = ""
    places = [(number_, across(seconds), height(error), best) for number_, seconds, error, best in dots]
    for _, x, y, best in sorted(places, key=lambda place: place[1]):
        if best:
            stair += f"H{x}V{y}" if stair else f"M{x} {TOP - 20}V{y}"
    lines.append(f'<path class="front" d="{stair}H{RIGHT}"/>')
    spots = [(x, y - 6) for _, x, y, _ in places]
    for number_, x, y, best in places:
        kind = "best" if best else "beaten"
        lines.append(f'<circle class="{kind}" cx="{x}" cy="{y}" r="6"/>')
        near = next((at for at in DOTS if _is_free((x + at[0], y + at[1] - 6), spots, (x, y))), DOTS[0])
        spots.append((x + near[0], y + near[1] - 6))
        anchor = "start" if near[0] > 0 else "end" if near[0] < 0 else "middle"
        lines.append(
            f'<text class="dot {kind}" x="{x + near[0] - math.copysign(4, near[0]) * (near[0] != 0):g}" '
            f'y="{y + near[1]:g}" style="text-anchor:{anchor}">{number_}</text>'
        )
    return _image("plot", f"0 0 {WIDTH} {HEIGHT}", text, "".join(lines))


def _is_free(
    spot: tuple[float, float], spots: Sequence[tuple[float, float]], own: tuple[float, float]
) -> bool:
    """Whether a number may stand here: beside its own dot, and on no other dot or number."""
    others = [other for other in spots if other != (own[0], own[1] - 6)]
    return all(abs(spot[0] - x) > 17 or abs(spot[1] - y) > 15 for x, y in others)


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two numbers; those that matter most first."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [
        many * 10.0**exponent
        for many in (1, 2, 5, 3, 1.5, 4, 7)
        for exponent in exponents
        if low <= many * 10.0**exponent <= high
    ]


def _bins(measurement: Measurement) -> list[Bin]:
    """The plot's bins; a seventh entry, the worst spent share in the bin, says exactly which bins are over budget.

    Without it a bin is taken to be over budget when it exceeds the budget's ulps and the measurement breaks its
    budget somewhere: what conditioning forgives cannot be told apart then.
    """
    fine = ("within", "invalid", "unresolved")
    breaks = any(points for fate, points in measurement["fates"].items() if fate not in fine)
    allowed = budget_ulps(measurement.get("budget") or "")
    found: list[Bin] = []
    for bin_ in (measurement.get("plot") or {}).get("bins") or ():
        low, high, median, largest = (number(bin_[place]) for place in (0, 1, 3, 4))
        if low is None or high is None or largest is None or not bin_[5] or math.isnan(low + high):
            continue
        spent = number(bin_[6]) if len(bin_) > 6 else None
        over = not spent <= 1 if spent is not None else breaks and not largest <= (allowed or 0)
        found.append((low, high, largest if median is None else median, largest, over))
    return sorted(found, key=lambda bin_: bin_[:2])


@dataclass(frozen=True)
class _Placement:
    """A symmetric logarithmic input axis: linear below the threshold, logarithmic beyond, infinities at its ends."""

    low: float
    high: float
    threshold: float

    def _stretched(self, x: float) -> float:
        times = abs(x) / self.threshold  # which may overflow where the logarithm does not
        size = math.log1p(times) if times < math.inf else math.log(abs(x)) - math.log(self.threshold)
        return math.copysign(size, x)

    @cached_property
    def _ends(self) -> tuple[float, float]:
        return self._stretched(self.low), self._stretched(self.high)

    def at(self, x: float) -> int:
        start, end = self._ends
        if end <= start:
            return (LEFT + RIGHT) // 2
        inside = self._stretched(min(max(x, self.low), self.high))
        return round(LEFT + 6 + (RIGHT - LEFT - 12) * (inside - start) / (end - start))


def _placement(edges: Sequence[float]) -> _Placement:
    finite = [edge for edge in edges if math.isfinite(edge)] or [0.0]
    sizes = [abs(edge) for edge in finite if edge]
    return _Placement(min(finite), max(finite), min(sizes, default=1.0))


def _ticks(bins: Sequence[Bin], place: _Placement) -> list[tuple[int, str]]:
    """Zero, then powers of ten from the largest down, as many as fit side by side."""
    reach = max(abs(place.low), abs(place.high))
    wanted: list[tuple[float, str]] = [(0.0, "0")] if place.low <= 0 <= place.high else []
    if reach > 0:
        largest = math.floor(math.log10(reach))
        smallest = math.ceil(math.log10(place.threshold))
        every = max(1, math.ceil((largest - smallest + 1) / 4))
        for exponent in range(largest, smallest - 1, -every):
            text = f"{10**exponent}" if 0 <= exponent <= 3 else power(10, exponent)
            wanted += [(10.0**exponent, text), (-(10.0**exponent), f"−{text}")]
    ticks: list[tuple[int, str]] = []
    for x, text in wanted:
        if place.low <= x <= place.high and all(abs(place.at(x) - taken) >= 62 for taken, _ in ticks):
            ticks.append((place.at(x), text))
    if len(ticks) < 2:
        ticks = [(place.at(x), figure(x)) for x in dict.fromkeys((place.low, place.high))]
    return sorted(ticks)


def _neighbours(bins: Sequence[Bin]) -> list[list[Bin]]:
    """Bins that touch, so that no line is drawn where nothing was sampled."""
    runs: list[list[Bin]] = []
    for bin_ in bins:
        if runs and runs[-1][-1][1] >= bin_[0]:
            runs[-1].append(bin_)
        else:
            runs.append([bin_])
    return runs


def _span(bin_: Bin, place: _Placement) -> tuple[int, int]:
    """Left and right end of a bin; a bin of one input alone is still drawn three units wide."""
    left, right = place.at(bin_[0]), place.at(bin_[1])
    return (left, right) if right - left >= 3 else (left - 1, max(right, left + 2))


def _steps(run: Sequence[Bin], which: int, place: _Placement, heights: Heights, back: bool = False) -> str:
    """The stair of one figure from left to right, or back, to close an area; equal steps are written as one."""
    path = ""
    level: int | None = None
    end = 0
    for bin_ in reversed(run) if back else run:
        begin, end = reversed(_span(bin_, place)) if back else _span(bin_, place)
        y = heights.at(float(bin_[which]))
        if level is None:
            path = f"V{y}" if back else f"M{begin} {y}"
        elif y != level:
            path += f"H{begin}V{y}"
        level = y
    return f"{path}H{end}"
