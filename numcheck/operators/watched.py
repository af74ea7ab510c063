"""A routine watched at its operators: with subnormals kept, and where whole numbers wrap around."""

from typing import Any

import torch
from torch import Tensor

from numcheck.operators.calls import Mode, leaves, mapped, undisturbed
from numcheck.reals import subnormals


def subnormals_kept() -> Mode:
    """A mode in which every operator keeps subnormal numbers, though the routine tells the processor to flush them."""
    return undisturbed(_Kept)()


class _Kept(Mode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        torch.set_flush_denormal(False)
        return func(*args, **(kwargs or {}))


class _Watch(Mode):
    def __init__(self, lanes: int) -> None:
        super().__init__()
        self.wrapped = torch.zeros(lanes, dtype=torch.bool)
        self.exact = True
        self.flushed = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.flushed |= subnormals.flushing()
        taken = leaves((*args, *kwargs.values()))
        if func.is_view or not any(_is_whole(x) for x in taken):
            self.exact &= not any(isinstance(x, Tensor) and x.is_floating_point() for x in taken)
            return func(*args, **kwargs)
        wide = self._in_float64(func, args, kwargs)  # first, for the operator may write into what it reads
        result = func(*args, **kwargs)
        self.exact &= not any(
            isinstance(x, Tensor) and x.is_floating_point() for x in (*taken, *leaves(result))
        )
        for narrow, exact in zip(leaves(result), wide, strict=False):
            if isinstance(narrow, Tensor) and _is_whole(narrow) and isinstance(exact, Tensor):
                self._note((narrow.double() - exact).abs() >= 2.0 ** (torch.iinfo(narrow.dtype).bits - 1))
        return result

    def _in_float64(self, func: Any, args: Any, kwargs: Any) -> list[Any]:
        args, kwargs = mapped(_widened, args, kwargs)
        try:
            return leaves(func(*args, **kwargs))
        except Exception:  # each operator refuses float64 in its own way
            return []

    def _note(self, wrapped: Tensor) -> None:
        if wrapped.ndim and len(wrapped) == len(self.wrapped):
            self.wrapped |= wrapped.reshape(len(wrapped), -1).any(dim=1).cpu()
        else:
            self.wrapped |= wrapped.any().cpu()


def watched(lanes: int) -> _Watch:
    """A mode that finds the lanes in which an operator's whole numbers leave their type: `wrapped`, after the run.

    They do where the same operator on float64 has another result, by half of the type's range or more: what float64
    rounds is far less. An operator that float64 doesn't have (on bits, or that looks numbers up) wraps nothing. The
    run was `exact` where no floating-point number took part: then nothing was rounded either. It was `flushed` where an
    operator ran while the processor flushed subnormal numbers.
    """
    return undisturbed(_Watch)(lanes)


def _is_whole(x: Any) -> bool:
    """Whether it is a tensor of whole numbers, or the dtype of one."""
    dtype = x.dtype if isinstance(x, Tensor) else x
    if not isinstance(dtype, torch.dtype) or dtype is torch.bool:
        return False
    return not (dtype.is_floating_point or dtype.is_complex)


def _widened(x: Any) -> Any:
    if not _is_whole(x):
        return x
    return x.double() if isinstance(x, Tensor) else torch.float64
