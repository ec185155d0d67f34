"""The workload ``double`` of the project that tests make up, as the text of its files."""

WORKLOAD = """
import numpy as np
from steelyard import Tolerance, Workload

WORKLOAD = Workload(
    title="Doubling",
    equation="y = s x",
    sizes={"tiny": {"n": 3}, "small": {"n": 8}, "medium": {"n": 64}},
    inputs=lambda n: {"x": np.arange(n, dtype=float), "s": 2.0},
    outputs={"y": Tolerance(relative=1e-12)},
    probes=lambda: {"negative": {"x": np.array([-1.0, 0.5]), "s": 3.0}, "single": {"x": np.array([7.0]), "s": -1.0}},
    work=lambda n: n,
    unit="points",
    operations=lambda n: n,
    bytes=lambda n: 16 * n,
)
"""

PYTHON = """
__all__ = ["loops"]

def loops(x: list, s: float):
    return [s * value for value in x]
"""

NUMPY = """
__all__ = ["arrays"]

def arrays(x, s):
    return s * x
"""
