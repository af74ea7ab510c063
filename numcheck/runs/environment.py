"""What results may depend on: versions, processor, device."""

import importlib.metadata
import platform
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from numcheck.runs.switches import positions


def environment(devices: Sequence[str]) -> dict[str, str]:
    """What results may depend on."""
    cuda = [d for d in devices if d.startswith("cuda")]
    tiny = torch.tensor([2.0**-140, 1.0], dtype=torch.float32)
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": "cuda" if cuda else "cpu",
        **(_gpu(cuda[0]) if cuda else {}),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_model": _cpu_model(),
        "platform": f"{platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "python_flint": importlib.metadata.version("python-flint"),
        "mpmath": importlib.metadata.version("mpmath"),
        "subnormals": "kept" if float((tiny * 0.5)[0]) != 0 else "flushed",
        **positions(bool(cuda)),
    }


def _gpu(device: str) -> dict[str, str]:
    """The GPU and what computes on it; Triton makes the kernels of compiled functions."""
    major, minor = torch.cuda.get_device_capability(device)
    told = {
        "device_name": torch.cuda.get_device_name(device),
        "cuda": str(torch.version.cuda),
        "cuda_capability": f"{major}.{minor}",
        "cudnn": str(torch.backends.cudnn.version()),
    }
    with suppress(importlib.metadata.PackageNotFoundError):
        told["triton"] = importlib.metadata.version("triton")
    return told


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown"
    told = dict(re.findall(r"^([^\t\n]+)\t*: (.*)$", text.split("\n\n")[0], re.MULTILINE))
    name = told.get("model name", platform.processor() or "unknown").strip()
    return f"{name}, family {told['cpu family']}, model {told['model']}" if "cpu family" in told else name
