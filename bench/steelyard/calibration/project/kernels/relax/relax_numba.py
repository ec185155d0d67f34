"""Relaxation, pass by pass, compiled."""

import numpy as np
from numba import njit

__all__ = ["passes"]

ROUNDS = 200


@njit
def _passes(x, rounds):
    y = np.ones_like(x)
    for _ in range(rounds):
        for i in range(x.size):
            y[i] += 0.5 * (x[i] - y[i])
    return y


def passes(x):
    """One vectorised loop for a pass."""
    return _passes(x, ROUNDS)
