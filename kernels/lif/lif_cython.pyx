# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3 -march=native -ffast-math -fopenmp
# distutils: extra_link_args = -fopenmp
# distutils: libraries = m
"""Exponential leaky integrate-and-fire population in Cython: from untouched Python to a SIMD exponential.

``-ffast-math`` lets gcc compute what a branch would skip, which is what SIMD lanes need. It is given to the
compiler only: at the link it would flush subnormals to zero in the whole process.
"""

import math

import numpy as np

from cython.parallel cimport prange
from libc.math cimport exp, fmax, fmin, rint
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from openmp cimport omp_get_max_threads

__all__ = ["parallel", "tuned", "typed", "untyped"]
__parallel__ = ["parallel"]


def untyped(
    current, v_init, refractory_init, dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t
):
    """Python code compiled as it is: every number stays an object, so the compiler can do little."""
    n_steps, n_neurons = current.shape
    voltages = np.empty((n_steps, n_neurons))
    spikes = np.zeros((n_steps, n_neurons), dtype=bool)
    refractory_steps = round(tau_ref / dt)
    v = v_init.copy()
    refractory = refractory_init.copy()
    for t in range(n_steps):
        for i in range(n_neurons):
            if refractory[i] > 0:
                v[i] = v_reset
                refractory[i] -= 1
            elif v[i] > v_th:
                spikes[t, i] = True
                v[i] = v_reset
                refractory[i] = refractory_steps
            else:
                upswing = delta_t * math.exp((v[i] - v_t) / delta_t) if delta_t else 0.0
                v[i] += dt / tau_m * (v_l - v[i] + current[t, i] / g_l + upswing)
            voltages[t, i] = v[i]
    return voltages, spikes


def typed(
    const double[:, ::1] current,
    const double[::1] v_init,
    const int64_t[::1] refractory_init,
    double dt,
    double tau_m,
    double tau_ref,
    double v_th,
    double v_reset,
    double v_l,
    double g_l,
    double delta_t,
    double v_t,
):
    """The same loops with types, nothing else. The branches on the state keep ``exp`` a call per neuron."""
    cdef Py_ssize_t n_steps = current.shape[0], n_neurons = current.shape[1], t, i
    voltages = np.empty((n_steps, n_neurons))
    spikes = np.zeros((n_steps, n_neurons), dtype=bool)
    cdef double[:, ::1] voltage = voltages
    cdef uint8_t[:, ::1] spike = spikes.view(np.uint8)
    cdef double[::1] v = np.array(v_init)
    cdef int64_t[::1] refractory = np.array(refractory_init)
    cdef int64_t refractory_steps = <int64_t>rint(tau_ref / dt)  # rint, as round() in Python: halves to even
    cdef double rate = dt / tau_m, upswing = 0.0
    with nogil:
        for t in range(n_steps):
            for i in range(n_neurons):
                if refractory[i] > 0:
                    v[i] = v_reset
                    refractory[i] -= 1
                elif v[i] > v_th:
                    spike[t, i] = True
                    v[i] = v_reset
                    refractory[i] = refractory_steps
                else:
                    if delta_t != 0.0:
                        upswing = delta_t * exp((v[i] - v_t) / delta_t)
                    v[i] += rate * (v_l - v[i] + current[t, i] / g_l + upswing)
                voltage[t, i] = v[i]
    return voltages, spikes


cdef struct Neuron:
    # The parameters in the form that the inner loop wants: no division is left in it. Passed by value, since
    # a store through a byte pointer (the spikes) could change what a pointer shows, and C would read it anew.
    double rate, resistance, v_th, v_reset, v_l, delta_t, inverse_delta_t, v_t
    int64_t refractory_steps


cdef inline double simd_exp(double x) noexcept nogil:
    """e^x = 2^k e^r with |r| <= ln(2)/2 and e^r by its Taylor series: all arithmetic, so that it vectorises.

    2^k is built in the exponent bits: added to 2^52, the integer k + 1023 fills the mantissa's lowest bits.
    """
    cdef double power, series, r, shifted, k
    cdef uint64_t bits
    x = fmin(fmax(x, -708.0), 709.0)  # outside, k + 1023 is no exponent of a normal number
    k = rint(x * 1.4426950408889634)
    r = x - k * 0.693147180369123816490 - k * 1.90821492927058770002e-10
    series = 1 / 39916800.0 + r * (1 / 479001600.0)
    series = 1 / 362880.0 + r * (1 / 3628800.0 + r * series)
    series = 1 / 5040.0 + r * (1 / 40320.0 + r * series)
    series = 1 / 120.0 + r * (1 / 720.0 + r * series)
    series = 1 / 6.0 + r * (1 / 24.0 + r * series)
    series = 1.0 + r * (1.0 + r * (0.5 + r * series))
    shifted = k + 4503599627371519.0  # 2^52 + 1023
    memcpy(&bits, &shifted, sizeof(bits))
    bits <<= 52
    memcpy(&power, &bits, sizeof(bits))
    return series * power


cdef inline void step(
    Neuron cell,
    bint exponential,
    int64_t t,
    Py_ssize_t n,
    const double* current,
    const double* v,
    int64_t* silent_until,
    double* voltage,
    uint8_t* spike,
) noexcept nogil:
    """One step of n neurons without a branch: compute every outcome, then select, as SIMD lanes must.

    Two loops, since gcc unrolls one that writes 8-byte voltages and 1-byte spikes until no register is left.
    """
    cdef Py_ssize_t i
    cdef int64_t reset_until = t + 1 + cell.refractory_steps
    cdef double slope, free_v
    cdef bint spiking
    for i in range(n):
        slope = cell.v_l - v[i] + current[i] * cell.resistance
        if exponential:
            # Above the threshold the result is not used; the bound keeps it from overflowing meanwhile.
            slope += cell.delta_t * simd_exp((fmin(v[i], cell.v_th) - cell.v_t) * cell.inverse_delta_t)
        free_v = v[i] + cell.rate * slope
        voltage[i] = cell.v_reset if (v[i] > cell.v_th) | (silent_until[i] > t) else free_v
    for i in range(n):
        spiking = (v[i] > cell.v_th) & (silent_until[i] <= t)
        spike[i] = spiking
        silent_until[i] = reset_until if spiking else silent_until[i]


cdef void simulate(
    Neuron cell,
    Py_ssize_t n_steps,
    Py_ssize_t stride,
    Py_ssize_t n,
    const double* current,
    const double* v_init,
    const int64_t* refractory_init,
    double* voltages,
    uint8_t* spikes,
) noexcept nogil:
    """All steps of n adjacent neurons; rows of the whole population are ``stride`` elements apart."""
    cdef Py_ssize_t t
    cdef const double* v = v_init  # the row before is the state: no second copy of it is kept
    cdef int64_t* silent_until = <int64_t*>malloc(n * sizeof(int64_t))  # step numbers: nothing counts down
    memcpy(silent_until, refractory_init, n * sizeof(int64_t))
    for t in range(n_steps):
        if cell.delta_t != 0.0:
            step(cell, True, t, n, current, v, silent_until, voltages, spikes)
        else:
            step(cell, False, t, n, current, v, silent_until, voltages, spikes)
        v = voltages
        current += stride
        voltages += stride
        spikes += stride
    free(silent_until)


cdef Neuron neuron(
    double dt,
    double tau_m,
    double tau_ref,
    double v_th,
    double v_reset,
    double v_l,
    double g_l,
    double delta_t,
    double v_t,
):
    return Neuron(
        rate=dt / tau_m,
        resistance=1.0 / g_l,
        v_th=v_th,
        v_reset=v_reset,
        v_l=v_l,
        delta_t=delta_t,
        inverse_delta_t=1.0 / delta_t if delta_t != 0.0 else 0.0,
        v_t=v_t,
        refractory_steps=<int64_t>rint(tau_ref / dt),  # rint, as round() in Python: halves to even
    )


def tuned(
    const double[:, ::1] current,
    const double[::1] v_init,
    const int64_t[::1] refractory_init,
    double dt,
    double tau_m,
    double tau_ref,
    double v_th,
    double v_reset,
    double v_l,
    double g_l,
    double delta_t,
    double v_t,
):
    """No branches, no divisions and an inlined exponential: eight neurons per instruction with AVX-512."""
    cdef Py_ssize_t n_steps = current.shape[0], n_neurons = current.shape[1]
    voltages = np.empty((n_steps, n_neurons))
    spikes = np.empty((n_steps, n_neurons), dtype=bool)
    cdef double[:, ::1] voltage = voltages
    cdef uint8_t[:, ::1] spike = spikes.view(np.uint8)
    cdef Neuron cell = neuron(dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t)
    if n_steps and n_neurons:  # an empty array has no element to point at
        with nogil:
            simulate(
                cell, n_steps, n_neurons, n_neurons, &current[0, 0], &v_init[0], &refractory_init[0],
                &voltage[0, 0], &spike[0, 0],
            )
    return voltages, spikes


def parallel(
    const double[:, ::1] current,
    const double[::1] v_init,
    const int64_t[::1] refractory_init,
    double dt,
    double tau_m,
    double tau_ref,
    double v_th,
    double v_reset,
    double v_l,
    double g_l,
    double delta_t,
    double v_t,
):
    """``tuned`` on all cores, each taking its share of the neurons through all steps without waiting."""
    cdef Py_ssize_t n_steps = current.shape[0], n_neurons = current.shape[1], share, first
    voltages = np.empty((n_steps, n_neurons))
    spikes = np.empty((n_steps, n_neurons), dtype=bool)
    cdef double[:, ::1] voltage = voltages
    cdef uint8_t[:, ::1] spike = spikes.view(np.uint8)
    cdef Neuron cell = neuron(dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t)
    cdef int threads = omp_get_max_threads()
    # Shares are multiples of 64 neurons, so that cores do not compete for a cache line of the spikes.
    share = (n_neurons + 64 * threads - 1) // (64 * threads) * 64
    if n_steps and n_neurons:
        for first in prange(0, n_neurons, share, nogil=True, num_threads=threads, schedule="static"):
            simulate(
                cell, n_steps, n_neurons, min(share, n_neurons - first), &current[0, first], &v_init[first],
                &refractory_init[first], &voltage[0, first], &spike[0, first],
            )
    return voltages, spikes
