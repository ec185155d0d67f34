# cython: language_level=3, cdivision=True
# distutils: extra_compile_args = -O2
"""Bisection, element by element, compiled; on buffers, since memoryviews take the compiler several times as long."""

import numpy as np

from cpython.buffer cimport Py_buffer, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

__all__ = ["loops"]

ROUNDS = 200


cdef void loops_into(const double *x, double *y, Py_ssize_t n, int rounds) noexcept nogil:
    """One element after the other."""
    cdef Py_ssize_t i
    cdef int k
    cdef double low, high, middle
    for i in range(n):
        low, high = 1.0, 2.0
        for k in range(rounds):
            middle = 0.5 * (low + high)
            if middle * middle < x[i]:
                low = middle
            else:
                high = middle
        y[i] = high


def loops(x):
    """One element after the other."""
    y = np.empty(x.size)
    cdef Py_buffer source, target
    PyObject_GetBuffer(x, &source, PyBUF_SIMPLE)
    PyObject_GetBuffer(y, &target, PyBUF_WRITABLE)
    loops_into(<const double *>source.buf, <double *>target.buf, source.len // sizeof(double), ROUNDS)
    PyBuffer_Release(&target)
    PyBuffer_Release(&source)
    return y
