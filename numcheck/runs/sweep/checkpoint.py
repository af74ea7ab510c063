"""Where a sweep stands, in a file that a kill at any moment leaves whole.

The file holds the merged summaries of the finished chunks and nothing else: which points are done is what the
summaries say of themselves, so no chunk can be counted twice or lost. It also holds the fingerprint of all that the
result depends on, and is gone on with by no other sweep.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from numcheck.declaration.words import UsageError
from numcheck.report import finite, write_text
from numcheck.runs.sweep.summary import State, as_json, from_json

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"
"""The file whose lock a sweep holds while it works in a folder, with the number of its process."""

SHARE = 20
"""A checkpoint is written when so many times the time has passed that writing the last one took."""


@contextmanager
def alone_in(folder: Path | None, instead: str = "write another --out") -> Generator[None]:
    """Hold a folder for one sweep; UsageError, in one line, where another is at work in it.

    The system lets go of the lock when the process that holds it ends, however that ends; Windows has no such lock.
    """
    file = None
    if folder is not None:
        with suppress(OSError):  # what cannot be written is told where the checkpoint is read or written
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / LOCK).open("a+", encoding="utf-8")
    if file is None:
        yield
        return
    with file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise UsageError(
                    f"another sweep, of process {file.read().strip()}, is at work in {folder}: "
                    f"wait until it has ended, or {instead}"
                ) from None
            except OSError:  # a file system without locks
                pass
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _alive(process: str) -> bool:
    """Whether a process of that number runs here, perhaps another user's; whatever is no number does."""
    if not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def read(path: Path, fingerprint: Mapping[str, str]) -> State:
    """What was finished before; nothing where there is no file. UsageError where it is of another sweep, or damaged."""
    way_out = "pass --restart to begin again, or another --out"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the checkpoint {path} ({error}): {way_out}") from None
    sweep = _whole(text)
    if sweep is None:
        raise UsageError(f"{path} is no whole checkpoint of a sweep: {way_out}")
    found: dict[str, str] = sweep["fingerprint"]
    changed = [key for key in {**fingerprint, **found} if found.get(key) != fingerprint.get(key)]
    if changed:
        raise UsageError(f"{path} is of a sweep with another {', '.join(changed)}: {way_out}")
    return {(one["routine"], one["of"]): from_json(one) for one in sweep["summaries"]}


def _whole(text: str) -> dict[str, Any] | None:
    try:
        told = json.loads(text)
        return told["sweep"] if told["sha256"] == _digest(_canonical(told["sweep"])) else None
    except (ValueError, TypeError, KeyError, RecursionError):  # the last of lists without end in each other
        return None


def write(path: Path, fingerprint: Mapping[str, str], state: State) -> None:
    """Put the state into the file, whole or not at all. ReportError, in one line, where it cannot be written."""
    summaries = [{"routine": name, "of": of, **as_json(one)} for (name, of), one in state.items()]
    sweep = _canonical({"fingerprint": fingerprint, "summaries": summaries})
    write_text(path, f'{{"sha256": "{_digest(sweep)}",\n"sweep": {sweep}}}\n')


def _canonical(told: Mapping[str, Any]) -> str:
    return json.dumps(finite(told), sort_keys=True, allow_nan=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Keeper:
    """Writes states into a checkpoint, as they change, but not so often that writing takes a noticeable share.

    `state` is the latest, `kept` the one that lies in the file; `path` is None where nothing is to be kept. It begins
    with what the file has, or from nothing to `restart`.
    """

    def __init__(self, path: Path | None, fingerprint: Mapping[str, str], restart: bool = False) -> None:
        self.path, self.fingerprint = path, fingerprint
        self.state = self.kept = {} if path is None or restart else read(path, fingerprint)
        self.due = 0.0
        # what a sweep that was killed was just writing; never what a process that lives writes
        for scratch in () if path is None else path.parent.glob(f".{path.name}.*"):
            if not _alive(scratch.suffix.removeprefix(".")):
                scratch.unlink(missing_ok=True)

    def keep(self, state: State) -> None:
        """Take note of the state, and write it where a write is due."""
        self.state = state
        if time.monotonic() >= self.due:
            self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()

    def _flush(self) -> None:
        if self.path is None or self.kept is self.state:
            return
        begun = time.monotonic()
        write(self.path, self.fingerprint, self.state)
        self.kept = self.state
        ended = time.monotonic()
        self.due = ended + SHARE * (ended - begun)
