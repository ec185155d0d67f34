"""The population's spikes, its rate, and the membrane potential of one neuron."""

import numpy as np

MOST_NEURONS = 200
MOST_SPIKES = 6_000
MOST_STEPS = 1_000
BIN = 1.0  # ms over which the rate is taken


def picture(inputs, outputs):
    """Raster, population rate and a membrane potential trace, over one time axis."""
    dt, steps = inputs["dt"], min(MOST_STEPS, len(outputs["spikes"]))
    spikes, voltages = outputs["spikes"][:steps], outputs["voltages"][:steps]
    neurons = min(MOST_NEURONS, spikes.shape[1])
    step, neuron = np.nonzero(spikes[:, :neurons])
    step, neuron = step[:MOST_SPIKES], neuron[:MOST_SPIKES]
    width = max(1, round(BIN / dt))
    whole = steps // width * width
    rate = spikes[:whole].reshape(-1, width, spikes.shape[1]).mean(axis=(1, 2)) / (dt * 1e-3)
    liveliest = int(np.argmax(spikes.sum(axis=0)))
    time = np.arange(steps) * dt
    of_all = f"{neurons} of {spikes.shape[1]:,}" if neurons < spikes.shape[1] else f"all {neurons}"
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "x": step * dt,
                "y": neuron,
                "yaxis": "y3",
                "marker": {"symbol": "line-ns", "size": 4, "line": {"width": 1, "color": "#3f7fbf"}},
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": (np.arange(len(rate)) + 0.5) * width * dt,
                "y": rate,
                "yaxis": "y2",
                "line": {"shape": "hvh", "color": "#b87910"},
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": time,
                "y": voltages[:, liveliest],
                "line": {"color": "#2f9080", "width": 1},
            },
        ],
        "layout": {
            "height": 640,
            "showlegend": False,
            "xaxis": {"title": {"text": "time, ms"}, "anchor": "y", "range": [0, steps * dt]},
            "yaxis3": {"title": {"text": "neuron"}, "domain": [0.62, 1]},
            "yaxis2": {"title": {"text": "rate, Hz"}, "domain": [0.34, 0.56], "rangemode": "tozero"},
            "yaxis": {"title": {"text": "v, mV"}, "domain": [0, 0.28]},
        },
        "caption": (
            f"Spikes of {of_all} neurons in the first {steps * dt:g} ms; the rate of the whole population, in bins of {width * dt:g} ms; "
            f"and the membrane potential of neuron {liveliest}, which spikes most."
        ),
    }
