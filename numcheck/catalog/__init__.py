"""Formulas with their laws, known values and routines, one file each."""
