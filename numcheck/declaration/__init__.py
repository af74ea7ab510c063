"""Declarations: the words, budgets, formulas with their routines, laws and gaps, and the registry of them all."""
