"""Time and memory of `numcheck check` over the whole catalogue, as a process of its own.

Takes minutes, so it runs with --full only: `tox -e bench -- --full -k whole_check`.
"""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

POINTS = 2000


def proportional_megabytes(session: int) -> float:
    """Memory of all processes of a session; a page that several share counts in parts, so once in all."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                found = re.search(r"^Pss:\s+(\d+) kB", (entry / "smaps_rollup").read_text(), re.MULTILINE)
                total += int(found[1]) if found else 0
        except (OSError, ValueError):  # the process ended meanwhile
            continue
    return total / 1024


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_whole_check(benchmark: Any, capsys: Any, tmp_path: Path) -> None:
    peak = 0.0
    command = [
        sys.executable,
        "-c",
        "from numcheck.faces.cli import main; main()",
        "check",
        "--points",
        str(POINTS),
        "--fail-on",
        "none",
    ]
    command += ["--json", str(tmp_path / "report.json")]

    def run() -> int:
        nonlocal peak
        peak = 0.0
        with subprocess.Popen(
            command,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        ) as process:
            ended = threading.Event()

            def watch() -> None:
                nonlocal peak
                while not ended.wait(0.25):
                    peak = max(peak, proportional_megabytes(process.pid))

            watcher = threading.Thread(target=watch)
            watcher.start()
            process.wait()
            ended.set()
            watcher.join()
            return process.returncode

    started = time.perf_counter()
    assert benchmark.pedantic(run, rounds=1) == 0
    benchmark.extra_info["peak_megabytes"] = round(peak)
    with capsys.disabled():
        print(
            f"\nnumcheck check, {POINTS} points: {time.perf_counter() - started:.1f} s, at most {peak:.0f} MB in all"
        )
