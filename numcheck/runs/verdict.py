"""Exit code and closing sentence of a run."""

from collections.abc import Mapping
from typing import Any

from numcheck.declaration.words import ExitCode, Fate

UNRESOLVED = 0.002  # share of unresolved points that a run may have


def verdict_of(report: Mapping[str, Any], fail_on: str = "over") -> tuple[ExitCode, str]:
    """Exit code and closing sentence; `WRONG_USAGE` where a routine broke its contract."""
    totals = {fate.word: 0 for fate in Fate}
    stale: set[str] = set()
    for entry in report["measurements"]:
        for fate, count in entry["fates"].items():
            totals[fate] += count
        where = f"{entry['formula']}.{entry['routine']}"
        stale |= {
            f"{where}: {', '.join(gap['causes'])} in {entry['format']} {entry['of']}"
            for gap in entry["gaps"]
            if gap["stale"]
        }
    judged = sum(totals.values())
    failing = sum(totals[fate.word] for fate in Fate if fate.fails)
    in_doubt = report["second_opinion"]["disagreements"] + report["in_float64"]["contradictions"]
    unresolved = totals[Fate.UNRESOLVED.word]
    counts = ", ".join(f"{count} {fate}" for fate, count in totals.items() if count)
    if in_doubt or unresolved > UNRESOLVED * max(1, judged):
        return (
            ExitCode.IN_DOUBT,
            f"truth in doubt: {len(in_doubt)} contradicted, {unresolved} of {judged} points unresolved"
            + "".join(f"; {text}" for text in in_doubt[:1]),
        )
    if report["notes"]:
        return (
            ExitCode.WRONG_USAGE,
            f"{len(report['notes'])} routines broke their contract: {report['notes'][0]}",
        )
    if fail_on == "none":
        return ExitCode.PASSED, f"{judged} points: {counts}"
    if failing:
        return ExitCode.FAILED, f"over budget at {failing} of {judged} points: {counts}"
    if stale:
        return (
            ExitCode.FAILED,
            f"{len(stale)} stale gaps: {'; '.join(sorted(stale)[:3])}: delete what no longer fails",
        )
    if fail_on == "gap" and totals[Fate.GAP.word]:
        return ExitCode.FAILED, f"{totals[Fate.GAP.word]} of {judged} points lie in known gaps: {counts}"
    return ExitCode.PASSED, f"passed: {judged} points: {counts}"
