"""The words that everything else uses: fates, causes, the errors of users, and what a run does by default.

Nothing heavy is imported here, so that the command line and the pytest plugin start at once.
"""

from enum import StrEnum


class UsageError(ValueError):
    """What the caller wrote cannot work; the message is one line that says what to write instead."""


class DeclarationError(UsageError):
    """A formula, routine, law or gap is declared wrongly."""


class Fate(StrEnum):
    """The one bucket in which each point lands."""

    WITHIN = "within"
    OVER = "over"
    SPECIAL = "special"
    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    GAP = "gap"
    INVALID = "invalid"
    UNRESOLVED = "unresolved"
    CRASH = "crash"


FAILING = (Fate.OVER, Fate.SPECIAL, Fate.OVERFLOW, Fate.UNDERFLOW, Fate.CRASH)


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


DEFAULT_FORMATS = ("float32", "bfloat16", "float16")
"""The formats in which a run judges."""
DEFAULT_POINTS = 2000
"""Points for each formula and format, at least."""
DEFAULT_SEED = 0
