"""Why digits were lost: a cause for every failing point, its region, its examples, and what is told of it.

causes -> culprit -> records -> conduct -> diagnose -> questions -> regions -> findings
                                   `--> devices            `--> quantities
"""

from numcheck.diagnosis import devices
from numcheck.diagnosis.causes import FACTS
from numcheck.diagnosis.conduct import called_again
from numcheck.diagnosis.diagnose import Diagnosis, diagnose
from numcheck.diagnosis.findings import Cluster, Finding, clusters, findings
from numcheck.diagnosis.fresh import Place, wandered
from numcheck.diagnosis.quantities import cancellation, underflow
from numcheck.diagnosis.questions import Question, Search, alone, asked, beside
from numcheck.diagnosis.regions import complexity

__all__ = ["FACTS", "Cluster", "Diagnosis", "Finding", "Place", "Question", "Search"]
__all__ += [
    "alone",
    "asked",
    "beside",
    "called_again",
    "cancellation",
    "clusters",
    "complexity",
    "devices",
    "diagnose",
]
__all__ += ["findings", "underflow", "wandered"]
