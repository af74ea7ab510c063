"""A gradient divided by the loss scale: GradScaler multiplies by a reciprocal, exact for powers of two only."""

import torch

from numcheck import formula, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.amp.GradScaler.unscale_",
    known=[((6, 4), "1.5"), ((1, 3), "0.333333333333333333333333333333"), ((-65504, 65504), "-1")],
    wrt=(),
    grad=real(-1e30, 1e30),
    scale=real(1, 1e30, near=(2.0**16, 65504)),
)
def unscaled_gradient(grad, scale):
    """grad / scale. Hard where the reciprocal of the scale is not exact."""
    return grad / scale


@unscaled_gradient.law
def scaling_beforehand_is_undone(f, grad, scale):
    """A scaled gradient becomes what it was."""
    return f(scale * grad, scale), grad


@unscaled_gradient.law
def a_turned_gradient_turns_the_quotient(f, grad, scale):
    """It is odd."""
    return f(-grad, scale), -f(grad, scale)


@unscaled_gradient.routine(value=ulps(1))
def divided(grad, scale):
    """One division."""
    return grad / scale


@unscaled_gradient.routine(value=ulps(2), formats=["bfloat16", "float16"])
def reciprocal_in_float32(grad, scale):
    """Times the float32 reciprocal, rounded at the end, as GradScaler's kernel does it of half-precision gradients."""
    return (grad.float() * (1 / scale.double()).float()).to(grad.dtype)


@unscaled_gradient.routine(value=ulps(2))
def reciprocal_in_the_format(grad, scale):
    """Times the reciprocal, rounded to the format before."""
    return grad * (1 / scale)


@unscaled_gradient.routine(value=ulps(2))
def torch_grad_scaler(grad, scale):
    """The kernel of torch's GradScaler, given the reciprocal that it takes of a float32 scale, in float64."""
    inverse = scale.float().double().reciprocal().float()
    unscaled = []
    for row, factor in zip(grad, inverse, strict=True):
        one = row.detach().clone().reshape(1)
        torch._amp_foreach_non_finite_check_and_unscale_([one], torch.zeros(1), factor)
        unscaled.append(one)
    return torch.cat(unscaled)
