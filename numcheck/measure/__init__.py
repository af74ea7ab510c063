"""What a routine gave, judged: run, compared with the truth under its budget, one fate for each point.

execute -> error -> judge -> measurement -> laws, scaling
              `--> plain (points of a sweep that are plainly within)
"""

from numcheck.measure import plain
from numcheck.measure.error import apart, error_of_ball, errors, if_clear, power_below
from numcheck.measure.execute import (
    ALONE,
    BACKWARDS,
    WHOLE,
    Layout,
    Outcome,
    RoutineError,
    arguments_of,
    by_settings,
    check_device,
    execute,
    whole_vectors,
)
from numcheck.measure.judge import Judgement, with_rows
from numcheck.measure.laws import law_defects
from numcheck.measure.measurement import Measurement, measure, tally
from numcheck.measure.scaling import ladder, scalings

__all__ = ["ALONE", "BACKWARDS", "WHOLE", "Judgement", "Layout", "Measurement", "Outcome", "RoutineError"]
__all__ += ["apart", "arguments_of", "by_settings", "check_device", "error_of_ball", "errors", "execute"]
__all__ += ["if_clear", "ladder", "law_defects", "measure", "plain", "power_below", "scalings", "tally"]
__all__ += ["whole_vectors", "with_rows"]
