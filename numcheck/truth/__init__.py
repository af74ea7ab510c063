"""Truth: proved values, gradients and conditioning terms of a formula at points, and the second opinion on them.

    batches -> proofs (Arb) -> opinion -> settling (float64 balls, then Arb)
         |---> compiled (the float64 balls of whole sweeps)
     `---> signs (what hangs on the sign of a zero)

`settle` is the way in; a sweep first asks `Truths`, which is fast and settles nothing.
"""

from numcheck.reals.enclosures import ContradictionError
from numcheck.truth.batches import alike, describe, fewer, groups, lifted
from numcheck.truth.compiled import BATCH, LONG, Exact, Truths, compiler, missing_compiler
from numcheck.truth.opinion import Opinion, audit, audit_enclosures, second_opinion
from numcheck.truth.promises import expect_promises, known_texts, law_holds
from numcheck.truth.proofs import FLOAT64, Half, Truth, answered, conditioning_at, forgiven_by_all
from numcheck.truth.settling import FEWEST, FILTERED, settle, settle_together
from numcheck.truth.signs import hanging_on_signs, signed

__all__ = ["BATCH", "FEWEST", "FILTERED", "FLOAT64", "LONG", "ContradictionError", "Exact", "Half"]
__all__ += ["Opinion", "Truth", "Truths", "alike", "answered", "audit", "audit_enclosures", "compiler"]
__all__ += ["conditioning_at", "describe", "expect_promises", "fewer", "forgiven_by_all", "groups"]
__all__ += ["hanging_on_signs", "known_texts", "law_holds", "lifted", "missing_compiler", "second_opinion"]
__all__ += ["settle", "settle_together", "signed"]
