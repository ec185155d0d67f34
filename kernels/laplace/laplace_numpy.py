"""Jacobi updates of Laplace's equation in NumPy."""

import numpy as np

__all__ = ["flat", "slices"]

# Points per block of `flat`: its five streams fit the L2 cache, and the arithmetic outweighs the calls.
BLOCK = 32_768


def slices(u, dx, dy, n_iter):
    """The formula as one line over shifted slices: seven passes, and a new temporary in each but one."""
    u = u.copy()
    new = u.copy()
    dx2, dy2 = dx * dx, dy * dy
    for _ in range(n_iter):
        vertical = (u[2:, 1:-1] + u[:-2, 1:-1]) * dy2
        horizontal = (u[1:-1, 2:] + u[1:-1, :-2]) * dx2
        new[1:-1, 1:-1] = (vertical + horizontal) / (2.0 * (dx2 + dy2))
        u, new = new, u
    return u


def shifted_blocks(u, new, scratch):
    """Views of below, above, right, left, result and scratch space for each block of the flat grid."""
    columns = u.shape[1]
    first, last = columns + 1, u.size - columns - 1
    u, new = u.ravel(), new.ravel()
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        yield (
            u[start + columns : stop + columns],
            u[start - columns : stop - columns],
            u[start + 1 : stop + 1],
            u[start - 1 : stop - 1],
            new[start:stop],
            scratch[: stop - start],
        )


def seam(u):
    """View of the last point of each row and the first of the next: neighbours in the flat grid."""
    rows, columns = u.shape
    return u.ravel()[columns - 1 : -1].reshape(rows - 1, columns)[:, :2]


def flat(u, dx, dy, n_iter):
    """The grid as one long row, a block at a time, with the result in place of temporaries.

    Slices of a 2-D grid are computed row by row, and each row costs as much as dozens of points. The flat
    grid has no rows: the update runs over the first and last columns too and then puts them back.
    The views are made once per call; two sets of them, for the two roles of each buffer.
    """
    u, new = u.copy(), u.copy()
    dx2, dy2 = dx * dx, dy * dy
    # As 0-d arrays, and out= by position below: a ufunc spends less time on looking at its arguments.
    weight_y = np.asarray(0.5 * dy2 / (dx2 + dy2))
    weight_x = np.asarray(0.5 * dx2 / (dx2 + dy2))
    scratch = np.empty(min(BLOCK, u.size))
    edges = seam(u).copy()
    there = list(shifted_blocks(u, new, scratch)), seam(new)
    back = list(shifted_blocks(new, u, scratch)), seam(u)
    for iteration in range(n_iter):
        blocks, new_seam = back if iteration % 2 else there
        for below, above, right, left, result, vertical in blocks:
            np.add(below, above, vertical)
            np.multiply(vertical, weight_y, vertical)
            np.add(right, left, result)
            np.multiply(result, weight_x, result)
            np.add(result, vertical, result)
        new_seam[...] = edges
    return new if n_iter % 2 else u
