"""What a routine gave, judged: run, compared with the truth under its budget, one fate for each point.

execute -> error -> judge -> measurement -> laws, scaling
              `--> plain (points of a sweep that are plainly within)
"""

from numcheck.measure import plain
from numcheck.measure.error import apart, error_of_ball, errors, is_clear, power_below
from numcheck.measure.execute import (
    Outcome,
    RoutineError,
    arguments_of,
    by_settings,
    check_device,
    execute,
    whole_vectors,
)
from numcheck.measure.judge import Judgement
from numcheck.measure.laws import law_defects
from numcheck.measure.measurement import Measurement, measure, tally
from numcheck.measure.scaling import ladder, scalings

__all__ = ["Judgement", "Measurement", "Outcome", "RoutineError"]
__all__ += ["apart", "arguments_of", "by_settings", "check_device", "error_of_ball", "errors"]
__all__ += [
    "execute",
    "is_clear",
    "ladder",
    "law_defects",
    "measure",
    "plain",
    "power_below",
    "scalings",
    "tally",
]
__all__ += ["whole_vectors"]
