"""Bisection, element by element, compiled."""

import numpy as np
from numba import njit

__all__ = ["loops"]

ROUNDS = 200


@njit
def _loops(x, rounds):
    y = np.empty_like(x)
    for i in range(x.size):
        low, high = 1.0, 2.0
        for _ in range(rounds):
            middle = 0.5 * (low + high)
            if middle * middle < x[i]:
                low = middle
            else:
                high = middle
        y[i] = high
    return y


def loops(x):
    """One element after the other."""
    return _loops(x, ROUNDS)
