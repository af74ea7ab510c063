"""Rectified linear unit that ends at six.

Where it is hard: nowhere but at zero and six, where any slope from 0 to 1 is right.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10",
    known=[((-1.5,), "0"), ((0.25,), "0.25"), ((7,), "6")],
    x=real(-float("inf"), float("inf"), near=(6,)),
)
def relu6(x):
    """x brought into [0, 6]."""
    return m.clamp(x, 0, 6)


@relu6.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.nn.functional.relu6."""
    return functional.relu6(x)
