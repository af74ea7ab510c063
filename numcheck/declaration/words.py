"""The words that everything else uses: fates, causes, the errors of users, and what a run does by default.

Nothing heavy is imported here, so that the command line and the pytest plugin start at once.
"""

import difflib
import re
from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Final, Self


class UsageError(ValueError):
    """What the caller wrote cannot work; the message is one line that says what to write instead."""


class DeclarationError(UsageError):
    """A formula, routine, law or gap is declared wrongly."""


_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff]"
)
"""Control characters but the tab and the end of a line, what turns the direction of writing or separates lines unseen,
and halves of characters, which no file takes."""


def visible(text: str) -> str:
    """The text with what a terminal or a page would obey rather than show written out, an escape as `\\x1b`."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


HARDLY = 0.2
"""Of the likeness of two names, by which another one may be less like what was written."""


def meant(word: str, names: Iterable[str]) -> str:
    """Which of the names may have been meant, as a question: the nearest, and others hardly farther; "" for none."""
    near = difflib.get_close_matches(word, names)
    ratios = [difflib.SequenceMatcher(None, name, word).ratio() for name in near]
    told = [name for name, ratio in zip(near, ratios, strict=True) if ratio > ratios[0] - HARDLY]
    return f"did you mean {' or '.join(told)}?" if told else ""


def told_of(error: BaseException) -> str:
    """An exception in one line."""
    message = str(error).strip().splitlines()
    return f"{type(error).__name__}: {visible(message[0])[:200]}" if message else type(error).__name__


class Of(StrEnum):
    """The two halves of a formula, and of what a routine gives."""

    VALUE = "value"
    GRAD = "grad"


class Fate(IntEnum):
    """The one bucket in which each point lands: the larger, the graver. In the order in which a reader is told them."""

    WITHIN = 1, "inside the budget"
    GAP = 2, "fails, as a declared gap says it does"
    OVER = 4, "a finite result outside the budget"
    SPECIAL = 7, "a wrong NaN, infinity or signed zero"
    OVERFLOW = 6, "infinite where the truth is finite in the format"
    UNDERFLOW = 5, "zero or subnormal where the truth is normal"
    CRASH = 8, "the routine raised an error"
    INVALID = 0, "the formula is undefined there"
    UNRESOLVED = 3, "no proof within the precision limit"

    sentence: str

    def __new__(cls, gravity: int, sentence: str) -> Self:
        fate = int.__new__(cls, gravity)
        fate._value_ = gravity
        fate.sentence = sentence
        return fate

    @property
    def word(self) -> str:
        """The fate as reports and the terminal name it."""
        return self.name.lower()

    @property
    def fails(self) -> bool:
        """Whether a point with this fate breaks the budget; of an array of fates: `fates >= Fate.OVER`."""
        return self >= Fate.OVER

    @property
    def is_judged(self) -> bool:
        """Whether there was a truth to judge by."""
        return self not in (Fate.INVALID, Fate.UNRESOLVED)


class Cause(StrEnum):
    """Why digits were lost."""

    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    CANCELLATION = "cancellation"
    ABSORPTION = "absorption"
    NAN_GRADIENT = "nan_gradient"
    SPECIAL_VALUE = "special_value"
    SENSITIVITY = "sensitivity"
    SCALE = "scale"
    WRONG_FORMULA = "wrong_formula"
    ORDER = "order"
    UNCONVERGED = "unconverged"
    WRAPAROUND = "wraparound"
    NOT_DETERMINISTIC = "not_deterministic"
    PLACEMENT = "placement"
    MUTATION = "mutation"
    FLUSHED = "flushed"


class Harm(StrEnum):
    """What a failure does to whoever uses the result, the worst first: in this order a reader is told of findings."""

    NOT_FINITE = "not_finite"
    """NaN or an infinity where a finite number is right."""
    WRONG = "wrong"
    """A number of another formula."""
    DIGITS = "digits"
    """The right number with fewer digits than promised."""
    AT_INFINITY = "at_infinity"
    """A number of another formula where an input is infinite, and nowhere else."""


class ExitCode(IntEnum):
    """What a command tells the shell."""

    PASSED = 0
    FAILED = 1
    WRONG_USAGE = 2
    IN_DOUBT = 3
    INTERRUPTED = 130
    """What shells expect after Ctrl-C: 128 and the number of SIGINT."""


DEFAULT_FORMATS = ("float32", "bfloat16", "float16")
"""The formats in which a run judges."""
EAGER, COMPILED = MODES = ("eager", "compiled")
"""How a routine is run: as it is called, or through torch.compile."""
DEFAULT_POINTS = 2000
"""Points for each formula and format, at least."""
FEW_FORMULAS = 8
POINTS_OF_EACH = 250
"""The same where more formulas than these are checked."""
DEFAULT_SEED = 0
