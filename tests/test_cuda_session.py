"""What `tox -e cuda` does up to the point where a GPU is needed, and that nothing finished is lost."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from numcheck.faces import cli
from numcheck.runs import switches

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tests" / "cuda_session.py"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("cuda_session", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "cuda_session", module)
    monkeypatch.syspath_prepend(str(ROOT))
    spec.loader.exec_module(module)
    return module


def python(module: Any, name: str, *scripts: str, **more: Any) -> Any:
    """A part that runs lines of Python."""

    def commands(_: Any) -> Iterator[Any]:
        yield from (module.Command([sys.executable, "-c", script]) for script in scripts)

    return replace(module.Part(name, 60, 0, lambda: None, commands), **more)


def ended(module: Any, folder: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    code = module.main(["--out", str(folder), *words])
    return code, json.loads((folder / "session.json").read_text())["parts"]


def test_without_a_gpu_each_part_says_in_a_line_what_is_missing(tmp_path: Path, session: Any):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (2, "")
    assert [line.split(": ")[:2] for line in lines] == [[part.name, "missing"] for part in session.PARTS]
    assert lines[0].endswith("torch finds no GPU here")
    written = json.loads((tmp_path / "session.json").read_text())["parts"]
    assert [told["state"] for told in written] == ["missing"] * len(lines)


def test_a_part_whose_time_is_up_leaves_what_it_finished_and_the_next_one_begins(
    tmp_path: Path, session: Any, monkeypatch: pytest.MonkeyPatch
):
    def keep(now: Any) -> None:
        if (now.work / "row").exists():
            (now.out / "row").write_text((now.work / "row").read_text())

    slow = python(
        session, "slow", "open('row', 'w').write('1'); import time; time.sleep(60)", seconds=3, keep=keep
    )
    monkeypatch.setattr(session, "PARTS", (slow, python(session, "next", "print('heard')")))
    begun = time.monotonic()
    code, told = ended(session, tmp_path)
    assert time.monotonic() - begun < 30
    assert code == 1 and [one["state"] for one in told] == ["failed", "done"]
    assert told[0]["why"].startswith("stopped, its time was up")
    assert (tmp_path / "row").read_text() == "1"
    assert "heard" in (tmp_path / "session.log").read_text()


def test_what_a_stopped_part_started_ends_with_it(
    tmp_path: Path, session: Any, monkeypatch: pytest.MonkeyPatch
):
    child = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    script = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
    script += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid)); p.wait()"
    monkeypatch.setattr(session, "PARTS", (python(session, "slow", script, seconds=3),))
    ended(session, tmp_path)
    time.sleep(0.5)
    status = Path(f"/proc/{(tmp_path / 'pid').read_text()}/status")
    assert not status.exists() or "zombie" in status.read_text()


def test_a_command_that_fails_fails_its_part_and_one_that_should_fail_does_not(
    tmp_path: Path, session: Any, monkeypatch: pytest.MonkeyPatch
):
    def found_out(_: Any) -> Iterator[Any]:
        yield session.Command([sys.executable, "-c", "raise SystemExit(1)"], well=(1,))

    parts = (
        python(session, "wrong", "raise SystemExit(3)"),
        session.Part("naive", 9, 0, lambda: None, found_out),
    )
    monkeypatch.setattr(session, "PARTS", parts)
    code, told = ended(session, tmp_path)
    assert code == 1 and [one["state"] for one in told] == ["failed", "done"]
    assert "exit code 3" in told[0]["why"]
    assert ended(session, tmp_path, "--parts", "naive")[0] == 0


def test_no_part_begins_when_too_little_of_the_whole_is_left(
    tmp_path: Path, session: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(session, "PARTS", (python(session, "long", "raise SystemExit(3)", least=50),))
    code, told = ended(session, tmp_path, "--seconds", "20")
    assert code == 1 and told[0]["state"] == "skipped"


def every(module: Any, folder: Path) -> Iterator[list[str]]:
    now = module.Session(folder, folder, time.monotonic() + 60)
    yield from (command.words for part in module.PARTS for command in part.commands(now))


def test_every_command_of_a_session_is_one_that_can_be_typed(
    tmp_path: Path, session: Any, monkeypatch: pytest.MonkeyPatch
):
    rows = [{"function": name, "worst_ulp": 1, "kinds": {"lost": {"results": 0}}} for name in ("exp", "sqrt")]
    (tmp_path / "table.json").write_text(json.dumps({"rows": rows}))
    typed = [words for words in every(session, tmp_path) if words[:3] == session.NUMCHECK]
    told = [words[3] for words in typed]
    assert told.count("table") == 3 and told.count("check") > 4
    for name, *words in (words[3:] for words in typed):
        if name in cli.numcheck.commands:
            found: Callable[..., click.Context] = cli.numcheck.commands[name].make_context
            assert "cuda" in str(found(name, list(words)).params)
    marked = next(words for words in every(session, tmp_path) if "pytest" in words)
    assert any(word.endswith("test_agreement.py") for word in marked)
    asked = [words[words.index("--switch") + 1] for words in typed if "--switch" in words]
    for word in asked:
        with switches.switched([word]):
            pass
    assert "cuda.matmul.allow_tf32=true" in asked


def test_functions_that_err_most_come_first(tmp_path: Path, session: Any):
    def row(name: str, ulps: float | str, lost: int) -> dict[str, Any]:
        return {"function": name, "worst_ulp": ulps, "kinds": {"lost": {"results": lost}}}

    rows = [
        row("sqrt", 0.5, 0),
        row("exp", 2, 0),
        row("erfinv", "inf", 3),
        row("lgamma", "inf", 9),
        row("exp", 7, 0),
    ]
    path = tmp_path / "table.json"
    assert session.telling(path) == []
    path.write_text(json.dumps({"rows": rows}))
    assert session.telling(path) == ["lgamma", "erfinv", "exp", "sqrt"]


def test_the_table_is_kept_while_it_grows(tmp_path: Path, session: Any):
    now = session.Session(tmp_path / "out", tmp_path, time.monotonic())
    for folder in ("out", "table"):
        (tmp_path / folder).mkdir()
    made = tmp_path / "table" / "torch-2.13.0-cuda-nvidia-h200.json"
    for text in ("1", "2"):
        made.write_text(text)
        os.utime(made, ns=(0, time.time_ns() + 10**9 * int(text)))
        session.keep_table(now)
        assert (tmp_path / "out" / "table.json").read_text() == text


# The kernel of the examples ---------------------------------------------------------------------------------------


def test_the_kernel_says_why_it_is_skipped_where_there_is_no_gpu():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "examples" / "triton_softplus.py")],
        capture_output=True,
        text=True,
        env={name: text for name, text in os.environ.items() if name != "TRITON_INTERPRET"}
        | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("skipped: no Triton is installed here\n", "skipped: torch finds no GPU here\n")


@pytest.mark.parametrize("routine", ["right", "naive"])
def test_the_kernels_compute_what_they_claim_in_tritons_interpreter(routine: str, tmp_path: Path):
    """The right one keeps its promise of an ulp, and of the naive one the findings are told."""
    pytest.importorskip("triton", reason="no Triton is installed here")
    kernel = "docs/examples/triton_softplus.py"
    naive = ["--routine", f"{kernel}:naive", "--formula", "softplus"]
    words = [kernel] if routine == "right" else naive
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "numcheck",
            "check",
            *words,
            "--formats",
            "float32,float16",
            "--points",
            "200",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"TRITON_INTERPRET": "1"},
        check=False,
    )
    assert done.returncode == (0 if routine == "right" else 1), done.stdout
    assert routine == "right" or "24 bits lost" in done.stdout
