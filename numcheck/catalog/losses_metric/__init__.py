"""Losses and distances of embeddings."""
