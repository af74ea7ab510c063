"""The report as files: JSON that is the same for the same run, and the folder that an environment's report lives in."""

import json
import math
import numbers
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from numcheck.declaration.words import UsageError
from numcheck.report.summary import Report

LINE = 110
"""What fits on one line of the JSON file stays on one line: point, rung and bin each read as one thing."""


class ReportError(UsageError):
    """A report could not be written or read; the message is one line that says why."""


def finite(value: Any) -> Any:
    """The same value as the JSON file gives it back: keys sorted, infinities and NaN as words such as `"inf"`."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, dict | Mapping):  # a dict is known at once, other mappings only after a search
        return {str(key): finite(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return finite(float(value))
    raise TypeError(f"a report holds plain values only, not {type(value).__name__}: {value!r}")


def figure(x: float) -> float | str:
    """A number as the JSON file holds it: six digits; infinities and not-a-number as words."""
    return finite(float(f"{float(x):.6g}"))


def json_text(report: Report) -> str:
    """The report as JSON: keys sorted, two spaces of indentation, short lists and objects on one line."""
    return text_of(finite(report))


def text_of(shown: Any) -> str:
    """`json_text` of what is `finite` already; halves of characters, which no file takes, are JSON's escapes."""
    return f"{_written(shown, '')}\n".encode("utf-8", "backslashreplace").decode()


_encoded: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _written(value: Any, indent: str) -> str:
    """A finite value; what holds something that takes several lines takes several itself."""
    inner = indent + "  "
    if isinstance(value, dict):
        start, end = "{", "}"
        parts = [f"{_encoded(key)}: {_written(part, inner)}" for key, part in value.items()]
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        start, end = "[", "]"
        parts = [_written(part, inner) for part in value]
    else:
        return _encoded(value)
    flat = f"{start}{', '.join(parts)}{end}"
    if not parts or len(indent) + len(flat) <= LINE:  # so none of the parts took several lines
        return flat
    lines = f",\n{inner}".join(parts)
    return f"{start}\n{inner}{lines}\n{indent}{end}"


def write_text(path: str | Path, text: str) -> Path:
    """Write a whole file or none: readers never see half a report, and a failure leaves the old file as it was."""
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with scratch.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(text)
                file.flush()
                # else a machine that stops may keep the new name with nothing behind it
                os.fsync(file.fileno())
            os.replace(scratch, target)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def write_json(report: Report, path: str | Path) -> Path:
    """Write the report as JSON. Raises ReportError, in one line, when the place cannot be written."""
    return write_text(path, json_text(report))


def read_json(path: str | Path, schema: int = 1) -> dict[str, Any]:
    """Read a report back. Raises ReportError, in one line, when there is none or it is of another schema."""
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # the latter of lists without end in each other
        raise ReportError(f"cannot read {path}: it is not JSON ({error})") from error
    if not isinstance(report, dict) or report.get("schema") != schema:
        found = report.get("schema", "none") if isinstance(report, dict) else "none"
        raise ReportError(
            f"cannot read {path}: its schema is {found}, and this numcheck reads schema {schema}"
        )
    return report


def folder_name(environment: Mapping[str, Any]) -> str:
    """The folder of an environment's committed report: `torch-2.13.0-cpu-avx512-amd-epyc-family-25-model-17`.

    Results differ between torch versions, devices, vector instruction sets and, for the libraries that torch calls,
    makers of processors, so each has a folder of its own; a platform other than Linux on x86_64 is named too.
    """
    version = str(environment["torch"]).split("+")[0]
    device = str(environment.get("device", "cpu"))
    on_cpu = device == "cpu"
    capability = environment.get("cpu_capability") if on_cpu else environment.get("device_name")
    platform = str(environment.get("platform", "Linux x86_64"))
    model = environment.get("cpu_model") if on_cpu else None
    parts = ["torch", version, device, capability, model, None if platform == "Linux x86_64" else platform]
    slugs = (re.sub(r"[^a-z0-9.]+", "-", str(part or "").lower()).strip("-") for part in parts)
    return "-".join(slug for slug in slugs if slug)
