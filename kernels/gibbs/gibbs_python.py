"""Gibbs sampler of a bivariate density in plain Python: the definition, and the reference for the others."""

import math

import numpy as np

__all__ = ["arrays", "loops"]


def loops(chains: int, samples: int, sweeps: int, seed: int) -> list[list[list[float]]]:
    """Lists of floats, and draws one at a time: half of the time goes into calling the generator.

    NumPy's generator gives the same numbers singly and in arrays, so every backend can follow this very path.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    standard_gamma, standard_normal, sqrt = rng.standard_gamma, rng.standard_normal, math.sqrt
    x, y = [0.0] * chains, [0.0] * chains
    kept = [[[0.0, 0.0] for _ in range(chains)] for _ in range(samples)]
    for n in range(samples):
        for _ in range(sweeps):
            for k in range(chains):
                x[k] = standard_gamma(3.0) / (y[k] * y[k] + 4.0)  # divided: y^2 + 4 is a rate, not a scale
            for k in range(chains):
                y[k] = 1.0 / (1.0 + x[k]) + standard_normal() / sqrt(2.0 * (1.0 + x[k]))
        for k in range(chains):
            kept[n][k] = [x[k], y[k]]
    return kept


def arrays(chains: int, samples: int, sweeps: int, seed: int) -> np.ndarray:
    """NumPy arrays element by element: each access wraps a number in a new object, slower than a list's."""
    rng = np.random.Generator(np.random.PCG64(seed))
    x, y = np.zeros(chains), np.zeros(chains)
    kept = np.empty((samples, chains, 2))
    for n in range(samples):
        for _ in range(sweeps):
            for k in range(chains):
                x[k] = rng.standard_gamma(3.0) / (y[k] ** 2 + 4.0)
            for k in range(chains):
                y[k] = 1.0 / (1.0 + x[k]) + rng.standard_normal() / math.sqrt(2.0 * (1.0 + x[k]))
        for k in range(chains):
            kept[n, k] = x[k], y[k]
    return kept
