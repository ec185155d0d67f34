"""Gibbs sampler of a bivariate density in Numba, which draws from NumPy's own generator."""

import math

import numpy as np
from numba import njit

__all__ = ["loops"]


@njit(fastmath=True, error_model="numpy")
def sample(rng, chains, samples, sweeps):
    """All chains draw from one generator, in the order of the definition: first every x, then every y."""
    kept = np.empty((samples, chains, 2))
    x, y = np.zeros(chains), np.zeros(chains)
    for n in range(samples):
        for _ in range(sweeps):
            for k in range(chains):
                gamma = rng.standard_gamma(3.0)
                x[k] = gamma / (y[k] * y[k] + 4.0)
            for k in range(chains):
                normal = rng.standard_normal()
                mean = 1.0 / (1.0 + x[k])
                y[k] = mean + normal * math.sqrt(
                    0.5 * mean
                )  # the variance is half the mean: one division less
        for k in range(chains):
            kept[n, k, 0] = x[k]
            kept[n, k, 1] = y[k]
    return kept


def loops(chains, samples, sweeps, seed):
    """The definition, compiled. Compiled code takes a generator but cannot make one: hence two functions."""
    return sample(np.random.Generator(np.random.PCG64(seed)), chains, samples, sweeps)
