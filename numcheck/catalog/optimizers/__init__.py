"""Optimizer steps: what a weight becomes, and what of it the stored number takes."""
