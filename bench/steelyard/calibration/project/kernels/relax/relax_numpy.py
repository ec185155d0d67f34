"""Relaxation on whole arrays."""

import numpy as np

__all__ = ["arrays"]

ROUNDS = 200


def arrays(x):
    """Three passes of NumPy for a pass of the rule, with a temporary array for each."""
    y = np.ones_like(x)
    for _ in range(ROUNDS):
        y = y + 0.5 * (x - y)
    return y
