"""Exponential leaky integrate-and-fire population in Numba: plain loops, and loops that vectorise."""

import math

import numpy as np
from numba import get_num_threads, njit, prange

__all__ = ["loops", "parallel", "simd"]
__parallel__ = ["parallel"]


@njit(error_model="numpy")
def loops(current, v_init, refractory_init, dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t):
    """The definition as it reads, compiled. ``math.exp`` is a call per neuron, which keeps SIMD out."""
    n_steps, n_neurons = current.shape
    voltages = np.empty((n_steps, n_neurons))
    spikes = np.zeros((n_steps, n_neurons), np.bool_)
    refractory_steps = round(tau_ref / dt)
    v = v_init.copy()
    refractory = refractory_init.copy()
    rate = dt / tau_m
    for t in range(n_steps):
        for i in range(n_neurons):
            if refractory[i] > 0:
                v[i] = v_reset
                refractory[i] -= 1
            elif v[i] > v_th:
                spikes[t, i] = True
                v[i] = v_reset
                refractory[i] = refractory_steps
            elif delta_t == 0.0:  # the compiler moves this test out of the loops
                v[i] += rate * (v_l - v[i] + current[t, i] / g_l)
            else:
                upswing = delta_t * math.exp((v[i] - v_t) / delta_t)
                v[i] += rate * (v_l - v[i] + current[t, i] / g_l + upswing)
            voltages[t, i] = v[i]
    return voltages, spikes


@njit(fastmath=True)
def simd_exp(x):
    """e^x = 2^k e^r with |r| <= ln(2)/2 and e^r by its Taylor series: all arithmetic, so that it vectorises.

    2^k is built in the exponent bits: added to 2^52, the integer k + 1023 fills the mantissa's lowest bits.
    """
    x = min(max(x, -708.0), 709.0)  # outside, k + 1023 is no exponent of a normal number
    k = np.rint(x * 1.4426950408889634)
    r = x - k * 0.693147180369123816490 - k * 1.90821492927058770002e-10
    series = 1 / 39916800 + r * (1 / 479001600)
    series = 1 / 362880 + r * (1 / 3628800 + r * series)
    series = 1 / 5040 + r * (1 / 40320 + r * series)
    series = 1 / 120 + r * (1 / 720 + r * series)
    series = 1 / 6 + r * (1 / 24 + r * series)
    series = 1.0 + r * (1.0 + r * (0.5 + r * series))
    bits = np.float64(k + 4503599627371519.0).view(np.int64) << np.int64(52)  # 2^52 + 1023
    return series * np.int64(bits).view(np.float64)


@njit(fastmath=True, error_model="numpy")
def simulate(
    first,
    last,
    current,
    v_init,
    refractory_init,
    dt,
    tau_m,
    tau_ref,
    v_th,
    v_reset,
    v_l,
    g_l,
    delta_t,
    v_t,
    voltages,
    spikes,
):
    """All steps of the neurons from first to last, without a branch: compute every outcome, then select.

    Two loops a step, because LLVM does not vectorise a loop over more arrays than it can check for overlap.
    """
    n_steps = current.shape[0]
    rate, resistance = dt / tau_m, 1.0 / g_l
    exponential = delta_t != 0.0
    inverse_delta_t = 1.0 / delta_t if exponential else 0.0
    refractory_steps = round(tau_ref / dt)
    v = v_init[first:last]  # later the row before: no second copy of the state is kept
    silent_until = refractory_init[first:last].copy()  # the number of a step, so that nothing counts down
    for t in range(n_steps):
        drive, voltage, spike = current[t, first:last], voltages[t, first:last], spikes[t, first:last]
        reset_until = t + 1 + refractory_steps
        for i in range(last - first):
            slope = v_l - v[i] + drive[i] * resistance
            if exponential:
                # Above the threshold the result is not used; the bound keeps it from overflowing meanwhile.
                slope += delta_t * simd_exp((min(v[i], v_th) - v_t) * inverse_delta_t)
            voltage[i] = v_reset if (v[i] > v_th) | (silent_until[i] > t) else v[i] + rate * slope
        for i in range(last - first):
            until = silent_until[i]
            spiking = (v[i] > v_th) & (until <= t)
            spike[i] = spiking
            silent_until[i] = reset_until if spiking else until
        v = voltage


@njit
def simd(current, v_init, refractory_init, dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t):
    """No branches, no divisions and an inlined exponential: eight neurons per instruction with AVX-512."""
    voltages = np.empty(current.shape)
    spikes = np.empty(current.shape, np.bool_)
    simulate(
        0,
        current.shape[1],
        current,
        v_init,
        refractory_init,
        dt,
        tau_m,
        tau_ref,
        v_th,
        v_reset,
        v_l,
        g_l,
        delta_t,
        v_t,
        voltages,
        spikes,
    )
    return voltages, spikes


@njit(parallel=True)
def parallel(current, v_init, refractory_init, dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t):
    """``simd`` on all cores, each taking its share of the neurons through all steps without waiting."""
    n_neurons = current.shape[1]
    voltages = np.empty(current.shape)
    spikes = np.empty(current.shape, np.bool_)
    # Shares are multiples of 64 neurons, so that cores do not compete for a cache line of the spikes.
    share = -(-n_neurons // (64 * get_num_threads())) * 64
    for part in prange(-(-n_neurons // share)):
        first = part * share
        simulate(
            first,
            min(first + share, n_neurons),
            current,
            v_init,
            refractory_init,
            dt,
            tau_m,
            tau_ref,
            v_th,
            v_reset,
            v_l,
            g_l,
            delta_t,
            v_t,
            voltages,
            spikes,
        )
    return voltages, spikes
