"""The page of a table of largest errors, made from the table's JSON alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from numcheck.report.figures import bucket_limit, count, counted, figure
from numcheck.report.pages import cell

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
    rows: list[Row] = table["rows"]
    formats = list(dict.fromkeys(row["format"] for row in rows))
    own = any("." in row["function"] for row in rows)  # the names of a formula and of its routine
    whose = ", ".join(dict.fromkeys(row["function"] for row in rows)) if own else "torch's functions"
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
    lines += ["", "## What is missing", ""]
    if table.get("failed"):
        lines += [*(f"* {cell(line)}" for line in table["failed"]), ""]
    if table["missing"]:
        names = ", ".join(f"{name} in {form}" for name, form in table["missing"])
        lines.append(f"Not measured yet, or not its gradient: {names}. Every row above is complete.")
    else:
        lines.append("Nothing: every function and its gradient are measured in every format.")
    return "\n".join(lines) + "\n"


def _preamble(table: Mapping[str, Any]) -> list[str]:
    told = table["environment"]
    ends = "; ".join(f"2**{p - 1} in {form}" for form, p in PRECISION.items())
    return [
        f"torch {told['torch']} on {told['cpu_model']}, capability {told['cpu_capability']}, {told['platform']}, "
        f"compiler of compiled functions: {told['compiler']}. "
        f"Subnormal numbers are {told['subnormals']} by arithmetic.",
        "",
        "Evidence: exhaustive. Each row is of every encoding of its format but the NaNs. *eager* is the call; "
        "*compiled* is `torch.compile` of a function that makes this call alone. Both are called with "
        f"{count(table['call'])} contiguous numbers and one thread; tails of other lengths may take other code. "
        "A gradient is what `torch.autograd.grad` gives for a cotangent of one, held against the formula's derivative.",
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
        "sign of a zero is not looked at.",
    ]


def _errors(rows: Iterable[Row]) -> list[str]:
    lines = [
        "| function | | largest error, normal | at | result | exact | over 1 ulp | largest error, subnormal | gone |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        normal, inputs = row["kinds"]["normal"], row["points"]
        beyond_one = sum(many for name, many in normal["histogram"].items() if bucket_limit(name) > 1)
        cells = [row["function"], row["mode"], _error(normal["worst"]), *_where(normal["worst"])]
        subnormal = _error(row["kinds"]["subnormal"]["worst"])
        cells += [_share(beyond_one, inputs), subnormal, _share(_failing(row), inputs)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _error(worst: Mapping[str, Any] | None) -> str:
    if worst is None:
        return "–"
    error = worst["error_ulp"]
    return f"{error:.4g}" if isinstance(error, float | int) and error < 1e4 else figure(error)


def _where(worst: Mapping[str, Any] | None) -> list[str]:
    if worst is None:
        return ["–"] * 3
    return [_number(worst["input"]), worst["result"]["decimal"], worst["truth"]]


def _number(told: Mapping[str, str]) -> str:
    return f"`{told['hex']}` ({told['decimal']})" if "0x" in told["hex"] else told["decimal"]


def _failing(row: Row) -> int:
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
        name = f"gradient of {row['function']}" if row["of"] == "grad" else row["function"]
        lines.append(f"* **{name}, {row['mode']}**: {count(_failing(row))} results in {where}: {kinds}")
        lines += [_region(region) for region in row["largest_regions"] if region in shown]
        if row["regions"] > KEPT:
            lines.append(
                f"    * and others; those listed are the largest of the first {count(KEPT)} from the left"
            )
        elif row["regions"] > len(shown):
            lines.append("    * and smaller ones")
    return lines


def _region(region: Mapping[str, Any]) -> str:
    ends, points = [region["first"], region["last"]], region["points"]
    where = f"from {_number(ends[0]['input'])} to {_number(ends[1]['input'])}, {count(points)} inputs"
    if points == 1:
        ends, where = ends[:1], f"at {_number(ends[0]['input'])}"
    got = " and ".join(f"{end['result']['decimal']} for {end['truth']}" for end in ends)
    return f"    * {FATES[region['fate']][0]} {where}: {got}"
