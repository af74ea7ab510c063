"""What changed between two reports: the behavioural changelog."""

import re
from collections.abc import Mapping
from typing import Any

from numcheck.report.figures import counted, encoded
from numcheck.report.store import finite
from numcheck.report.summary import Measurement, Report, label


def deterministic(report: Report) -> dict[str, Any]:
    """The report without what differs from run to run: seconds, and the addresses of objects in error messages."""
    plain: dict[str, Any] = _without_seconds(finite(report))
    for measurement in plain.get("measurements", ()):
        if isinstance(measurement.get("message"), str):
            measurement["message"] = re.sub(r"\bat 0x[0-9a-fA-F]+", "at 0x...", measurement["message"])
    return plain


def _without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_seconds(part) for key, part in value.items() if key != "seconds"}
    if isinstance(value, list):
        return [_without_seconds(part) for part in value]
    return value


def compare(old: Report, new: Report) -> list[str]:
    """The differences between two reports, in words, one line each; empty exactly when their figures are the same."""
    before, after = deterministic(old), deterministic(new)
    lines: list[str] = []
    for key in sorted((before.keys() | after.keys()) - {"measurements", "formulas"}):
        lines += _changed(key, before.get(key), after.get(key))
    for section, name, gone, told in (
        ("formulas", _formula_name, "gone", _formula_changes),
        ("measurements", label, "no longer measured", _measurement_changes),
    ):
        was, now = ({name(one): one for one in report.get(section, ())} for report in (before, after))
        lines += [f"{key}: {gone}" for key in was if key not in now]
        lines += [f"{key}: new" for key in now if key not in was]
        both = [key for key in now if key in was and was[key] != now[key]]
        lines += [f"{key}: {'; '.join(told(was[key], now[key]))}" for key in both]
    if not lines and before != after:
        lines.append("the same measurements and formulas stand in another order")
    return lines


def _formula_name(formula: Mapping[str, Any]) -> str:
    return f"formula {formula['name']}"


def _formula_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [f"another {', '.join(_differing(old, new))}"]


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]


def _changed(key: str, old: Any, new: Any) -> list[str]:
    """A changed entry: its parts where it is an object, otherwise both values."""
    if old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        parts = sorted(old.keys() | new.keys())
        return [line for part in parts for line in _changed(f"{key} {part}", old.get(part), new.get(part))]
    return [f"{key} {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = "none" if value is None else encoded(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _measurement_changes(old: Measurement, new: Measurement) -> list[str]:
    """Figures first, as a reader asks for them; of drawings it is enough to say that they changed."""
    figures = ("spent", "worst_ulp", "points", "evidence", "budget")
    parts: list[str] = []
    for key in figures:
        parts += _changed(key.replace("_", " "), old.get(key), new.get(key))
    was, now = old.get("fates", {}), new.get("fates", {})
    for fate in sorted(was.keys() | now.keys()):
        parts += _changed(fate, was.get(fate, 0), now.get(fate, 0))
    parts += _finding_changes(old, new)
    rest = [key for key in _differing(old, new) if key not in (*figures, "fates", "findings")]
    if rest:
        parts.append(f"another {', '.join(key.replace('_', ' ') for key in rest)}")
    return parts or ["a fate that counts no point was added or left out"]


def _finding_changes(old: Measurement, new: Measurement) -> list[str]:
    was, now = old.get("findings") or [], new.get("findings") or []
    if was == now:
        return []
    before, after = ([finding["cause"] for finding in findings] for findings in (was, now))
    if before != after:
        return [f"findings {', '.join(before) or 'none'} -> {', '.join(after) or 'none'}"]
    regions = [
        f"{one['cause']} region {_short(one.get('region'))} -> {_short(other.get('region'))}"
        for one, other in zip(was, now, strict=True)
        if one.get("region") != other.get("region")
    ]
    return regions or ["another figure in " + counted(len(now), "finding")]


# Tables of accuracy -----------------------------------------------------------------------------------------------


def compare_tables(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The rows in which two tables of accuracy differ, and by how much, in words, and how many are the same.

    The first lines name what differs between the machines.
    """
    lines = _changed("environment", old["environment"], new["environment"])
    was, now = ({_row_name(row): row for row in table["rows"]} for table in (old, new))
    both = [name for name in now if name in was]
    for name in both:
        if told := _row_changes(was[name], now[name]):
            lines.append(f"{name}: {'; '.join(told)}")
    lines += [f"{name}: in the first alone" for name in was if name not in now]
    lines += [f"{name}: in the second alone" for name in now if name not in was]
    same = sum(not _row_changes(was[name], now[name]) for name in both)
    return [*lines, f"{same} of {counted(len(both), 'row')} in both tables are the same"]


def _row_name(row: Mapping[str, Any]) -> str:
    size = f" of {row['size']} entries" if "size" in row else ""
    return f"{row['function']} {row['of']}{size} in {row['format']}, {row['mode']} on {row['device']}"


def _row_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """In what two rows differ, but for the time they took."""
    parts: list[str] = []
    for kind in new.get("kinds", ()):
        before, after = (row["kinds"][kind]["worst"] for row in (old, new))
        if before != after:
            what = "largest error" if kind != "lost" else "worst lost result"
            parts.append(f"{what}, {kind}: {_told(before)} -> {_told(after)}" + _by_how_much(before, after))
    for key in sorted(new["fates"].keys() | old["fates"].keys()):
        parts += _changed(key, old["fates"].get(key, 0), new["fates"].get(key, 0))
    for key in ("spent", "worst_ulp") if "size" in new else ("regions",):
        parts += _changed(key, old[key], new[key])
    for key in ("evidence", "proved", "points"):
        parts += _changed(key, old[key], new[key])
    for key in ("special", "flushes", "monotonicity", "symmetry"):
        if key in old and key in new:
            parts += _changed(key, old[key], new[key])
    words = ("seconds", "formula", "source")  # of which no result hangs
    rest = [key for key in _differing(old, new) if key in old and key in new and key not in words]
    return parts or ([f"another {', '.join(rest)}"] if rest else [])


def _told(worst: Mapping[str, Any] | None) -> str:
    return "none" if worst is None else f"{worst['error_ulp']} ulp at {worst['input']['hex']}"


def _by_how_much(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None or new is None or "inf" in (old["error_ulp"], new["error_ulp"]):
        return ""
    return f" ({new['error_ulp'] - old['error_ulp']:+.4g})"
