"""The old name of `numcheck.operators`, and of its reader `numcheck.diagnosis.culprit`."""

from numcheck.diagnosis.culprit import Blame, blame
from numcheck.operators import Operation, Repeat, Sink, Trace, TraceError, emulate, lockstep, record, trace

__all__ = [
    "Blame",
    "Operation",
    "Repeat",
    "Sink",
    "Trace",
    "TraceError",
    "blame",
    "emulate",
    "lockstep",
    "record",
    "trace",
]
