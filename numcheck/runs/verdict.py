"""Exit code and closing sentence of a run."""

from collections.abc import Mapping
from typing import Any

from numcheck.declaration.words import ExitCode, Fate

UNRESOLVED = 0.002  # share of unresolved points that a run may have


def verdict_of(report: Mapping[str, Any], fail_on: str = "over") -> tuple[ExitCode, str]:
    """Exit code and closing sentence.

    `WRONG_USAGE` where a formula does not keep its promises, a routine broke its contract or nothing was judged;
    `INTERRUPTED` where the run ended before its end, whatever it had found by then.
    """
    entries, notes = report["measurements"], report["notes"]
    totals = {fate: sum(entry["fates"].get(fate.word, 0) for entry in entries) for fate in Fate}
    stale = {
        f"{entry['formula']}.{entry['routine']}: {', '.join(gap['causes'])} in {entry['format']} {entry['of']}"
        for entry in entries
        for gap in entry["gaps"]
        if gap["stale"]
    }
    judged, unresolved = sum(totals.values()), totals[Fate.UNRESOLVED]
    failing = sum(count for fate, count in totals.items() if fate.fails)
    in_doubt = report["second_opinion"]["disagreements"] + report["in_float64"]["contradictions"]
    counts = ", ".join(f"{count} {fate.word}" for fate, count in totals.items() if count)
    if report.get("interrupted"):
        return ExitCode.INTERRUPTED, f"interrupted: {judged} points so far" + (
            f": {counts}" if counts else ""
        )
    if in_doubt or unresolved > UNRESOLVED * max(1, judged):
        return (
            ExitCode.IN_DOUBT,
            f"truth in doubt: {len(in_doubt)} contradicted, {unresolved} of {judged} points unresolved"
            + "".join(f"; {text}" for text in in_doubt[:1]),
        )
    if notes:
        return ExitCode.WRONG_USAGE, notes[0] + (f" (and {len(notes) - 1} more)" if notes[1:] else "")
    if not any(count for fate, count in totals.items() if fate.is_judged):
        return (
            ExitCode.WRONG_USAGE,
            f"nothing was judged at {judged} points: declare routines, and domains with values",
        )
    if fail_on == "none":
        return ExitCode.PASSED, f"{judged} points: {counts}"
    if failing:
        return ExitCode.FAILED, f"over budget at {failing} of {judged} points: {counts}"
    if stale:
        named = "; ".join(sorted(stale)[:3])
        return ExitCode.FAILED, f"{len(stale)} stale gaps: {named}: delete what no longer fails"
    if fail_on == "gap" and totals[Fate.GAP]:
        return ExitCode.FAILED, f"{totals[Fate.GAP]} of {judged} points lie in known gaps: {counts}"
    return ExitCode.PASSED, f"passed: {judged} points: {counts}"
