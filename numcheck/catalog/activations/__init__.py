"""Activations of neural networks, and the log-sum-exp family behind them.

Torch's own is the one routine where nobody writes another form.
"""
