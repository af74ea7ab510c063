"""The result of a sweep as a page of text."""

import re
from collections.abc import Mapping
from typing import Any

MOST_SHOWN = 6
"""Failing regions of one routine's value or gradient that the page lists."""


def sweep_page(result: Mapping[str, Any]) -> str:
    """The result for a reader: for each routine's value and gradient the fates, errors, worst inputs and regions."""
    every = "every input" if result["grid"] is None else f"a grid of {result['grid']} ordinals per real input"
    lines = [
        f"{result['formula']} in {result['format']} on {result['device']}: "
        f"{result['evidence']}, {every}, {result['points']} points"
    ]
    for entry in result["measurements"]:
        fates = ", ".join(f"{count} {fate}" for fate, count in entry["fates"].items() if count)
        errors = ", ".join(f"{name}: {count}" for name, count in entry["ulp_histogram"].items() if count)
        lines += ["", f"{entry['routine']} {entry['of']} ({entry['evidence']}, {entry['points']} points)"]
        lines += [f"  fates        {fates}", f"  budget       {entry['budget']}", f"  error in ulp {errors}"]
        for key, name, unit in (("worst_error", "error_ulp", " ulp"), ("worst_spent", "spent", "")):
            if entry[key] is not None:
                at = _in_words(result, entry[key]["inputs"])
                lines.append(f"  {key.replace('_', ' '):12} {entry[key][name]}{unit} at {at}")
        if entry["failing"]:
            lines.append(f"  shown by     {entry['reproduce']}")
        lines += _regions_in_words(result, entry)
        lines += [f"  remark       {text}" for text in entry.get("remarks", ())]
        if entry["failing"] and entry["gaps"]:
            causes = ", ".join(dict.fromkeys(cause for gap in entry["gaps"] for cause in gap["causes"]))
            lines.append(f"  gaps         {entry['failing']} points fail; the routine declares: {causes}")
    return "\n".join(lines)


def _regions_in_words(result: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for region in entry["first_regions"][:MOST_SHOWN]:
        first, last = region["first"], region["last"]
        same = {name: text for name, text in first.items() if last[name] == text}
        moving = [name for name in first if name not in same]
        words = [_in_words(result, same)] if same else []
        words += [
            f"{name} from {_number(result, first[name])} to {_number(result, last[name])}" for name in moving
        ]
        title = "failing" if not lines else ""
        points = "1 point" if region["points"] == 1 else f"{region['points']} points"
        lines.append(f"  {title:12} {region['fate']} at {', '.join(words)}: {points}")
    if entry["regions"] > MOST_SHOWN:
        kept = min(entry["regions"], len(entry["first_regions"]))
        told = "all are in the result" if kept == entry["regions"] else f"the first {kept} are in the result"
        lines.append(f"  {'':12} and {entry['regions'] - MOST_SHOWN} more regions; {told}")
    return lines


def _in_words(result: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} = {_number(result, text) if name in result['real_inputs'] else text}"
        for name, text in inputs.items()
    )


def _number(result: Mapping[str, Any], text: str) -> str:
    """A real input in hexadecimal, without the zeros that end it, and in decimal."""
    if "0x" not in text:
        return text  # an infinity
    digits = 17 if result["format"] == "float64" else 9
    return f"{re.sub(r'[.]?0+p', 'p', text)} ({float.fromhex(text):.{digits}g})"
