"""Whole runs over formulas, routines, formats and devices."""
