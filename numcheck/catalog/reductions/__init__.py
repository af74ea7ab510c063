"""Sums, norms and products of vectors, and the normalisations and attention made of them.

Torch's own is the one routine where nobody writes another form.
"""
