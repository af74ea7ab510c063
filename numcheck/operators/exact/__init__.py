"""A routine's own code in exact arithmetic: what it computes, where nothing is rounded and no range ends.

`execute` runs it unmodified, with torch's own derivatives, on numbers that are rational while they can be and Arb balls
of the present precision after that. It follows the branches that exact numbers take.

numbers -> tensor -> rules (of the operators' rows) -> run
"""
