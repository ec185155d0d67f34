"""Gibbs sampler of a bivariate density in NumPy: each sweep needs the last, so only chains vectorise."""

import numpy as np

__all__ = ["chainwise", "inplace"]


def chainwise(chains, samples, sweeps, seed):
    """The definition as array expressions. One chain pays for the calls alone; a thousand share them."""
    rng = np.random.Generator(np.random.PCG64(seed))
    kept = np.empty((samples, chains, 2))
    x, y = np.zeros(chains), np.zeros(chains)
    for n in range(samples):
        for _ in range(sweeps):
            x = rng.standard_gamma(3.0, chains) / (y**2 + 4.0)
            y = 1.0 / (1.0 + x) + rng.standard_normal(chains) / np.sqrt(2.0 * (1.0 + x))
        kept[n, :, 0] = x
        kept[n, :, 1] = y
    return kept


def inplace(chains, samples, sweeps, seed):
    """Preallocated outputs, constants as 0-d arrays (a Python float costs a conversion), one division for y.

    No call writes over its own operand: with one element, NumPy would suspect an overlap and copy it first.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    standard_gamma, standard_normal = rng.standard_gamma, rng.standard_normal
    add, divide, multiply, reciprocal, sqrt = np.add, np.divide, np.multiply, np.reciprocal, np.sqrt
    half, one, four = np.array(0.5), np.array(1.0), np.array(4.0)
    kept = np.empty((samples, chains, 2))
    x, y, mean, deviation, draw, work, more = np.zeros((7, chains))
    for n in range(samples):
        for _ in range(sweeps):
            multiply(y, y, work)
            add(work, four, more)
            standard_gamma(3.0, out=draw)
            divide(draw, more, x)
            add(x, one, work)
            reciprocal(work, mean)
            multiply(mean, half, more)  # 1 / (2 (1 + x)), the variance
            sqrt(more, deviation)
            standard_normal(out=draw)
            multiply(draw, deviation, work)
            add(mean, work, y)
        kept[n, :, 0] = x
        kept[n, :, 1] = y
    return kept
