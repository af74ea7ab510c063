"""Activations of neural networks, and the log-sum-exp family behind them."""
