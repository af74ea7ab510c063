"""Other people's training loops: watched while they run, and held to what they claim.

monitor: what gradients and updates lose to the format, written for TensorBoard
assertions: for tests, each runs code in two ways that must agree
"""

from numcheck.training.assertions import (
    assert_grad_is_backward,
    assert_pools,
    assert_reproducible,
    assert_resumes,
)
from numcheck.training.monitor import Monitor, monitor

__all__ = [
    "Monitor",
    "assert_grad_is_backward",
    "assert_pools",
    "assert_reproducible",
    "assert_resumes",
    "monitor",
]
