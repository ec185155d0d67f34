"""Exponential leaky integrate-and-fire population in NumPy: a step at a time, all neurons at once."""

import math

import numpy as np

__all__ = ["inplace", "where"]


def where(current, v_init, refractory_init, dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t):
    """The definition as array expressions: compute every outcome for every neuron, let ``where`` select."""
    voltages = np.empty(current.shape)
    spikes = np.empty(current.shape, dtype=bool)
    refractory_steps = round(tau_ref / dt)
    v, refractory = v_init, refractory_init
    for t, drive in enumerate(current):
        silent = refractory > 0
        spiking = ~silent & (v > v_th)
        slope = -(v - v_l) + drive / g_l
        if delta_t:
            # Above the threshold the result is not used; the minimum keeps it from overflowing meanwhile.
            slope += delta_t * np.exp((np.minimum(v, v_th) - v_t) / delta_t)
        v = np.where(silent | spiking, v_reset, v + dt / tau_m * slope)
        refractory = np.where(spiking, refractory_steps, refractory - silent)
        voltages[t] = v
        spikes[t] = spiking
    return voltages, spikes


def inplace(current, v_init, refractory_init, dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t):
    """The fewest and cheapest passes: at a thousand neurons a ufunc is half call, half work.

    Constants are folded together and kept as 0-d arrays, since a Python float costs a conversion per call.
    Spikes are rare, so no array counts down: who fires is entered in an agenda under the step that wakes it.
    """
    n_steps, n_neurons = current.shape
    rate = dt / tau_m
    voltages = np.multiply(current, rate / g_l)  # each row starts as the drive of its step
    voltages += rate * v_l
    spikes = np.empty(current.shape, dtype=bool)
    keep, threshold = np.array(1 - rate), np.array(v_th)
    if delta_t:  # rate * delta_t * exp((v - v_t) / delta_t) = exp(v * scale + offset)
        scale = np.array(1 / delta_t)
        offset = np.array(math.log(rate * delta_t) - v_t / delta_t)
    silent_after_spike = round(tau_ref / dt) + 1  # in the spike's own step v is reset, too
    silent = refractory_init > 0
    agenda = {int(left): [np.flatnonzero(refractory_init == left)] for left in np.unique(refractory_init)}
    work = np.empty(n_neurons)
    v = v_init
    with np.errstate(over="ignore"):  # only above the threshold, where the result is not used
        for t in range(n_steps):
            for waking in agenda.pop(t, ()):
                silent[waking] = False
            voltage, spiking = voltages[t], spikes[t]
            if delta_t:
                np.multiply(v, scale, out=work)
                np.add(work, offset, out=work)
                np.exp(work, out=work)
                np.add(voltage, work, out=voltage)
            np.multiply(v, keep, out=work)
            np.add(voltage, work, out=voltage)
            np.greater(v, threshold, out=spiking)
            np.greater(spiking, silent, out=spiking)  # of booleans: spiking and not silent
            firing = spiking.nonzero()[0]
            if firing.size:
                silent[firing] = True
                agenda.setdefault(t + silent_after_spike, []).append(firing)
            voltage[silent.nonzero()[0]] = v_reset
            v = voltage
    return voltages, spikes
