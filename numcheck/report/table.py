"""The page of a table of largest errors, made from the table's JSON alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from numcheck.report.figures import bucket_limit, cell, count, counted, figure

Row = Mapping[str, Any]

FATES = {
    "special": ("NaN, or a number where NaN is due", "NaN or due to be"),
    "overflow": ("an infinity", "infinite"),
    "underflow": ("zero", "zero"),
    "over": ("a number without a correct digit", "without a digit"),
}
"""What a lost result is, in words, and in fewer of them."""
KEPT = 4096
"""Regions of a row that a sweep keeps, from the left (`summary.MOST_REGIONS`, without importing torch)."""
PRECISION = {"float32": 24, "bfloat16": 8, "float16": 11}
MOST_SHOWN = 4
"""Regions of one row that the page lists."""


def table_page(table: Mapping[str, Any]) -> str:
    """The table as Markdown: for each format the largest errors, then where all digits go, then what is missing."""
    rows, at_sizes = apart(table["rows"])
    formats = list(dict.fromkeys(row["format"] for row in rows))
    names = dict.fromkeys(row["function"] for row in table["rows"])
    own = any("." in name for name in names)  # the names of a formula and of its routine
    whose = ", ".join(names) if own else "torch's functions"
    lines = [f"# {whose}: the largest error over every input", "", *_preamble(table)]
    for form in formats:
        listed = [row for row in rows if row["format"] == form]
        values, slopes = (
            [row for row in listed if (row["of"] == "grad") == slope] for slope in (False, True)
        )
        lines += ["", f"## {form}", "", *_errors(values)]
        if slopes:
            lines += ["", f"### Gradients in {form}", "", *_errors(slopes)]
        gone = [row for row in listed if row["regions"]]
        if gone:
            lines += ["", f"### Where all digits go in {form}", "", *_lost(gone)]
        lines += [*_beside(listed, form), *_definitions(listed, form)]
    lines += _at_sizes(at_sizes)
    lines += ["", "## What is missing", ""]
    if table.get("failed"):
        lines += [*(f"* {cell(line)}" for line in table["failed"]), ""]
    if table["missing"]:
        names = ", ".join(f"{name} in {form}" for name, form in table["missing"])
        lines.append(f"Not measured yet, or not its gradient: {names}. Every row above is complete.")
    else:
        lines.append("Nothing: every function and its gradient are measured in every format.")
    open_cells: dict[str, list[str]] = {}
    for name, form, size in table.get("missing_at_sizes", ()):
        open_cells.setdefault(f"of {count(size)} entries in {form}", []).append(cell(name))
    if open_cells:
        listed = "; ".join(f"{where} {', '.join(names)}" for where, names in open_cells.items())
        lines += ["", f"At stated sizes not measured yet: {listed}."]
    return "\n".join(lines) + "\n"


def apart(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of functions of numbers, and those of functions of vectors, which have a size."""
    told: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        told["size" in row].append(row)
    return told


def _preamble(table: Mapping[str, Any]) -> list[str]:
    told = table["environment"]
    ends = "; ".join(f"2**{p - 1} in {form}" for form, p in PRECISION.items())
    return [
        f"torch {told['torch']} on {told['cpu_model']}, capability {told['cpu_capability']}, {told['platform']}, "
        f"compiler of compiled functions: {told['compiler']}. "
        f"Subnormal numbers are {told['subnormals']} by arithmetic.",
        "",
        "Evidence: exhaustive where a row says no more, that is of every encoding of its format but the NaNs. Where an "
        "error has ≥ before it, it is of some inputs and a greater one may exist: of functions of two numbers all "
        "pairs from a grid that holds all numbers of the 8-bit formats, the ends of the format and neighbours; in "
        "float64 inputs that were searched. *eager* is the call; *compiled* is `torch.compile` of a function that "
        f"makes this call alone. Both are called with {count(table['call'])} contiguous numbers and one thread; tails "
        "of other lengths may take other code. A gradient is what `torch.autograd.grad` gives for a cotangent of one, "
        "held against the formula's derivative.",
        "",
        "Errors are in units in the last place (ulp) of the format at the exact result, the smallest subnormal at "
        f"least; they are proved to {table['open_ulp']:g} ulp, and an infinity counts as the power of two after "
        "the largest number. Results are of three kinds:",
        "",
        "* the exact result is a **normal** number: the first error, with the input that has it;",
        "* it is **subnormal** or zero: the second error, which is 2**(precision - 1) ulps or less where the result is "
        "flushed to zero;",
        "* **all digits are gone**: the result is NaN, or an infinity where the exact result is more than an ulp below "
        "the power of two after the largest number, or the exact result is normal and the error is at least as large "
        f"as its leading bit (ulps: {ends}), zeros in place of normal numbers included. These count in neither error.",
        "",
        "Inputs at which the formula has no value (a negative number's logarithm, infinity minus infinity), or no "
        "slope, count in no column, but a value other than NaN outside of the function's domain counts as gone. The "
        "sign of a zero is not looked at, but in the tables of what stands beside errors. Of a function of two numbers "
        "the gradient is by both, and an error says by which.",
    ]


def _errors(rows: Iterable[Row]) -> list[str]:
    lines = [
        "| function | | largest error, normal | at | result | exact | over 1 ulp | largest error, subnormal | gone |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        normal, results = row["kinds"]["normal"], row.get("results", row["points"])
        beyond_one = sum(many for name, many in normal["histogram"].items() if bucket_limit(name) > 1)
        cells = [cell(row["function"]), row["mode"], _error(row, "normal"), *_where(normal["worst"])]
        cells += [_share(beyond_one, results), _error(row, "subnormal"), _share(failing(row), results)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _error(row: Row, kind: str) -> str:
    worst = row["kinds"][kind]["worst"]
    if worst is None:
        return "–"
    by = f" by {worst['by']}" if "by" in worst else ""
    return f"{at_least(row)}{in_ulps(worst['error_ulp'])}{by}"


def at_least(row: Row) -> str:
    """The sign before a largest error that is of some inputs."""
    return "" if row["evidence"] == "exhaustive" else "≥ "


def in_ulps(error: Any) -> str:
    """An error in four digits."""
    return f"{error:.4g}" if isinstance(error, float | int) and error < 1e4 else figure(error)


def _where(worst: Mapping[str, Any] | None) -> list[str]:
    if worst is None:
        return ["–"] * 3
    return [number_of(worst["input"]), worst["result"]["decimal"], worst["truth"]]


def number_of(told: Mapping[str, str]) -> str:
    """A number, or several, in hexadecimal and decimal."""
    return f"`{told['hex']}` ({told['decimal']})" if "0x" in told["hex"] else told["decimal"]


def failing(row: Row) -> int:
    """How many results have no digit."""
    return sum(many for fate, many in row["fates"].items() if fate in FATES)


def _share(many: int, total: int) -> str:
    if not many:
        return "0"
    share = 100 * many / total
    return f"{count(many)} ({share:.3g} %)" if share >= 0.001 else count(many)


def _lost(rows: Iterable[Row]) -> list[str]:
    lines: list[str] = []
    for row in rows:
        shown = sorted(row["largest_regions"], key=lambda region: -region["points"])[:MOST_SHOWN]
        kinds = ", ".join(
            f"{count(row['fates'][fate])} {name}" for fate, (_, name) in FATES.items() if fate in row["fates"]
        )
        where = counted(row["regions"], "region")
        lines.append(
            f"* **{title_of(row)}, {row['mode']}**: {count(failing(row))} results in {where}: {kinds}"
        )
        lines += [_region(region) for region in row["largest_regions"] if region in shown]
        if row["regions"] > KEPT:
            lines.append(
                f"    * and others; those listed are the largest of the first {count(KEPT)} from the left"
            )
        elif row["regions"] > len(shown):
            lines.append("    * and smaller ones")
    return lines


def title_of(row: Row) -> str:
    """Of what a row is, in words."""
    return f"gradient of {row['function']}" if row["of"] == "grad" else row["function"]


def _region(region: Mapping[str, Any]) -> str:
    ends, points = [region["first"], region["last"]], region["points"]
    where = f"from {number_of(ends[0]['input'])} to {number_of(ends[1]['input'])}, {count(points)} inputs"
    if points == 1:
        ends, where = ends[:1], f"at {number_of(ends[0]['input'])}"
    got = " and ".join(f"{end['result']['decimal']} for {end['truth']}" for end in ends)
    by = f" by {region['by']}" if "by" in region else ""
    return f"    * {FATES[region['fate']][0]}{by} {where}: {got}"


# What stands beside errors ----------------------------------------------------------------------------------------


def _beside(rows: Sequence[Row], form: str) -> list[str]:
    """What functions of one number give at special inputs, what they flush, and where they break an order."""
    told, names = [row for row in rows if "special" in row], list[str]()
    lines = ["", f"### Beside errors in {form}", ""]
    if told:
        names = list(told[0]["special"])
        inputs = [name.replace("tiny", "smallest") for name in names]
        lines += [
            "What is given at each input; where that is not what IEEE 754, C's Annex F or the limit asks, it is bold, "
            "and that beside it. Then whether subnormal inputs are taken for zeros, and zeros given for subnormal "
            "results; at how many inputs the result falls to the next one although the truth rises, or rises where it "
            "falls; and whether the truth is odd or even, and at how many inputs the results are not.",
            "",
            f"| function | | {' | '.join(inputs)} | subnormal inputs | results | turns | symmetry |",
            f"|---|---|{'---|' * len(inputs)}---|---|---|---|",
        ]
    for row in told:
        given = [_given(row["special"][name]) for name in names]
        cells = [cell(title_of(row)), row["mode"], *given]
        cells += [_flushed(row["flushes"][what]) for what in ("inputs", "results")]
        cells += [_violations(row["monotonicity"], "0"), _symmetry(row["symmetry"])]
        lines.append(f"| {' | '.join(cells)} |")
    missing = dict.fromkeys(title_of(row) for row in rows if "special" not in row)
    if missing:
        lines += ["", f"Not measured: {', '.join(map(cell, missing))}."]
    return lines


def _given(told: Mapping[str, Any]) -> str:
    if told["right"] is None:
        return "–"
    return told["result"] if told["right"] else f"**{told['result']}** ({told['exact']})"


def _flushed(told: Mapping[str, int]) -> str:
    """In a word; a dash where nothing tells."""
    words = {(False, True): "kept", (True, False): "flushed", (True, True): "some flushed"}
    return words.get((told["flushed"] > 0, told["kept"] > 0), "–")


def _violations(told: Mapping[str, Any], none: str) -> str:
    if not told["violations"]:
        return none
    return f"{count(told['violations'])}, first at {number_of(told['first'][0]['input'])}"


def _symmetry(told: Mapping[str, Any]) -> str:
    return "–" if told["truth"] == "neither" else f"{told['truth']}: {_violations(told, 'kept')}"


def _definitions(rows: Sequence[Row], form: str) -> list[str]:
    """The largest errors by other definitions of an ulp, where these differ."""
    names = {
        "jax": "JAX",
        "jax_ftz": "JAX, flushed",
        "goldberg": "Goldberg",
        "kahan": "Kahan",
        "harrison": "Harrison",
    }
    lines: list[str] = []
    for row in rows:
        for kind in ("normal", "subnormal"):
            told = (row["kinds"][kind]["worst"] or {}).get("ulp_definitions")
            if told is not None:
                errors = [in_ulps(told[name]) if name in told else "the same" for name in names]
                cells = [cell(title_of(row)), row["mode"], kind, in_ulps(told["numcheck"]), *errors]
                lines.append(f"| {' | '.join(cells)} |")
    if not lines:
        return []
    return [
        "",
        f"### Other definitions of an ulp in {form}",
        "",
        "The largest errors of the tables above at their inputs, by the definitions of "
        "[docs/ulp.md](../../docs/ulp.md), where one differs.",
        "",
        f"| function | | result | numcheck | {' | '.join(names.values())} |",
        f"|---|---|---|---|{'---|' * len(names)}",
        *lines,
    ]


# At stated sizes --------------------------------------------------------------------------------------------------


def _at_sizes(rows: Sequence[Row]) -> list[str]:
    """What functions of vectors spend of their budgets, a line for each half in each format."""
    if not rows:
        return []
    sizes = sorted({row["size"] for row in rows})
    points = {size: max(row["points"] for row in rows if row["size"] == size) for size in sizes}
    told = ", ".join(f"{points[size]} of {count(size)} entries" for size in sizes)
    lines = [
        "",
        "## Reductions and products at stated sizes",
        "",
        "Functions of vectors, run eagerly in formats of up to 32 bits. A sum's error grows with its length and with "
        "what cancels, and units in the last place of a result that is nearly zero say little: so what is told is the "
        "largest share of the budget that is spent, and one is its limit. The budget is ulps of the exact result and "
        "what the problem's conditioning forgives, where n is the number of input entries; the largest error of an "
        f"entry in ulps stands in parentheses. Points are drawn as data have them ({told}; the seed is in the JSON): "
        "normal, wide, log-normal, or a far offset with a small spread. A greater error may exist. The gradient is "
        "that of one entry of the result.",
        "",
        f"| function | format | budget | {' | '.join(map(count, sizes))} |",
        f"|---|---|---|{'---|' * len(sizes)}",
    ]
    lined: dict[tuple[str, ...], dict[int, Row]] = {}
    for row in rows:
        key = title_of(row), row["format"], row["budget"]
        lined.setdefault(key, {})[row["size"]] = row
    for key, by_size in lined.items():
        cells = [*map(cell, key), *(_spent(by_size.get(size)) for size in sizes)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _spent(row: Row | None) -> str:
    if row is None:
        return "–"
    right = ("within", "invalid")
    lost = ", ".join(f"{many} {fate}" for fate, many in row["fates"].items() if fate not in right)
    told = f"{figure(row['spent'])} ({in_ulps(row['worst_ulp'])})"
    return f"**{told}**, {lost} of {row['points']}" if lost else told
