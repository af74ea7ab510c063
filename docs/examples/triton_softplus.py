"""A kernel in Triton declared as a routine and judged, beside the naive one that looks as good.

    python docs/examples/triton_softplus.py

judges both, or says why it skips them. In two commands:

    numcheck check docs/examples/triton_softplus.py --devices cuda
    numcheck check --routine docs/examples/triton_softplus.py:naive --formula softplus --devices cuda

The first passes, and the second shows what the kernel that everybody writes first loses. Both need Triton and a GPU;
with TRITON_INTERPRET=1 in the environment Triton's interpreter runs the kernels on the processor, with `--devices cpu`
(in float32 and float16: bfloat16's subnormal numbers are beyond it).
"""

from __future__ import annotations

import os
import subprocess
import sys

import torch

from numcheck import formula, m, real, ulps

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

BLOCK = 1024


def lacking() -> str | None:
    """What the kernels cannot run for want of, in a line; None where they can."""
    if triton is None:
        return "no Triton is installed here"
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    return None if interpreted or torch.cuda.is_available() else "torch finds no GPU here"


def kernel(function):
    """A kernel of Triton; where there is none, the function as it is, which nothing calls."""
    return function if triton is None else triton.jit(function)


# The kernels ------------------------------------------------------------------------------------------------------


@kernel
def right_forward(x_pointer, y_pointer, count, BLOCK: tl.constexpr):
    """max(x, 0) + log1p(exp(-abs(x))) in float64, which costs nothing where memory sets the pace."""
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = places < count
    x = tl.load(x_pointer + places, mask=inside, other=0.0).to(tl.float64)
    small = tl.exp(-tl.abs(x))
    # log1p after Kahan: what 1 + small rounds away is put back by the quotient
    one_more = 1.0 + small
    rounded = one_more - 1.0
    quotient = tl.log(one_more) * (small / tl.where(rounded == 0.0, 1.0, rounded))
    tail = tl.where(rounded == 0.0, small, quotient)
    y = tl.where(x > 0, x + tail, tail).to(tl.float32)  # Triton rounds float64 to bfloat16 in two steps only
    tl.store(y_pointer + places, y, mask=inside)


@kernel
def right_backward(x_pointer, slope_pointer, result_pointer, count, BLOCK: tl.constexpr):
    """The sigmoid, by the exponential that does not overflow."""
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = places < count
    x = tl.load(x_pointer + places, mask=inside, other=0.0).to(tl.float64)
    slope = tl.load(slope_pointer + places, mask=inside, other=0.0).to(tl.float64)
    small = tl.exp(-tl.abs(x))
    sigmoid = tl.where(x > 0, 1.0, small) / (1.0 + small)
    tl.store(result_pointer + places, (slope * sigmoid).to(tl.float32), mask=inside)


@kernel
def naive_forward(x_pointer, y_pointer, count, BLOCK: tl.constexpr):
    """As the book prints it, in float32."""
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = places < count
    x = tl.load(x_pointer + places, mask=inside, other=0.0).to(tl.float32)
    tl.store(y_pointer + places, tl.log(1.0 + tl.exp(x)), mask=inside)


@kernel
def naive_backward(x_pointer, slope_pointer, result_pointer, count, BLOCK: tl.constexpr):
    """The derivative as the chain rule prints it."""
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = places < count
    x = tl.load(x_pointer + places, mask=inside, other=0.0).to(tl.float32)
    slope = tl.load(slope_pointer + places, mask=inside, other=0.0).to(tl.float32)
    power = tl.exp(x)
    tl.store(result_pointer + places, slope * (power / (1.0 + power)), mask=inside)


def launched(kernel, *tensors: torch.Tensor) -> torch.Tensor:
    """What a kernel makes of tensors, number by number."""
    if reason := lacking():
        raise RuntimeError(f"skipped: {reason}")
    given = [x.contiguous() for x in tensors]
    result = torch.empty_like(given[0])
    count = result.numel()
    kernel[(-(-count // BLOCK),)](*given, result, count, BLOCK=BLOCK)
    return result


class Right(torch.autograd.Function):
    """The right kernels, for autograd."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return launched(right_forward, x)

    @staticmethod
    def backward(context, slope):
        return launched(right_backward, *context.saved_tensors, slope)


class Naive(torch.autograd.Function):
    """The naive kernels, for autograd."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return launched(naive_forward, x)

    @staticmethod
    def backward(context, slope):
        return launched(naive_backward, *context.saved_tensors, slope)


# What they claim --------------------------------------------------------------------------------------------------


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 3.10, equation 3.31",
    known=[((0,), "0.6931471805599453094172321214581765680755")],
    x=real(-float("inf"), float("inf"), near=(-16.6, 11.09, 16.6, 88.72)),
)
def softplus_of_a_kernel(x):
    """Positive part of x, rounded off over a width of one."""
    return m.log(1 + m.exp(x))


@softplus_of_a_kernel.routine(value=ulps(1), grad=ulps(1), formats=["float32", "bfloat16", "float16"])
def right(x):
    """The kernel that computes in float64."""
    return Right.apply(x)


def naive(x):
    """The kernel that everybody writes first."""
    return Naive.apply(x)


if __name__ == "__main__":
    if reason := lacking():
        sys.stdout.write(f"skipped: {reason}\n")
        sys.exit(0)
    judge = [
        sys.executable,
        "-m",
        "numcheck",
        "check",
        "--devices",
        "cuda" if torch.cuda.is_available() else "cpu",
    ]
    passed = subprocess.run([*judge, __file__], check=False).returncode == 0
    found = subprocess.run([*judge, "--routine", f"{__file__}:naive", "--formula", "softplus"], check=False)
    sys.exit(0 if passed and found.returncode == 1 else 1)
