"""`tox -e cuda`: what only a GPU can show, in ten minutes at most, the most worthwhile first.

    python tests/cuda_session.py --out FOLDER [--seconds 570] [--parts tests,table16]

Each part has its own time limit, is begun only if enough of the whole is left, and writes what it finds into FOLDER as
it goes: a kill at any moment loses nothing finished. `session.json` tells how each part ended, `session.log` what it
printed. The exit code is 0 where every part ended well, 1 where one failed or ran out of time, and 2 where none failed
but something is missing here, as it is without a GPU: a line for each part says what.

On a machine without network: a torch with CUDA is there already, or comes as a wheel. What numcheck needs beside it
travels as wheels of that machine's Python and platform, fetched where there is a network,

    pip download --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_28_x86_64 -d wheels \\
        -c constraints.txt python-flint gmpy2 mpmath hypothesis sortedcontainers click rich markdown-it-py mdurl \\
        pygments jinja2 markupsafe pytest iniconfig pluggy packaging

and is installed there into a folder, without a resolver that would look for torch:

    pip install --no-index --no-deps --target /tmp/site wheels/*.whl && export PYTHONPATH=/tmp/site

numcheck itself runs from the checkout, whether it is installed or not.
"""

import argparse
import importlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
KERNEL = ROOT / "docs" / "examples" / "triton_softplus.py"
WHOLE = 570.0
"""Seconds of a session."""
PATIENCE = 5.0
"""Seconds that a part which is stopped has to write down what it holds."""
POLL = 2.0
NUMCHECK = [sys.executable, "-m", "numcheck"]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
DEVICE = ["--device", "cuda"]


@dataclass
class Session:
    """A run of the parts: results go into `out`, scratch files into `work`; it ends at `end`."""

    out: Path
    work: Path
    end: float

    def left(self) -> float:
        """Seconds that are left of the whole."""
        return self.end - time.monotonic()


@dataclass(frozen=True)
class Command:
    """A command of a part, with the exit codes of one that did its work, within so many seconds."""

    words: list[str]
    well: tuple[int, ...] = (0,)
    seconds: float = WHOLE


@dataclass(frozen=True)
class Part:
    """Commands one after another, within `seconds` together; begun only if `least` are left of the whole.

    `lacking` says in a line what is missing here, or None. `keep` puts into the session's folder what is finished.
    """

    name: str
    seconds: float
    least: float
    lacking: Callable[[], str | None]
    commands: Callable[[Session], Iterator[Command]]
    keep: Callable[[Session], None] = lambda session: None


# What is missing --------------------------------------------------------------------------------------------------


def no_gpu() -> str | None:
    """What a GPU is missing for."""
    for module, package in (
        ("torch", "torch"),
        ("flint", "python-flint"),
        ("mpmath", "mpmath"),
        ("click", "click"),
    ):
        if importlib.util.find_spec(module) is None:
            return f"no {package} is installed here"
    return None if importlib.import_module("torch").cuda.is_available() else "torch finds no GPU here"


def no_pytest() -> str | None:
    lacking = [name for name in ("pytest", "hypothesis") if importlib.util.find_spec(name) is None]
    return no_gpu() or (f"no {lacking[0]} is installed here" if lacking else None)


def no_bench() -> str | None:
    if importlib.util.find_spec("numcheck.faces.cli.bench") is None:
        return "this numcheck has no command bench"
    return no_gpu()


def no_triton() -> str | None:
    if reason := no_gpu():
        return reason
    spec = importlib.util.spec_from_file_location("triton_softplus", KERNEL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.lacking()


# What is done -----------------------------------------------------------------------------------------------------


def marked_tests(_: Session) -> Iterator[Command]:
    """The tests marked for a GPU, from the files that have one: others may need packages that are not here."""
    files = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").glob("test_*.py"))
        if "@pytest.mark.cuda" in path.read_text(encoding="utf-8")
    ]
    yield Command([*PYTEST, "--cuda-only", "--rootdir", str(ROOT), *(str(ROOT / name) for name in files)])


def table_words(session: Session) -> list[str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [
        *NUMCHECK,
        "table",
        *DEVICE,
        "--jobs",
        str(cores),
        "--out",
        str(session.work / "table"),
        "--missing",
    ]


def narrow_table(session: Session) -> Iterator[Command]:
    """Every function, eager and compiled, at every number of the 16-bit formats."""
    yield Command([*table_words(session), "--formats", "float16,bfloat16"])


def wide_table(session: Session) -> Iterator[Command]:
    """Functions at every number of float32, one by one, first those which err most in the narrow formats."""
    for name in telling(session.out / "table.json"):
        yield Command([*table_words(session), name, "--formats", "float32"], seconds=100)


def telling(path: Path) -> list[str]:
    """The functions of a table, those first whose errors are the largest; of infinite ones those that lose the most."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    worst: dict[str, tuple[float, int]] = {}
    for row in rows:
        size = (float(row["worst_ulp"] or 0), int(row["kinds"]["lost"]["results"]))
        worst[row["function"]] = max(worst.get(row["function"], (0.0, 0)), size)
    return sorted(worst, key=lambda name: (-worst[name][0], -worst[name][1], name))


def keep_table(session: Session) -> None:
    """The latest table as one file: it is made anew after each function, so that it is always whole."""
    for path in (session.work / "table").glob("*-cuda-*.json"):
        kept = session.out / "table.json"
        if not kept.exists() or path.stat().st_mtime_ns > kept.stat().st_mtime_ns:
            scratch = session.work / "table.copy"
            shutil.copy2(path, scratch)
            shutil.move(scratch, kept)


def judged_kernel(session: Session) -> Iterator[Command]:
    """The kernel of the examples, which is right, and its naive twin, which has to be found out."""
    check = [*NUMCHECK, "check", "--devices", "cuda"]
    yield Command([*check, str(KERNEL), "--json", str(session.out / "kernel.json")])
    naive = ["--routine", f"{KERNEL}:naive", "--formula", "softplus"]
    yield Command([*check, *naive, "--json", str(session.out / "naive_kernel.json")], well=(1,))


def benches(session: Session) -> Iterator[Command]:
    """Two formulas, one number by number and one of vectors."""
    how = ["--devices", "cuda", "--sizes", "1e6,1e8", "--formats", "float32,bfloat16"]
    yield Command(
        [*NUMCHECK, "bench", "softplus", "softmax", *how, "--json", str(session.out / "bench.json")]
    )


def swept_switches(session: Session) -> Iterator[Command]:
    """The catalogue with torch's switches as they stand, and with each of them the other way."""
    from numcheck.runs.switches import positions

    check = [*NUMCHECK, "check", "--devices", "cuda", "--points", "50", "--fail-on", "none"]
    yield Command([*check, "--json", str(session.work / "as_found.json")], seconds=60)
    for name, stands in positions(cuda=True).items():
        if stands in ("true", "false"):
            turned = f"{name.removeprefix('torch.backends.')}={'false' if stands == 'true' else 'true'}"
            path = session.work / f"switched.{turned}.json"
            yield Command([*check, "--switch", turned, "--json", str(path)], seconds=60)


def keep_switches(session: Session) -> None:
    """For each switch what differs in the results beside those with the switches as they were found."""
    found = session.work / "as_found.json"
    switched = [path for path in sorted(session.work.glob("switched.*.json")) if path.stat().st_size]
    if not found.exists() or not switched:
        return
    from numcheck.report import compare, read_json

    told: dict[str, list[str]] = {}
    for path in switched:
        with suppress(Exception):  # one that was just being written
            name = path.name.removeprefix("switched.").removesuffix(".json")
            told[name] = compare(read_json(found), read_json(path))
    write(session.out / "switches.json", told)


PARTS = (
    Part("tests", 150, 30, no_pytest, marked_tests),
    Part("table16", 200, 40, no_gpu, narrow_table, keep_table),
    Part("bench", 80, 40, no_bench, benches),
    Part("kernel", 60, 30, no_triton, judged_kernel),
    Part("table32", 200, 60, no_gpu, wide_table, keep_table),
    Part("switches", 200, 60, no_gpu, swept_switches, keep_switches),
)
"""In order of worth, but that the long tables in float32 leave time to what is short."""


# A session --------------------------------------------------------------------------------------------------------


def write(path: Path, told: Any) -> None:
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    scratch.replace(path)


def run(command: Command, part: Part, session: Session, end: float) -> str | None:
    """What went wrong with a command, in words; its output goes to the log."""
    end = min(end, time.monotonic() + command.seconds)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # one thread for each process of several, and no processes of torch's compiler beside them
    more = {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    environment = os.environ | more | {"PYTHONPATH": os.pathsep.join(paths)}
    with (session.out / "session.log").open("a", encoding="utf-8") as log:
        print(f"\n== {part.name}: {' '.join(command.words[1:])}", file=log, flush=True)
        process = subprocess.Popen(
            command.words, cwd=session.work, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            while process.poll() is None and time.monotonic() < end:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(min(POLL, max(end - time.monotonic(), 0.01)))
                part.keep(session)
            late = process.poll() is None
        finally:
            stop(process)
            part.keep(session)
    if late:
        return "stopped, its time was up"
    return None if process.returncode in command.well else f"exit code {process.returncode}"


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a command and all that it started: it is interrupted, and killed if it goes on."""
    for sent in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sent if process.poll() is None else signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)


def done(part: Part, session: Session) -> dict[str, Any]:
    """How a part ended: `missing`, `skipped` for want of time, `failed` or `done`."""
    begun = time.monotonic()
    if reason := part.lacking():
        return {"part": part.name, "state": "missing", "why": reason}
    if session.left() < part.least + PATIENCE:
        return {
            "part": part.name,
            "state": "skipped",
            "why": f"{max(session.left(), 0):.0f} s are left of the whole",
        }
    end = begun + min(part.seconds, session.left() - PATIENCE)
    wrong: list[str] = []
    commands = 0
    for command in part.commands(session):
        if time.monotonic() >= end:
            wrong.append(f"no time for more than {commands} commands")
            break
        commands += 1
        if told := run(command, part, session, end):
            wrong.append(f"{told}: {' '.join(command.words[2:5])}")
    told = {"part": part.name, "state": "failed" if wrong else "done", "commands": commands}
    return (
        told | {"seconds": round(time.monotonic() - begun, 1)} | ({"why": "; ".join(wrong)} if wrong else {})
    )


def main(words: list[str]) -> int:
    """Run the parts and tell how each ended; the exit code says the worst."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / ".numcheck" / "cuda", help="where results go")
    parser.add_argument("--seconds", type=float, default=WHOLE, help="of the whole session")
    parser.add_argument("--parts", default=",".join(part.name for part in PARTS), help="with commas between")
    asked = parser.parse_args(words)
    named = asked.parts.split(",")
    if unknown := set(named) - {part.name for part in PARTS}:
        parser.error(f"no part {unknown.pop()!r}: write some of {', '.join(part.name for part in PARTS)}")
    sys.path.insert(0, str(ROOT))
    out: Path = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    ended: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="numcheck-cuda-") as work:
        session = Session(out, Path(work), time.monotonic() + asked.seconds)
        for part in (part for part in PARTS if part.name in named):
            told = done(part, session)
            ended.append(told)
            write(out / "session.json", {"parts": ended})
            took = f" in {told['seconds']:g} s" if "seconds" in told else ""
            why = f": {told['why']}" if "why" in told else ""
            print(f"{part.name}: {told['state']}{took}{why}", flush=True)
    states = {told["state"] for told in ended}
    if states & {"failed", "skipped"}:
        return 1
    return 2 if "missing" in states else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
