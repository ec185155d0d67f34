# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, annotation_typing=False
# distutils: extra_compile_args = -O3 -march=native -fopenmp
# distutils: extra_link_args = -fopenmp
"""Jacobi updates of Laplace's equation in Cython.

No -ffast-math: nothing here is summed up, so the loop is vectorised without it, and left-right symmetry
stays exact.
"""

from cython.parallel cimport prange

__all__ = ["untyped", "typed", "parallel"]
__parallel__ = ["parallel"]


def untyped(u: list, dx, dy, n_iter):
    """The Python loop as it stands: compiled, but still on lists of Python floats."""
    u = [row[:] for row in u]
    new = [row[:] for row in u]
    dx2, dy2 = dx * dx, dy * dy
    denominator = 2.0 * (dx2 + dy2)
    for _ in range(n_iter):
        for i in range(1, len(u) - 1):
            above, row, below, new_row = u[i - 1], u[i], u[i + 1], new[i]
            for j in range(1, len(row) - 1):
                new_row[j] = ((below[j] + above[j]) * dy2 + (row[j + 1] + row[j - 1]) * dx2) / denominator
        u, new = new, u
    return u


cdef inline void update_row(
    const double *above, const double *row, const double *below, double *new,
    Py_ssize_t columns, double weight_y, double weight_x,
) noexcept nogil:
    """One row of one update, by pointers, which the compiler vectorises."""
    cdef Py_ssize_t j
    for j in range(1, columns - 1):
        new[j] = (below[j] + above[j]) * weight_y + (row[j + 1] + row[j - 1]) * weight_x


def typed(u, double dx, double dy, Py_ssize_t n_iter):
    """Contiguous memoryviews, and the division folded into two weights ahead of the loops."""
    grid, other = u.copy(), u.copy()
    cdef double[:, ::1] old = grid, new = other
    cdef double dx2 = dx * dx, dy2 = dy * dy
    cdef double weight_y = 0.5 * dy2 / (dx2 + dy2), weight_x = 0.5 * dx2 / (dx2 + dy2)
    cdef Py_ssize_t rows = old.shape[0], columns = old.shape[1], iteration, i
    with nogil:
        for iteration in range(n_iter):
            for i in range(1, rows - 1):
                update_row(
                    &old[i - 1, 0], &old[i, 0], &old[i + 1, 0], &new[i, 0], columns, weight_y, weight_x
                )
            old, new = new, old
    return other if n_iter % 2 else grid


def parallel(u, double dx, double dy, Py_ssize_t n_iter):
    """The rows of each update shared out among threads, which wait for one another before the next."""
    grid, other = u.copy(), u.copy()
    cdef double[:, ::1] old = grid, new = other
    cdef double dx2 = dx * dx, dy2 = dy * dy
    cdef double weight_y = 0.5 * dy2 / (dx2 + dy2), weight_x = 0.5 * dx2 / (dx2 + dy2)
    cdef Py_ssize_t rows = old.shape[0], columns = old.shape[1], iteration, i
    with nogil:
        for iteration in range(n_iter):
            for i in prange(1, rows - 1, schedule="static"):
                update_row(
                    &old[i - 1, 0], &old[i, 0], &old[i + 1, 0], &new[i, 0], columns, weight_y, weight_x
                )
            old, new = new, old
    return other if n_iter % 2 else grid
