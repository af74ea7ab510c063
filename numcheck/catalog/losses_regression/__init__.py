"""Losses of real numbers against real targets."""
