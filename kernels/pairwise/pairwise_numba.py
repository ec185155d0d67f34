"""Euclidean distance matrix in Numba."""

from math import sqrt

import numpy as np
from numba import njit, prange

__all__ = ["loops", "parallel", "tuned"]
__parallel__ = ["parallel"]


@njit(fastmath=True)
def loops(points):
    """The loops of the definition, compiled: the innermost, over coordinates, is too short for vectors."""
    m, n_coordinates = points.shape
    distances = np.empty((m, m))
    for i in range(m):
        for j in range(m):
            total = 0.0
            for k in range(n_coordinates):
                difference = points[i, k] - points[j, k]
                total += difference * difference
            distances[i, j] = sqrt(total)
    return distances


@njit(fastmath=True)
def in_groups_of_four(points):
    """The points transposed to [groups, 4, M], the last group filled up with coordinates of 0."""
    m, n_coordinates = points.shape
    groups = np.zeros(((n_coordinates + 3) // 4, 4, m))
    for i in range(m):
        for k in range(n_coordinates):
            groups[k // 4, k % 4, i] = points[i, k]
    return groups


@njit(fastmath=True)
def fill_row(groups, i, row):
    """Distances of point i from all points, by loops over j that LLVM can vectorise.

    It does so for one-dimensional views and scalars, and not for groups[g, k, j]. Up to four coordinates in
    all, the sum goes straight into the square root, whose latency the arithmetic of the next vectors fills.
    """
    for g in range(len(groups)):
        x0, x1, x2, x3 = groups[g, 0], groups[g, 1], groups[g, 2], groups[g, 3]
        p0, p1, p2, p3 = x0[i], x1[i], x2[i], x3[i]
        if len(groups) == 1:
            for j in range(row.size):
                row[j] = sqrt((p0 - x0[j]) ** 2 + (p1 - x1[j]) ** 2 + (p2 - x2[j]) ** 2 + (p3 - x3[j]) ** 2)
        elif g == 0:
            for j in range(row.size):
                row[j] = (p0 - x0[j]) ** 2 + (p1 - x1[j]) ** 2 + (p2 - x2[j]) ** 2 + (p3 - x3[j]) ** 2
        else:
            for j in range(row.size):
                row[j] += (p0 - x0[j]) ** 2 + (p1 - x1[j]) ** 2 + (p2 - x2[j]) ** 2 + (p3 - x3[j]) ** 2
    if len(groups) > 1:
        for j in range(row.size):
            row[j] = sqrt(row[j])


@njit(fastmath=True)
def tuned(points):
    """The points transposed, so that the inner loop runs over j in vectors, four coordinates at a time."""
    groups = in_groups_of_four(points)
    distances = np.empty((len(points), len(points)))
    for i in range(len(points)):
        fill_row(groups, i, distances[i])
    return distances


@njit(fastmath=True, parallel=True)
def parallel(points):
    """The same with the rows shared out among threads."""
    groups = in_groups_of_four(points)
    distances = np.empty((len(points), len(points)))
    for i in prange(len(points)):
        fill_row(groups, i, distances[i])
    return distances
