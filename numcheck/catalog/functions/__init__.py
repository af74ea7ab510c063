"""Functions of one real number, each a formula that needs no other form: torch's own is the one routine."""
