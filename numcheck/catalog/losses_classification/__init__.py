"""Losses of logits or probabilities against classes."""
