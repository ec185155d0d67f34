"""Heron's rule on whole arrays."""

import numpy as np

__all__ = ["arrays"]

ROUNDS = 200


def arrays(x):
    """All elements in step, in place."""
    y = x.copy()
    quotient = np.empty_like(x)
    for _ in range(ROUNDS):
        np.divide(x, y, out=quotient)
        np.add(y, quotient, out=y)
        np.multiply(y, 0.5, out=y)
    return y
