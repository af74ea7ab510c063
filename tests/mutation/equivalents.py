"""The mutants that are argued to be equivalent, and which of the arguments fit no mutant any more."""

import tomllib
from pathlib import Path

from .mutants import changes
from .rooms import ROOMS

ARGUED = Path(__file__).with_name("equivalent.toml")


def argued(path: Path = ARGUED) -> dict[tuple[str, str], str]:
    """(function, change) of each mutant that no test can tell from the right code, with the reason."""
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {
        (function, change): entry["reason"]
        for function, entries in table.items()
        for entry in entries
        for change in entry["changes"]
    }


def stale(reasons: dict[tuple[str, str], str]) -> list[str]:
    """What is argued of no mutant any more."""
    functions = {function for function, _ in reasons}
    known = {
        (function, change)
        for room in ROOMS.values()
        for module, names in room.targets.items()
        for name in names.split()
        if (function := name.rpartition(".")[2]) in functions
        for change in changes(module, name)
    }
    return [f"{function}: {change}" for function, change in reasons if (function, change) not in known]
