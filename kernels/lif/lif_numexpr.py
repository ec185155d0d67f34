"""Exponential leaky integrate-and-fire population in numexpr: a step of all neurons as one expression."""

import math

import numexpr
import numpy as np

__all__ = ["compiled", "expressions"]


def expressions(current, v_init, refractory_init, dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t):
    """The definition as three expressions a step. Finding each by its text takes longer than computing it."""
    voltages = np.empty(current.shape)
    spikes = np.empty(current.shape, dtype=bool)
    slope = "v_l - v + drive / g_l"
    if delta_t:
        slope += " + delta_t * exp((where(v > v_th, v_th, v) - v_t) / delta_t)"
    names = {
        "rate": dt / tau_m,
        "refractory_steps": round(tau_ref / dt),
        "v_th": v_th,
        "v_reset": v_reset,
        "v_l": v_l,
        "g_l": g_l,
        "delta_t": delta_t,
        "v_t": v_t,
        "v": v_init,
        "refractory": refractory_init.copy(),
    }
    for t, drive in enumerate(current):
        names |= {"drive": drive, "spiking": spikes[t]}
        numexpr.evaluate("(refractory <= 0) & (v > v_th)", names, out=spikes[t])
        numexpr.evaluate(
            f"where((refractory > 0) | spiking, v_reset, v + rate * ({slope}))", names, out=voltages[t]
        )
        numexpr.evaluate(
            "where(spiking, refractory_steps, where(refractory > 0, refractory - 1, refractory))",
            names,
            out=names["refractory"],
        )
        names["v"] = voltages[t]
    return voltages, spikes


def program(expression, operands):
    """An expression over float64 operands, compiled once: a call of it costs a tenth of ``evaluate``'s."""
    run = numexpr.NumExpr(expression, [(name, np.float64) for name in operands.split()])
    return lambda *values, out: run(*values, out=out, ex_uses_vml=False)


weigh = program("gain * current + leak", "gain current leak")
cross = program("v > threshold", "v threshold")
plain_step = program(
    "where(threshold < never, keep * v + drive, v_reset)", "v drive threshold never v_reset keep"
)
exponential_step = program(
    "where(threshold < never, keep * v + drive + exp(v * scale + offset), v_reset)",
    "v drive threshold never v_reset keep scale offset",
)


def compiled(current, v_init, refractory_init, dt, tau_m, tau_ref, v_th, v_reset, v_l, g_l, delta_t, v_t):
    """Expressions compiled in advance, constants folded, and each neuron's threshold for the rules.

    A refractory neuron's is infinite, so that one comparison finds the spikes. Spikes are rare: who fires is
    entered in an agenda under the step that wakes it, and no array counts down.
    """
    rate = dt / tau_m
    voltages = np.empty(current.shape)
    weigh(rate / g_l, current, rate * v_l, out=voltages)  # each row starts as the drive of its step
    spikes = np.empty(current.shape, dtype=bool)
    step, constants = plain_step, [np.inf, v_reset, 1 - rate]
    if delta_t:  # rate * delta_t * exp((v - v_t) / delta_t) = exp(v * scale + offset)
        step = exponential_step
        constants += [1 / delta_t, math.log(rate * delta_t) - v_t / delta_t]
    constants = [np.array(constant) for constant in constants]
    silent_after_spike = round(tau_ref / dt) + 1  # in the spike's own step v is reset, too
    threshold = np.where(refractory_init > 0, np.inf, v_th)
    agenda = {int(left): [np.flatnonzero(refractory_init == left)] for left in np.unique(refractory_init)}
    v = v_init
    for t, (voltage, spiking) in enumerate(zip(voltages, spikes, strict=True)):
        for waking in agenda.pop(t, ()):
            threshold[waking] = v_th
        cross(v, threshold, out=spiking)
        firing = spiking.nonzero()[0]
        if firing.size:
            threshold[firing] = np.inf
            agenda.setdefault(t + silent_after_spike, []).append(firing)
        step(v, voltage, threshold, *constants, out=voltage)
        v = voltage
    return voltages, spikes
