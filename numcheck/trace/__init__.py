"""Where digits are lost inside a torch routine: every operator, forward and backward, beside a wider shadow.

`trace` runs a routine natively and, in lockstep, in a shadow of about 106 significand bits (an unevaluated
sum high + low of two float64) that starts from the same inputs; each floating operator leaves an `Operation`.
`blame` reads the record backwards from a wrong result. `emulate` runs a routine with every operator's result
rounded to a chosen significand and exponent range, so that widening one at a time shows what heals it.

Every tensor has a leading lanes axis N and lanes are independent. `trace` and `emulate` see the operators below
autograd, so views, in-place operators, `torch.where`, `torch.autograd.Function` and the backward pass need no
cooperation.

What the shadow doesn't see: values that leave torch (`.item()`, `.numpy()`), random numbers (taken from the
native run), and the rounding inside one fused float64 operator (exp, matmul): + - * / sqrt and sums carry
their own rounding error, and a sharp trace evaluates functions in ball arithmetic. Torch takes another way
through a few derivatives for any tensor subclass (prod): there the traced gradient differs from a plain
run's in its last bits.

    accurate -> shadow -> record -> culprit
                             `----> lockstep -> emulation
"""

from numcheck.trace.culprit import Blame, blame
from numcheck.trace.emulation import emulate
from numcheck.trace.lockstep import trace
from numcheck.trace.record import Operation, Repeat, Sink, Trace
from numcheck.trace.shadow import TraceError

__all__ = [
    "Blame",
    "Operation",
    "Repeat",
    "Sink",
    "Trace",
    "TraceError",
    "blame",
    "emulate",
    "trace",
]
