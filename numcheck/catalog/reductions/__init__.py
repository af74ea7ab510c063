"""Sums, norms and products of vectors, and the normalisations and attention made of them.

Torch's own is the one routine where nobody writes another form.
"""

POINTS = 250
"""Points of each where the whole catalogue is checked: the table draws longer vectors."""
