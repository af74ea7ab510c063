"""Functions of one or two real numbers, each a formula that needs no other form: torch's own is the one routine."""

POINTS = 250
"""Points of each where the whole catalogue is checked: the table goes through every input."""
