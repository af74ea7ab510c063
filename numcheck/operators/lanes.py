"""The points of a traced run, side by side in every tensor."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from numcheck.operators.pairs import Floats

Flags = NDArray[np.bool_]


@final
@dataclass(frozen=True)
class Lanes:
    """How a tensor divides into lanes; one without a lanes axis counts for every lane."""

    count: int

    def worst(self, x: Floats) -> Floats:
        """The largest element of each lane."""
        divided = self._divided(x)
        return divided[:, 0] if divided.shape[1] == 1 else divided.max(axis=1)

    def any(self, x: Flags) -> Flags:
        """Whether some element of a lane is true."""
        divided = self._divided(x)
        return divided[:, 0] if divided.shape[1] == 1 else np.logical_or.reduce(divided, axis=1)

    def first(self, x: Floats) -> Floats:
        """The first element of each lane."""
        return self._divided(x)[:, 0]

    def without_largest(self, x: Floats) -> Floats:
        """The same, but for zero in place of each lane's largest element; all of it where lanes are no leading axis."""
        divided = self._divided(x).copy()
        divided[np.arange(self.count), divided.argmax(axis=1)] = 0.0
        return divided.reshape(x.shape) if divided.size == x.size and x.shape[:1] == (self.count,) else x

    def zeros(self) -> Floats:
        """Zero for each lane."""
        return np.zeros(self.count)

    def nowhere(self) -> Flags:
        """False for each lane."""
        return np.zeros(self.count, dtype=bool)

    def _divided(self, x: NDArray[Any]) -> NDArray[Any]:
        if x.size == 0:
            return np.zeros((self.count, 1), dtype=x.dtype)
        if x.ndim and x.shape[0] == self.count:
            return x.reshape(self.count, -1)
        axes = [d for d in range(x.ndim) if x.shape[d] == self.count]
        if len(axes) == 1:
            return np.moveaxis(x, axes[0], 0).reshape(self.count, -1)
        if x.ndim and x.shape[0] % self.count == 0:
            return x.reshape(self.count, -1)  # lanes and another axis flattened into one
        return np.broadcast_to(x.reshape(1, -1), (self.count, x.size))
