"""Blends of increasing curves and their inverses, which have no closed form."""
