"""A population of exponential leaky integrate-and-fire neurons, driven by noise."""

import numpy as np
from steelyard import Tolerance, Workload

from .picture import picture

EXPONENTIAL = {
    "dt": 0.1,  # ms
    "tau_m": 10.0,  # ms
    "tau_ref": 2.0,  # ms
    "v_th": 0.0,  # mV
    "v_reset": -75.0,  # mV
    "v_l": -75.0,  # mV
    "g_l": 10.0,  # nS
    "delta_t": 10.0,  # mV
    "v_t": -55.0,  # mV
}
PLAIN = EXPONENTIAL | {"v_th": -55.0, "delta_t": 0.0}  # delta_t = 0 stands for: no exponential term


def inputs(neurons, steps, plain=0):
    """Currents [steps, neurons] in pA from N(300, 300), all neurons at -65 mV and none refractory."""
    return {
        "current": np.random.default_rng(20).normal(300.0, 300.0, (steps, neurons)),
        "v_init": np.full(neurons, -65.0),
        "refractory_init": np.zeros(neurons, dtype=np.int64),
        **(PLAIN if plain else EXPONENTIAL),
    }


def probes():
    """Small inputs that vary everything a kernel receives; each is named after what it alone would show."""

    def probe(neurons=11, steps=60, *, plain=0, seed=1, **changes):
        # 11 neurons: one SIMD vector and a remainder
        rng = np.random.default_rng(seed)
        start = inputs(neurons, steps, plain) | {
            "current": rng.normal(700.0, 400.0, (steps, neurons)),
            "v_init": rng.uniform(-80.0, -40.0 - 20.0 * plain, neurons),
        }
        return start | changes

    other = {
        "dt": 0.25,
        "tau_m": 15.0,
        "tau_ref": 1.3,
        "v_th": -20.0,
        "v_reset": -68.0,
        "v_l": -70.0,
        "g_l": 13.0,
        "delta_t": 4.0,
        "v_t": -52.0,
    }
    left = np.array([0, 1, 2, 5, 19, 20, 21, 59, 60, 61, 1_000])
    mixed = np.linspace(-90.0, 30.0, 11)
    at_threshold = np.full(11, -65.0)
    at_threshold[4] = EXPONENTIAL["v_th"]
    at_plain_threshold = np.full(11, -65.0)
    at_plain_threshold[4] = PLAIN["v_th"]
    return {
        "initial_voltages": probe(),
        "initial_voltages_plain": probe(plain=1),
        "neuron_exactly_at_threshold": probe(v_init=at_threshold),
        "neuron_exactly_at_threshold_plain": probe(plain=1, v_init=at_plain_threshold),
        "above_threshold_at_the_start": probe(v_init=mixed),
        "refractory_at_the_start": probe(refractory_init=left),
        "refractory_and_above_threshold": probe(refractory_init=left, v_init=mixed),
        "refractory_at_the_start_plain": probe(plain=1, refractory_init=left, v_init=mixed),
        "other_parameters": probe(steps=150, seed=2, **other),
        "other_parameters_plain": probe(steps=150, seed=3, **other | {"delta_t": 0.0, "v_th": -50.0}),
        "refractory_period_rounds_up": probe(plain=1, tau_ref=0.3),  # 0.3 / 0.1 < 3 in floating point
        "refractory_period_rounds_down": probe(plain=1, tau_ref=0.52),
        "refractory_period_rounds_half_to_even": probe(plain=1, tau_ref=0.25),  # 2.5 steps mean 2
        "no_refractory_period": probe(plain=1, tau_ref=0.0),
        "reset_above_threshold": probe(plain=1, v_reset=-50.0),  # silent though above it, then fires at once
        "threshold_above_zero": probe(v_th=20.0, v_init=mixed),  # a bound for the exponential is V_th, not 0
        "exponential_would_overflow": probe(delta_t=0.5, v_th=-50.0, v_init=np.linspace(-60.0, 1e4, 11)),
        "exponential_underflows": probe(delta_t=0.5, v_th=-50.0, v_init=np.linspace(-1e4, -60.0, 11)),
        "one_neuron": probe(neurons=1, steps=200),
        "one_step": probe(steps=1, v_init=mixed),
        "many_neurons": probe(neurons=133, steps=40, plain=1),
        "longer_than_the_runs_before": probe(steps=150, plain=1, seed=4),  # nothing they put off comes due
    }


def watched(inputs, outputs):
    """The first steps of some neurons, at most 200,000 numbers, so that a law stays cheap at every size.

    Returns v before and after each step, the current, the spikes, and who the earlier spikes keep refractory.
    """
    n_steps, n_neurons = inputs["current"].shape
    chosen = np.s_[: min(n_steps, 2_000), :: -(-n_neurons * min(n_steps, 2_000) // 200_000)]
    after, spikes = outputs["voltages"][chosen], outputs["spikes"][chosen]
    before = np.vstack([inputs["v_init"][chosen[1]], after[:-1]])
    refractory_steps = round(inputs["tau_ref"] / inputs["dt"])
    step = np.arange(len(after))[:, np.newaxis]
    last_spike = np.maximum.accumulate(np.where(spikes, step, -refractory_steps - 1))
    last_spike = np.vstack([np.full(after.shape[1], -refractory_steps - 1), last_spike[:-1]])
    silent = (step - last_spike <= refractory_steps) | (step < inputs["refractory_init"][chosen[1]])
    return before, after, inputs["current"][chosen], spikes, silent


def a_free_neuron_obeys_the_equation(inputs, outputs):
    """Neither refractory nor spiking, v moves by one Euler step of the membrane equation, to rounding."""
    before, after, current, spikes, silent = watched(inputs, outputs)
    free = ~(silent | spikes)
    v = before[free]
    slope = -(v - inputs["v_l"]) + current[free] / inputs["g_l"]
    if inputs["delta_t"]:
        slope += inputs["delta_t"] * np.exp((v - inputs["v_t"]) / inputs["delta_t"])
    off = np.abs(after[free] - v - inputs["dt"] / inputs["tau_m"] * slope)
    wrong = ~(off <= 1e-10)  # so that a NaN is wrong
    if wrong.any():
        return f"{wrong.sum()} of {wrong.size} steps are off, the worst by {off.max():g} mV"
    return None


def a_neuron_spikes_when_above_threshold_and_not_refractory(inputs, outputs):
    """A step is a spike exactly where v > V_th before it in a neuron that is not refractory."""
    before, _, _, spikes, silent = watched(inputs, outputs)
    wrong = spikes != ((before > inputs["v_th"]) & ~silent)
    if wrong.any():
        t, i = np.argwhere(wrong)[0]
        return (
            f"{wrong.sum()} of {wrong.size} are wrong, the first in step {t}, after v = {before[t, i]:g} mV"
        )
    return None


def a_spike_resets_the_neuron_for_its_refractory_period(inputs, outputs):
    """In the step of a spike, and for tau_ref after it, v is V_reset exactly and no second spike comes."""
    _, after, _, spikes, silent = watched(inputs, outputs)
    wrong = (silent | spikes) & (after != inputs["v_reset"])
    if wrong.any():
        return f"{wrong.sum()} voltages in spikes and refractory periods are not {inputs['v_reset']:g} mV"
    if (silent & spikes).any():
        return f"{(silent & spikes).sum()} spikes in refractory periods"
    return None


def no_neuron_falls_below_what_its_input_can_explain(inputs, outputs):
    """Each step averages v with its target, so v stays above the lowest target, its start and the reset."""
    lowest = min(
        inputs["v_l"] + inputs["current"].min() / inputs["g_l"], inputs["v_init"].min(), inputs["v_reset"]
    )
    reached = outputs["voltages"].min()
    if not reached >= lowest - 1e-9:
        return f"v reaches {reached:g} mV, but nothing drives it below {lowest:g} mV"
    return None


def neuron_steps(neurons, steps, plain=0):
    """Updates of one neuron, spiking and refractory ones among them."""
    return neurons * steps


def operations(neurons, steps, plain=0):
    """Of a free neuron, every function one: 6 for leak, input and update; 5 more for the exponential term."""
    return neuron_steps(neurons, steps) * (6 if plain else 11)


def traffic(neurons, steps, plain=0):
    """Read the current (8 bytes), write the voltage (8) and the spike (1); once, each neuron's start (16).

    The state between steps is a row of the population, which stays in the cache.
    """
    return neuron_steps(neurons, steps) * 17 + neurons * 16


WORKLOAD = Workload(
    title="Population of exponential leaky integrate-and-fire neurons",
    equation=(
        r"\tau_m \frac{dv}{dt} = -(v - V_L) + \frac{I}{g_L}"
        r" + \Delta_T \exp\!\left(\frac{v - V_T}{\Delta_T}\right),"
        r"\qquad v > V_{th}:\ \text{spike},\ v \to V_{reset}\ \text{for}\ \tau_{ref}"
    ),
    sizes={
        "tiny": {"neurons": 10, "steps": 200},
        "small": {"neurons": 100, "steps": 100},
        "medium": {"neurons": 1_000, "steps": 200},
        "large": {"neurons": 1_000, "steps": 10_000},
        "plain": {"neurons": 1_000, "steps": 200, "plain": 1},
    },
    inputs=inputs,
    outputs={"voltages": Tolerance(absolute=1e-9), "spikes": Tolerance()},
    work=neuron_steps,
    unit="neuron-steps",
    operations=operations,
    bytes=traffic,
    probes=probes,
    picture=picture,
    laws=(
        a_free_neuron_obeys_the_equation,
        a_neuron_spikes_when_above_threshold_and_not_refractory,
        a_spike_resets_the_neuron_for_its_refractory_period,
        no_neuron_falls_below_what_its_input_can_explain,
    ),
    reference="python/loops",
    description=(
        "Forward Euler steps of many neurons that do not interact. In this order of precedence, a refractory"
        " neuron is held at V_reset, one above V_th spikes and is reset, and any other integrates its input."
        " The exponential is the work, and the branches are what keeps it from SIMD. delta_t = 0 stands for"
        " the plain model, without the exponential term. Voltages in mV, currents in pA, times in ms."
    ),
)
