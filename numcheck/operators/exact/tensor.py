"""A tensor of exact numbers, under the dtype, shape and device of the one that it stands for.

Its numbers lie in a store, and it holds the place of each of its elements there: a view has other places in the same
store, so that what is written into one is seen by all. Code that asks for the dtype, or for `torch.finfo` of it, takes
the path that it takes natively, and a cast between floating formats leaves the numbers as they are.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from numcheck.operators.exact.numbers import EXACT
from numcheck.operators.pairs import is_floating


class InexactError(RuntimeError):
    """A routine cannot be executed exactly; the message says by what it cannot."""


@final
class Store:
    """Numbers that tensors share."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers


@final
class Exact(Tensor):
    """A tensor whose elements are exact numbers."""

    store: Store
    places: Tensor
    """Of each element, in int64: a view of this is a view of the tensor."""

    @staticmethod
    def __new__(cls: type["Exact"], store: Store, places: Tensor, dtype: torch.dtype, device: Any) -> "Exact":
        made = Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls,
            places.size(),
            strides=places.stride(),
            storage_offset=places.storage_offset(),
            dtype=dtype,
            device=device,
        )
        made.store, made.places = store, places
        return made

    @property
    def numbers(self) -> np.ndarray:
        """The numbers, in the tensor's shape."""
        return np.asarray(self.store.numbers[self.places.numpy()], dtype=object).reshape(self.places.shape)

    def write(self, numbers: np.ndarray) -> None:
        """Overwrite the numbers, in all views of them."""
        whole = np.broadcast_to(numbers, tuple(self.places.shape))
        self.store.numbers[self.places.numpy().reshape(-1)] = whole.reshape(-1)

    # Numbers that leave torch stay exact where they leave by these: Python's operators go on with them.

    def item(self) -> Any:
        """The only number, exactly, as a tensor without axes."""
        return self.clone().reshape(())

    def tolist(self) -> Any:
        """The numbers, exactly, each as a tensor without axes, in lists as torch returns them."""
        return self.item() if self.ndim == 0 else [part.tolist() for part in self.unbind(0)]

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"exact {self.numbers!r}"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise InexactError(f"{func}: an exact tensor was used outside its run")

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore


def made_of(numbers: np.ndarray, dtype: torch.dtype, device: Any = "cpu") -> Exact:
    """A new tensor of these numbers, in their shape."""
    numbers = np.array(numbers, dtype=object)
    places = torch.arange(numbers.size).reshape(numbers.shape)
    return Exact(Store(numbers.reshape(-1)), places, dtype, device)


def lift(native: Tensor) -> Exact:
    """The numbers of a plain tensor, exactly."""
    numbers = EXACT.lift(native.detach().double().cpu().numpy())
    return made_of(numbers.reshape(tuple(native.shape)), native.dtype, native.device)


def lifted(x: Any) -> Any:
    """A floating tensor as an exact one, anything else as it is."""
    return x if isinstance(x, Exact) or not is_floating(x) else lift(x)


def joined(tensors: Sequence[Exact]) -> np.ndarray:
    """The numbers of some tensors one after the other, with a zero before them all."""
    return np.concatenate([np.array([EXACT.zero], dtype=object), *(x.numbers.reshape(-1) for x in tensors)])
