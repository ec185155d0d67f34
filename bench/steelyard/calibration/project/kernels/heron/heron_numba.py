"""Heron's rule, element by element, compiled."""

import numpy as np
from numba import njit

__all__ = ["loops"]

ROUNDS = 200


@njit
def loops(x):
    """One element after the other: each division waits for the one before."""
    y = np.empty_like(x)
    for i in range(x.size):
        root = x[i]
        for _ in range(ROUNDS):
            root = 0.5 * (root + x[i] / root)
        y[i] = root
    return y
