# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, annotation_typing=False
# distutils: extra_compile_args = -O3 -march=native -ffast-math -mprefer-vector-width=512
"""Euclidean distance matrix in Cython.

-ffast-math is what makes a vector of square roots: without it each call has to set errno for a negative
argument.
"""

from libc.math cimport sqrt

import numpy as np

__all__ = ["untyped", "typed", "tuned"]


def untyped(points: list):
    """The Python loop as it stands: compiled, but still on lists of Python floats."""
    distances = []
    for x in points:
        row = []
        for y in points:
            total = 0.0
            for x_k, y_k in zip(x, y):
                difference = x_k - y_k
                total += difference * difference
            row.append(sqrt(total))
        distances.append(row)
    return distances


def typed(const double[:, ::1] points):
    """The same three loops with C types: the innermost, over the coordinates, is too short for vectors."""
    cdef Py_ssize_t m = points.shape[0], n_coordinates = points.shape[1], i, j, k
    distances = np.empty((m, m))
    cdef double[:, ::1] out = distances
    cdef double total, difference
    with nogil:
        for i in range(m):
            for j in range(m):
                total = 0.0
                for k in range(n_coordinates):
                    difference = points[i, k] - points[j, k]
                    total += difference * difference
                out[i, j] = sqrt(total)
    return distances


cdef inline double squares(const double *x, Py_ssize_t m, Py_ssize_t i, Py_ssize_t j) noexcept nogil:
    """Four coordinates of (X_i − X_j)²; the coordinates of all m points lie one after the other."""
    cdef double d0 = x[i] - x[j]
    cdef double d1 = x[m + i] - x[m + j]
    cdef double d2 = x[2 * m + i] - x[2 * m + j]
    cdef double d3 = x[3 * m + i] - x[3 * m + j]
    return d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3


def tuned(points):
    """The points transposed, so that the inner loop runs over j in vectors, four coordinates at a time.

    Coordinates of 0 fill the last group up. Up to four in all, the sum goes straight into the square root,
    whose latency the arithmetic of the next vectors then fills.
    """
    cdef Py_ssize_t m = points.shape[0], n_groups = (points.shape[1] + 3) // 4, group, i, j
    coordinates = np.zeros((4 * n_groups, m))
    coordinates[: points.shape[1]] = points.T
    distances = np.empty((m, m))
    cdef const double[:, ::1] x = coordinates
    cdef double[:, ::1] out = distances
    cdef const double *first
    cdef double *row
    with nogil:
        for i in range(m):
            first, row = &x[0, 0], &out[i, 0]
            if n_groups == 1:
                for j in range(m):
                    row[j] = sqrt(squares(first, m, i, j))
                continue
            for j in range(m):
                row[j] = squares(first, m, i, j)
            for group in range(1, n_groups):
                for j in range(m):
                    row[j] += squares(first + 4 * m * group, m, i, j)
            for j in range(m):
                row[j] = sqrt(row[j])
    return distances
