"""Functions of one or two real numbers, each a formula that needs no other form: torch's own is the one routine."""
