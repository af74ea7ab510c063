"""What the text of a formula or of a law got wrong, in one line: where, what it used, and what to write instead."""

import ast
import difflib
import linecache
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import reduce
from types import CodeType, FrameType, TracebackType
from typing import Any

from numcheck.declaration.words import UsageError, told_of
from numcheck.reals import vocabulary
from numcheck.reals.arithmetic import BeyondError
from numcheck.reals.arrays import Decision, FloatError, Ratio, Reals, VariesError

Step = tuple[FrameType, CodeType, int]
"""Where a traceback passes: the frame, its code and the instruction there."""


class FormulaError(UsageError):
    """The text of a formula or of a law cannot be evaluated over exact reals."""


def spoken(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a declared text gives for these arguments; FormulaError for whatever it raises.

    Passed on is that its answers differ within a batch (VariesError), for the points can then be taken apart, and what
    an arithmetic leaves unanswered (BeyondError).
    """
    try:
        return function(*arguments)
    except (VariesError, BeyondError, FormulaError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # sys.exit() too must not end numcheck
        raise mistake(name, function, error) from error


def real_numbers(name: str, function: Callable[..., Any], result: Any) -> Any:
    """What a formula returned; FormulaError where that is no real number."""
    if isinstance(result, Reals | Ratio | int | float | Fraction):
        return result
    match result:
        case None:
            instead = "nothing: end it with return"
        case Decision():
            instead = "a comparison: write m.where(condition, 1, 0)"
        case list() | tuple():
            instead = f"a {type(result).__name__}: write m.stack([...]) for several numbers"
        case _:
            instead = f"{type(result).__name__}: use m's functions and the formula's inputs"
    raise FormulaError(
        f"{_place(function.__code__, function.__code__.co_firstlineno)}, {name}: returns {instead}"
    )


def mistake(name: str, function: Callable[..., Any], error: BaseException) -> FormulaError:
    """The error of a declared text as one that says in a line what to write."""
    own = getattr(function, "__code__", None)
    steps = list(_steps(error.__traceback__))
    here = [step for step in steps if own and step[1].co_filename == own.co_filename]
    if not here:
        return FormulaError(f"{name}: {told_of(error)}")
    frame, code, instruction = here[-1]
    line, segment = _segment(code, instruction)
    # other errors that numcheck raises say themselves what to write
    ours = _is_ours(steps[-1][0].f_globals.get("__name__")) and not isinstance(error, FloatError)
    used = "" if ours or not isinstance(error, TypeError) else _called(segment)
    foreign = "" if _is_own(used, frame) else used
    return FormulaError(f"{_place(code, line)}, {name}: {_advice(error, segment, foreign)}")


def _steps(traceback: TracebackType | None) -> Iterator[Step]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_frame.f_code, traceback.tb_lasti
        traceback = traceback.tb_next


def _place(code: CodeType, line: int) -> str:
    return f"{os.path.relpath(code.co_filename)}:{line}"


def _segment(code: CodeType, instruction: int) -> tuple[int, str]:
    """The line of an instruction, and the text of the expression that it belongs to, where that stands in one line."""
    first, last, start, stop = list(code.co_positions())[instruction // 2]
    if first is None:
        return code.co_firstlineno, ""
    text = linecache.getline(code.co_filename, first).encode()
    return first, text[start:stop].decode() if first == last else text.decode().strip()


def _advice(error: BaseException, segment: str, foreign: str) -> str:
    if isinstance(error, VariesError):
        return str(error)
    if isinstance(error, RecursionError):
        return f"{segment or 'it'} calls itself without end"
    if foreign:
        return f"{foreign} cannot take an exact real: {_instead(foreign)}"
    if isinstance(error, AttributeError) and isinstance(error.obj, Reals):
        return f"an exact real has no {error.name}: {_instead(str(error.name))}"
    if isinstance(error, AttributeError) and error.obj is vocabulary:
        near = difflib.get_close_matches(str(error.name), vocabulary.__all__, 1)
        return f"m has no {error.name}" + (f": did you mean m.{near[0]}?" if near else "")
    says_itself = not segment or segment.startswith("raise ")
    return told_of(error) if says_itself else f"{segment} raised {told_of(error)}"


def _called(segment: str) -> str:
    """The dotted name of what an expression calls, "" where it calls nothing of that kind."""
    try:
        node = ast.parse(segment.strip(), mode="eval").body
    except SyntaxError:
        return ""
    named = node.func if isinstance(node, ast.Call) else None
    return ast.unparse(named) if isinstance(named, ast.Name | ast.Attribute) else ""


def _is_own(used: str, frame: FrameType) -> bool:
    """Whether what is called is of the formula's own file, or of numcheck."""
    root, *rest = used.split(".")
    known = frame.f_builtins | frame.f_globals | frame.f_locals
    found = reduce(lambda thing, part: getattr(thing, part, None), rest, known.get(root))
    module = getattr(found, "__module__", None)
    return _is_ours(module) or module == frame.f_globals.get("__name__")


def _is_ours(module: object) -> bool:
    return str(module).partition(".")[0] == "numcheck"


def _instead(used: str) -> str:
    word = used.rpartition(".")[2]
    if word in ("float", "int", "bool"):
        return "leave it out, the formula has no precision"
    known = word in vocabulary.__all__
    return f"write m.{word}" if known else "write what it means with the functions of numcheck.m"
