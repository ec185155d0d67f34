"""Exponential leaky integrate-and-fire population in plain Python: the definition, and the reference."""

import math

import numpy as np

__all__ = ["arrays", "loops"]


def loops(
    current: list[list[float]],
    v_init: list[float],
    refractory_init: list[int],
    dt: float,
    tau_m: float,
    tau_ref: float,
    v_th: float,
    v_reset: float,
    v_l: float,
    g_l: float,
    delta_t: float,
    v_t: float,
) -> tuple[list[list[float]], list[list[bool]]]:
    """Lists of floats, which hand out their elements as they are: the fastest that plain Python gets.

    The outputs are laid out once and filled; growing them by appending is the slow habit to unlearn.
    """
    n_steps, n_neurons = len(current), len(v_init)
    voltages = [[v_reset] * n_neurons for _ in range(n_steps)]
    spikes = [[False] * n_neurons for _ in range(n_steps)]
    refractory_steps = round(tau_ref / dt)  # a count of steps: 0.3 / 0.1 is 2.9999999999999996 and means 3
    refractory = refractory_init.copy()
    rate = dt / tau_m
    exp = math.exp
    v_before = v_init
    for t in range(n_steps):
        drive, voltage, spike = current[t], voltages[t], spikes[t]
        for i in range(n_neurons):
            v = v_before[i]
            if refractory[i] > 0:
                voltage[i] = v_reset
                refractory[i] -= 1
            elif v > v_th:
                spike[i] = True
                voltage[i] = v_reset
                refractory[i] = refractory_steps
            elif delta_t:
                voltage[i] = v + rate * (-(v - v_l) + drive[i] / g_l + delta_t * exp((v - v_t) / delta_t))
            else:  # the plain LIF: no upswing, and nothing to divide by
                voltage[i] = v + rate * (-(v - v_l) + drive[i] / g_l)
        v_before = voltage
    return voltages, spikes


def arrays(
    current: np.ndarray,
    v_init: np.ndarray,
    refractory_init: np.ndarray,
    dt: float,
    tau_m: float,
    tau_ref: float,
    v_th: float,
    v_reset: float,
    v_l: float,
    g_l: float,
    delta_t: float,
    v_t: float,
) -> tuple[np.ndarray, np.ndarray]:
    """NumPy arrays element by element: each access wraps a number in a new object, slower than a list's."""
    n_steps, n_neurons = current.shape
    voltages = np.empty((n_steps, n_neurons))
    spikes = np.zeros((n_steps, n_neurons), dtype=bool)
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
            elif delta_t:
                upswing = delta_t * math.exp((v[i] - v_t) / delta_t)
                v[i] += rate * (-(v[i] - v_l) + current[t, i] / g_l + upswing)
            else:
                v[i] += rate * (-(v[i] - v_l) + current[t, i] / g_l)
            voltages[t, i] = v[i]
    return voltages, spikes
