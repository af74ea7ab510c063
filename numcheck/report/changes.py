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
    lines += _formula_changes(before, after)
    was, now = _keyed(before), _keyed(after)
    lines += [f"{name}: no longer measured" for name in was if name not in now]
    lines += [f"{name}: new" for name in now if name not in was]
    for name, measurement in now.items():
        if name in was and was[name] != measurement:
            lines.append(f"{name}: " + "; ".join(_measurement_changes(was[name], measurement)))
    if not lines and before != after:
        lines.append("the same measurements and formulas stand in another order")
    return lines


def _keyed(report: Report) -> dict[str, Measurement]:
    return {label(measurement): measurement for measurement in report.get("measurements", ())}


def _formula_changes(before: Report, after: Report) -> list[str]:
    was = {formula["name"]: formula for formula in before.get("formulas", ())}
    now = {formula["name"]: formula for formula in after.get("formulas", ())}
    lines = [f"formula {name}: gone" for name in was if name not in now]
    lines += [f"formula {name}: new" for name in now if name not in was]
    for name in now:
        if name in was and was[name] != now[name]:
            fields = [
                key
                for key in sorted(was[name].keys() | now[name].keys())
                if was[name].get(key) != now[name].get(key)
            ]
            lines.append(f"formula {name}: another {', '.join(fields)}")
    return lines


def _changed(key: str, old: Any, new: Any) -> list[str]:
    """A changed entry: its parts where it is an object, otherwise both values."""
    if old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        parts: list[str] = []
        for part in sorted(old.keys() | new.keys()):
            parts += _changed(f"{key} {part}", old.get(part), new.get(part))
        return parts
    return [f"{key} {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = "none" if value is None else encoded(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _measurement_changes(old: Measurement, new: Measurement) -> list[str]:
    """Figures first, as a reader asks for them; of drawings it is enough to say that they changed."""
    parts: list[str] = []
    for key in ("spent", "worst_ulp", "points", "evidence", "budget"):
        parts += _changed(key.replace("_", " "), old.get(key), new.get(key))
    was, now = old.get("fates", {}), new.get("fates", {})
    for fate in sorted(was.keys() | now.keys()):
        parts += _changed(fate, was.get(fate, 0), now.get(fate, 0))
    parts += _finding_changes(old, new)
    told = {"spent", "worst_ulp", "points", "evidence", "budget", "fates", "findings"}
    rest = [key for key in sorted((old.keys() | new.keys()) - told) if old.get(key) != new.get(key)]
    if rest:
        parts.append(f"another {', '.join(key.replace('_', ' ') for key in rest)}")
    return parts or ["a fate that counts no point was added or left out"]


def _finding_changes(old: Measurement, new: Measurement) -> list[str]:
    was, now = old.get("findings") or [], new.get("findings") or []
    if was == now:
        return []
    causes_before = [finding["cause"] for finding in was]
    causes_after = [finding["cause"] for finding in now]
    if causes_before == causes_after:
        regions = [
            f"{one['cause']} region {_short(one.get('region'))} -> {_short(other.get('region'))}"
            for one, other in zip(was, now, strict=True)
            if one.get("region") != other.get("region")
        ]
        return regions or ["another figure in " + counted(len(now), "finding")]
    return [f"findings {', '.join(causes_before) or 'none'} -> {', '.join(causes_after) or 'none'}"]
