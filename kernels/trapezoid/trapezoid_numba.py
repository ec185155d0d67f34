"""Composite trapezoid rule in Numba."""

from numba import njit

__all__ = ["loops"]


@njit(fastmath=True)
def f(x):
    """2x² + 3x + 1 by Horner's rule; inlined into the loop by LLVM."""
    return (2.0 * x + 3.0) * x + 1.0


# fastmath lets LLVM split the sum into vector lanes; in the order of the text, each addition waits for the
# one before it. error_model="numpy" drops the test for a division by zero.
@njit(fastmath=True, error_model="numpy")
def loops(a, b, n):
    """The Python loop as it stands, compiled for the argument types of its first call."""
    h = (b - a) / n
    total = 0.5 * (f(a) + f(b))
    for i in range(1, n):
        total += f(a + i * h)
    return h * total
