"""Heron's rule, element by element, compiled."""

import numpy as np
from numba import njit

__all__ = ["loops"]

ROUNDS = 200


@njit
def _loops(x, rounds):
    y = np.empty_like(x)
    for i in range(x.size):
        root = x[i]
        for _ in range(rounds):
            root = 0.5 * (root + x[i] / root)
        y[i] = root
    return y


def loops(x):
    """One element after the other: each division waits for the one before."""
    return _loops(x, ROUNDS)
