# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3 -march=native -ffast-math
# distutils: libraries = npyrandom m
"""Gibbs sampler of a bivariate density in Cython: types help little until the draws leave Python, too.

``-ffast-math`` is for the compiler only: at the link it would flush subnormals to zero in the whole process.
"""

import math

import numpy as np

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport sqrt
from numpy.random cimport bitgen_t
from numpy.random.c_distributions cimport random_standard_gamma, random_standard_normal

__all__ = ["tuned", "typed", "untyped"]


def untyped(chains, samples, sweeps, seed):
    """Python code compiled as it is: every number stays an object, so the compiler can do little."""
    rng = np.random.Generator(np.random.PCG64(seed))
    x, y = [0.0] * chains, [0.0] * chains
    kept = np.empty((samples, chains, 2))
    for n in range(samples):
        for _ in range(sweeps):
            for k in range(chains):
                x[k] = rng.standard_gamma(3.0) / (y[k] * y[k] + 4.0)
            for k in range(chains):
                y[k] = 1.0 / (1.0 + x[k]) + rng.standard_normal() / math.sqrt(2.0 * (1.0 + x[k]))
        for k in range(chains):
            kept[n, k] = x[k], y[k]
    return kept


def typed(Py_ssize_t chains, Py_ssize_t samples, Py_ssize_t sweeps, seed):
    """The arithmetic in C. The draws still are Python calls, two per sweep, and they take the time."""
    rng = np.random.Generator(np.random.PCG64(seed))
    standard_gamma, standard_normal = rng.standard_gamma, rng.standard_normal
    kept = np.empty((samples, chains, 2))
    cdef double[:, :, ::1] sample = kept
    cdef double[::1] x = np.zeros(chains)
    cdef double[::1] y = np.zeros(chains)
    cdef Py_ssize_t n, k, _
    cdef double gamma, normal
    for n in range(samples):
        for _ in range(sweeps):
            for k in range(chains):
                gamma = standard_gamma(3.0)
                x[k] = gamma / (y[k] * y[k] + 4.0)
            for k in range(chains):
                normal = standard_normal()
                y[k] = 1.0 / (1.0 + x[k]) + normal / sqrt(2.0 * (1.0 + x[k]))
        for k in range(chains):
            sample[n, k, 0] = x[k]
            sample[n, k, 1] = y[k]
    return kept


def tuned(Py_ssize_t chains, Py_ssize_t samples, Py_ssize_t sweeps, seed):
    """The draws through NumPy's C interface, from the same generator's state: no Python in the loops."""
    bit_generator = np.random.PCG64(seed)  # its name keeps the state alive that the pointer below shows
    cdef bitgen_t* bitgen = <bitgen_t*>PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    kept = np.empty((samples, chains, 2))
    cdef double[:, :, ::1] sample = kept
    cdef double[::1] x = np.zeros(chains)
    cdef double[::1] y = np.zeros(chains)
    cdef Py_ssize_t n, k, _
    cdef double mean
    with nogil:  # and without the generator's lock, since nobody else has it
        for n in range(samples):
            for _ in range(sweeps):
                for k in range(chains):
                    x[k] = random_standard_gamma(bitgen, 3.0) / (y[k] * y[k] + 4.0)
                for k in range(chains):
                    mean = 1.0 / (1.0 + x[k])
                    # The variance is half the mean: one division less.
                    y[k] = mean + random_standard_normal(bitgen) * sqrt(0.5 * mean)
            for k in range(chains):
                sample[n, k, 0] = x[k]
                sample[n, k, 1] = y[k]
    return kept
