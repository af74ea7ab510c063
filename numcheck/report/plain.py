"""Numbers as a report holds them."""

import numpy as np


def figure(x: float) -> float | str:
    """A JSON number of six digits; infinities and not-a-number as words."""
    if np.isfinite(x):
        return float(f"{float(x):.6g}")
    return "nan" if np.isnan(x) else ("inf" if x > 0 else "-inf")
