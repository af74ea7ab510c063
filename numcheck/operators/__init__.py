"""Torch's operators: what each of them does to digits, and where a routine made of them loses some.

`trace` runs a routine natively and, in lockstep, in a shadow of about 106 significand bits (an unevaluated
sum high + low of two float64) that starts from the same inputs; each floating operator, forward and backward, leaves
an `Operation`. `emulate` runs a routine with every operator's result rounded to a chosen significand and exponent
range, so that widening one at a time shows what heals it.

What is known about an operator by its name stands in one row of `table`, and nowhere else; one without runs too:
natively, in float64 and with torch's own derivatives. Every tensor has a leading lanes axis N and lanes are
independent. Operators are seen below autograd, so views, in-place operators, `torch.where`, `torch.autograd.Function`
and the backward pass need no cooperation.

What the shadow doesn't see: values that leave torch (`.item()`, `.numpy()`), random numbers (taken from the native
run), and the rounding inside one fused float64 operator (exp, matmul): + - * / sqrt and sums carry their own, and a
sharp trace evaluates functions in ball arithmetic. Torch takes another way through a few derivatives for any tensor
subclass (prod): there the traced gradient differs from a plain run's in its last bits.

    pairs -> rows -> table -> calls -> shadow -> record -> lockstep -> rounded
                               |                                 `--> exact
                               `---> watched (a routine's operators, told apart from its digits)

`execute` runs a routine without any rounding: what its own code computes. Only that proves that the code is wrong.
"""

from numcheck.operators.exact.run import Executed, execute
from numcheck.operators.exact.tensor import InexactError
from numcheck.operators.lockstep import trace
from numcheck.operators.pairs import TraceError
from numcheck.operators.record import Operation, Repeat, Sink, Trace
from numcheck.operators.rounded import emulate
from numcheck.operators.rows import operator
from numcheck.operators.watched import subnormals_kept, watched

__all__ = ["Executed", "InexactError", "Operation", "Repeat", "Sink", "Trace", "TraceError"]
__all__ += ["emulate", "execute", "operator", "subnormals_kept", "trace", "watched"]
