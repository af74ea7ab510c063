"""Torch's switches of precision, by which the same code gives other digits: told in reports, and set for a run.

A switch is an attribute under `torch.backends`, such as `cuda.matmul.allow_tf32`. What was set is taken along to
worker processes.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from numcheck.declaration.words import UsageError, told_of

OF_CUDA = (
    "fp32_precision",
    "cuda.matmul.allow_tf32",
    "cuda.matmul.fp32_precision",
    "cuda.matmul.allow_fp16_accumulation",
    "cuda.matmul.allow_fp16_reduced_precision_reduction",
    "cuda.matmul.allow_bf16_reduced_precision_reduction",
    "cudnn.allow_tf32",
    "cudnn.fp32_precision",
    "cudnn.conv.fp32_precision",
    "cudnn.rnn.fp32_precision",
)
"""Those on which results on a GPU may depend; of an older torch some are missing."""
_WORDS = {"true": True, "false": False}
_set: dict[str, str] = {}


def positions(cuda: bool) -> dict[str, str]:
    """Where the switches stand that were set, and with `cuda` those of GPUs, by their names under torch."""
    found: dict[str, str] = {}
    for name in dict.fromkeys([*(OF_CUDA if cuda else ()), *_set]):
        try:
            found[f"torch.backends.{name}"] = _word(_read(name))
        except AttributeError:  # of another torch
            continue
        except RuntimeError:  # torch answers one of an older and a newer interface, whichever was used
            found[f"torch.backends.{name}"] = "not told by torch beside what was set"
    return found


def those_set() -> dict[str, str]:
    """The switches that were set here, for `turn` in another process."""
    return dict(_set)


def turn(switches: Mapping[str, str]) -> None:
    """Set switches to the end of this process."""
    for name, word in switches.items():
        _write(name, _WORDS.get(word, word))
        _set[name] = word


@contextmanager
def switched(words: Sequence[str]) -> Generator[None]:
    """Set switches, each NAME=VALUE, and put them back afterwards. UsageError for what is none, or does not move."""
    before: list[tuple[str, Any]] = []
    kept = dict(_set)
    try:
        for word in words:
            name, equals, value = word.partition("=")
            if not (name and equals):
                raise UsageError(f"--switch {word}: write NAME=VALUE, such as cuda.matmul.allow_tf32=true")
            before.append((name, _expected(name, value)))
            _tried(name, value)
        yield
    finally:
        for name, value in reversed(before):
            _write(name, value)
        _set.clear()
        _set.update(kept)


def _expected(name: str, value: str) -> bool | str:
    """Where a switch stands that can be set to that value."""
    try:
        now = _read(name)
    except AttributeError:
        raise UsageError(f"torch.backends has no {name}: write one such as {OF_CUDA[1]}") from None
    except RuntimeError as error:
        raise UsageError(f"--switch {name}={value}: {told_of(error)}") from None
    if not isinstance(now, bool | str):
        raise UsageError(f"torch.backends.{name} is no switch: write one such as {OF_CUDA[1]}")
    if isinstance(now, bool) and value not in _WORDS:
        raise UsageError(f"--switch {name}={value}: it is {_word(now)}, write true or false")
    return now


def _tried(name: str, value: str) -> None:
    try:
        turn({name: value})
        now = _word(_read(name))
    except Exception as error:  # whatever torch says of a value that it does not take
        raise UsageError(f"--switch {name}={value}: {told_of(error)}") from None
    if now != value:
        raise UsageError(f"--switch {name}={value}: torch leaves it at {now}")


def _read(name: str) -> Any:
    found: Any = import_module("torch.backends")  # workers are asked for before torch is loaded
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    return found


def _write(name: str, value: Any) -> None:
    owner, _, attribute = name.rpartition(".")
    setattr(_read(owner), attribute, value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
