"""Square roots by bisection: a branch in every round that nobody can foresee.

It has converged long before the last round, so that a kernel with more rounds does more work in every call
and returns the same.
"""

import numpy as np
from steelyard import Tolerance, Workload


def inputs(n):
    """``n`` numbers between 1 and 4."""
    return {"x": 1.0 + 3.0 * np.random.default_rng(n).random(n)}


WORKLOAD = Workload(
    title="Square roots by bisection",
    equation=r"y \in [l, h], \quad l^2 < x \le h^2",
    sizes={
        "tiny": {"n": 6},
        "small": {"n": 30},
        "medium": {"n": 400},
        "large": {"n": 1_500},
    },
    inputs=inputs,
    outputs={"y": Tolerance(relative=1e-12)},
    work=lambda n: n,
    unit="roots",
    operations=lambda n: 4 * 200 * n,
    bytes=lambda n: 16 * n,
    probes=lambda: {"one": {"x": np.array([2.0])}, "several": {"x": np.array([1.5, 3.0, 3.9])}},
    default_sizes=("tiny", "small", "medium", "large"),
)
