"""Euclidean distance matrix in NumPy."""

import numpy as np

__all__ = ["blocked", "broadcast"]

# Pairs per block: two arrays of it fit the L2 cache, and the arithmetic outweighs the calls.
BLOCK = 32_768


def broadcast(points):
    """All differences at once: an M x M x K array, whose last axis is too short to be summed fast."""
    differences = points[:, None, :] - points[None, :, :]
    return np.sqrt((differences**2).sum(axis=-1))


def blocked(points):
    """One coordinate after the other, so that the long axis is innermost, for a block of rows at a time.

    The block stays in the cache from the first coordinate to the square root, and no temporary is large.
    """
    m = len(points)
    coordinates = np.ascontiguousarray(points.T)
    distances = np.empty((m, m))
    rows = min(m, max(1, BLOCK // m))
    scratch = np.empty((rows, m))
    for first in range(0, m, rows):
        block = distances[first : first + rows]
        squares = scratch[: len(block)]
        for k, x in enumerate(coordinates):
            term = squares if k else block
            np.subtract(x[first : first + rows, None], x, out=term)
            np.multiply(term, term, out=term)
            if k:
                np.add(block, squares, out=block)
        np.sqrt(block, out=block)
    return distances
