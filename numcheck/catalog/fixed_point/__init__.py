"""Iterations x = phi(x) and what makes them converge."""
