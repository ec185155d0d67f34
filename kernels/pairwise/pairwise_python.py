"""Euclidean distance matrix in plain Python."""

from math import dist, sqrt

__all__ = ["library", "loops"]


def loops(points: list[list[float]]) -> list[list[float]]:
    """The definition: three nested loops over lists of floats."""
    distances = []
    for x in points:
        row = []
        for y in points:
            total = 0.0
            for x_k, y_k in zip(x, y, strict=True):
                difference = x_k - y_k
                total += difference * difference
            row.append(sqrt(total))
        distances.append(row)
    return distances


def library(points: list[list[float]]) -> list[list[float]]:
    """math.dist does the inner loop in C: the standard library is the first place to look for speed."""
    return [[dist(x, y) for y in points] for x in points]
