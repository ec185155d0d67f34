"""Bisection on whole arrays."""

import numpy as np

__all__ = ["arrays"]

ROUNDS = 200


def arrays(x):
    """All elements in step, both branches computed."""
    low, high = np.ones_like(x), np.full_like(x, 2.0)
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        below = middle * middle < x
        low = np.where(below, middle, low)
        high = np.where(below, high, middle)
    return high
