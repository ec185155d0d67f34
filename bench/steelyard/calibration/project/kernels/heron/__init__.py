"""Square roots by Heron's rule: one long chain of dependent divisions for each element.

It has converged long before the last round, so that a kernel with more rounds does more work in every call
and returns the same.
"""

import numpy as np
from steelyard import Tolerance, Workload


def inputs(n):
    """``n`` numbers between 1 and 4."""
    return {"x": 1.0 + 3.0 * np.random.default_rng(n).random(n)}


WORKLOAD = Workload(
    title="Square roots by Heron's rule",
    equation=r"y_{k+1} = \tfrac12 \left( y_k + x / y_k \right)",
    sizes={
        "tiny": {"n": 6},
        "small": {"n": 30},
        "medium": {"n": 400},
        "large": {"n": 3_000},
    },
    inputs=inputs,
    outputs={"y": Tolerance(relative=1e-12)},
    work=lambda n: n,
    unit="roots",
    operations=lambda n: 3 * 200 * n,
    bytes=lambda n: 16 * n,
    probes=lambda: {"one": {"x": np.array([2.0])}, "several": {"x": np.array([1.0, 9.0, 1e-3])}},
    default_sizes=("tiny", "small", "medium", "large"),
)
