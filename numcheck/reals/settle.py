"""What stands in `precision` and `enclosures`, by the old name."""

from numcheck.reals.enclosures import *  # noqa: F403
from numcheck.reals.precision import *  # noqa: F403
