"""Composite trapezoid rule in plain Python."""

import numpy as np

__all__ = ["arrays", "loops"]


def f(x):
    """2x² + 3x + 1 by Horner's rule."""
    return (2.0 * x + 3.0) * x + 1.0


def loops(a: float, b: float, n: int) -> float:
    """The definition: most of the time goes into calling f and into making a float object per operation."""
    h = (b - a) / n
    total = 0.5 * (f(a) + f(b))
    for i in range(1, n):
        # Not x += h: that would add up n rounding errors in x.
        total += f(a + i * h)
    return h * total


def arrays(a, b, n):
    """NumPy without vectorising: each element becomes a NumPy scalar, slower to compute with than a float."""
    h = (b - a) / n
    total = 0.5 * (f(a) + f(b))
    for x in a + h * np.arange(1, n):
        total += f(x)
    return float(h * total)
