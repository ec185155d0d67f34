"""Euclidean distance matrix in numexpr."""

from functools import cache

import numexpr
import numpy as np

__all__ = ["blocked"]

# Pairs per block: the operands of three coordinates fit the L2 cache.
BLOCK = 16_384

# Coordinates per expression: numexpr takes a limited number of operands, two for each coordinate.
GROUP = 8


@cache
def program(coordinates, first, last):
    """An expression for this many coordinates, compiled; it only depends on its arguments.

    The first group starts the sum, the last one takes the square root: one pass where K is small.
    """
    terms = [f"(x{k} - y{k}) ** 2" for k in range(coordinates)]
    names = [f"{point}{k}" for point in "xy" for k in range(coordinates)]
    if not first:
        terms, names = ["total", *terms], ["total", *names]
    text = " + ".join(terms)
    return numexpr.NumExpr(f"sqrt({text})" if last else text, [(name, np.float64) for name in names])


def blocked(points):
    """Both points of each pair written out for a block of rows, and all coordinates in one expression.

    numexpr broadcasts row by row and through buffers. With nothing left to broadcast it runs over flat
    arrays in blocks of its own choice, a fifth faster, though the copies are part of it.
    """
    m, k = points.shape
    coordinates = np.ascontiguousarray(points.T)
    distances = np.empty(m * m)
    rows = min(m, max(1, BLOCK // m))
    repeated = np.empty((min(k, GROUP), rows * m))
    tiled = np.tile(coordinates, rows)
    for first in range(0, m, rows):
        total = distances[first * m : (first + rows) * m]
        for start in range(0, k, GROUP):
            group = coordinates[start : start + GROUP, first : first + rows]
            x = repeated[: len(group), : total.size]
            x.reshape(len(group), -1, m)[...] = group[:, :, None]
            y = tiled[start : start + GROUP, : total.size]
            squares = program(len(group), start == 0, start + GROUP >= k)
            operands = [*x, *y] if start == 0 else [total, *x, *y]
            # A compiled expression asks for ex_uses_vml whenever it is given out.
            squares(*operands, out=total, ex_uses_vml=False)
    return distances.reshape(m, m)
