"""Sweeps: every input of a format, in chunks that any number of processes share."""
