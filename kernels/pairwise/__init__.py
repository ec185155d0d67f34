"""Euclidean distance matrix: how well the same small inner loop is vectorised, down to the square root."""

import numpy as np
from steelyard import Tolerance, Workload

from .picture import picture


def _points(m, k, seed):
    """M points uniform in the unit cube of k dimensions, the second a hair's breadth from the first.

    By ||x||² + ||y||² − 2x·y their distance, some 1e-9, would be lost to rounding altogether.
    """
    points = np.random.default_rng(seed).random((m, k))
    if m > 1:
        points[1] = points[0]
        points[1, 0] += 1e-9
    points.flags.writeable = False
    return points


def inputs(m, k):
    """M points in k dimensions."""
    return {"points": _points(m, k, seed=20_240_502)}


def probes():
    """Every way in which m and k can fall on a kernel's vectors and groups, and points close together."""
    random = np.random.default_rng(20_240_503)
    scales = np.array([0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
    near = np.round(random.random(3), 3) + scales[:, None] * random.standard_normal((6, 3))
    far = random.normal(-1e6, 1e5, (11, 3))
    for points in (near, far):
        points.flags.writeable = False
    return {
        "one_point": {"points": _points(1, 3, seed=1)},
        "two_points": {"points": _points(2, 3, seed=2)},
        "one_dimension": {"points": _points(17, 1, seed=3)},
        "two_dimensions": {"points": _points(9, 2, seed=4)},
        "four_dimensions": {"points": _points(10, 4, seed=5)},
        "five_dimensions": {"points": _points(21, 5, seed=6)},
        "eleven_dimensions": {"points": _points(13, 11, seed=7)},
        "sixty_four_dimensions": {"points": _points(5, 64, seed=8)},
        "m_not_a_multiple_of_8": {"points": _points(43, 3, seed=9)},
        "same_shape_other_points": {"points": _points(43, 3, seed=10)},
        "as_many_points_as_dimensions": {"points": _points(6, 6, seed=11)},
        "several_blocks": {"points": _points(229, 3, seed=12)},
        "near_identical_points": {"points": near},
        "negative_and_far_from_zero": {"points": far},
    }


def diagonal_is_exactly_zero(inputs, outputs):
    """A point is at no distance from itself: not at 1e-8, which is what cancellation leaves."""
    diagonal = np.diagonal(outputs["distances"])
    if diagonal.any():
        i = int(np.flatnonzero(diagonal)[0])
        return f"D[{i}, {i}] = {diagonal[i]!r}"
    return None


def symmetry(inputs, outputs):
    """D[i, j] = D[j, i]; 4 ulp of slack, as a vector and its remainder may add in different orders."""
    distances = outputs["distances"]
    wrong = ~(np.abs(distances - distances.T) <= 4.0 * np.finfo(float).eps * distances)
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        return f"D[{i}, {j}] = {distances[i, j]!r}, but D[{j}, {i}] = {distances[j, i]!r}"
    return None


def triangle_inequality(inputs, outputs):
    """No detour is shorter, within 4 ulp, by way of the first two points (near-identical) and ten others."""
    distances = outputs["distances"]
    for via in {0, min(1, len(distances) - 1), *np.linspace(0, len(distances) - 1, 10, dtype=int).tolist()}:
        detour = distances[:, via, None] + distances[via]
        detour *= 1.0 + 4.0 * np.finfo(float).eps
        wrong = ~(distances <= detour)
        if wrong.any():
            i, j = np.argwhere(wrong)[0]
            return f"D[{i}, {j}] = {distances[i, j]!r} is longer than the way through {via}: {detour[i, j]!r}"
    return None


def equals_cdist_of_scipy(inputs, outputs):
    """An implementation that shares no line with any of ours."""
    from scipy.spatial.distance import cdist

    expected = cdist(inputs["points"], inputs["points"])
    wrong = ~(np.abs(outputs["distances"] - expected) <= 1e-12 * expected)
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        return f"D[{i}, {j}] = {outputs['distances'][i, j]!r}, by cdist {expected[i, j]!r}"
    return None


WORKLOAD = Workload(
    title="Euclidean distance matrix",
    equation=r"D_{ij} = \sqrt{\sum_{k=1}^{K} (X_{ik} - X_{jk})^2}",
    sizes={
        "tiny": {"m": 20, "k": 3},
        "small": {"m": 100, "k": 3},
        "medium": {"m": 500, "k": 3},
        "large": {"m": 1_000, "k": 3},
        "wide": {"m": 200, "k": 64},
    },
    inputs=inputs,
    outputs={"distances": Tolerance(relative=1e-12)},
    probes=probes,
    picture=picture,
    laws=(diagonal_is_exactly_zero, symmetry, triangle_inequality, equals_cdist_of_scipy),
    work=lambda m, k: m * m,
    unit="pairs",
    reference="python/loops",
    # Per pair: k subtractions, k multiplications, k − 1 additions and one square root.
    operations=lambda m, k: 3 * k * m * m,
    # The points are read once, the matrix is written once, 8 bytes a number.
    bytes=lambda m, k: 8 * (m * k + m * m),
    description=(
        "All m x m distances between m points, each computed: no use is made of symmetry. In three dimensions"
        " the square root takes most of the time, and the processor's divider sets the limit."
    ),
)
