# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# distutils: extra_compile_args = -O3 -march=native -ffast-math
"""Composite trapezoid rule in Cython.

-ffast-math lets the compiler split the sum into vector lanes: in the order of the text, each addition
would wait for the one before it.
"""

__all__ = ["untyped", "typed", "tuned"]


def f_untyped(x):
    """2x² + 3x + 1 by Horner's rule, on Python objects."""
    return (2.0 * x + 3.0) * x + 1.0


cdef inline double f(double x) noexcept nogil:
    """2x² + 3x + 1 by Horner's rule; a C function, so that the compiler can inline it into the loop."""
    return (2.0 * x + 3.0) * x + 1.0


def untyped(a, b, n):
    """The Python loop as it stands: compiled, but still on Python objects."""
    h = (b - a) / n
    total = 0.5 * (f_untyped(a) + f_untyped(b))
    for i in range(1, n):
        total += f_untyped(a + i * h)
    return h * total


def typed(double a, double b, Py_ssize_t n):
    """The same loop with C types: no object is made until the result is."""
    cdef double h = (b - a) / n
    cdef double total = 0.5 * (f(a) + f(b))
    cdef Py_ssize_t i
    with nogil:
        for i in range(1, n):
            total += f(a + i * h)
    return h * total


def tuned(double a, double b, Py_ssize_t n):
    """i kept a second time as a float: exact up to 2⁵³, and cheaper than converting each i."""
    cdef double h = (b - a) / n
    cdef double total = 0.5 * (f(a) + f(b))
    cdef double step = 1.0
    cdef Py_ssize_t i
    with nogil:
        for i in range(1, n):
            total += f(a + step * h)
            step += 1.0
    return h * total
