"""The path of a chain, and what all draws are distributed as, beside the exact marginals."""

import numpy as np

MOST = 400  # samples of the path
BINS = 40


def picture(inputs, outputs, marginals):
    """The first chain's path in the plane, and histograms of x and y with their exact densities.

    Args:
        marginals: for x and for y, points of a regular grid and their probabilities.
    """
    samples = outputs["samples"].reshape(-1, 2)
    path = outputs["samples"].reshape(inputs["chains"], -1, 2)[0, :MOST]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": path[:, 0],
            "y": path[:, 1],
            "line": {"width": 0.5},
            "marker": {"size": 4, "color": np.arange(len(path)), "colorscale": "Viridis"},
            "showlegend": False,
        }
    ]
    for name, axis, values, (grid, weight) in zip("xy", ("2", "3"), samples.T, marginals, strict=True):
        counts, edges = np.histogram(values, BINS, density=True)
        seen = (grid >= edges[0]) & (grid <= edges[-1])
        axes = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "showlegend": name == "x"}
        data += [
            {
                "type": "bar",
                "name": "draws",
                "x": (edges[1:] + edges[:-1]) / 2,
                "y": counts,
                "marker": {"color": "#7fa8cf"},
                **axes,
            },
            {
                "type": "scatter",
                "mode": "lines",
                "name": "exact marginal",
                "x": grid[seen][::10],
                "y": (weight / (grid[1] - grid[0]))[seen][::10],
                "line": {"color": "#c4573f"},
                **axes,
            },
        ]
    return {
        "data": data,
        "layout": {
            "height": 760,
            "bargap": 0.05,
            "xaxis": {"title": {"text": "x"}, "anchor": "y"},
            "yaxis": {"title": {"text": "y"}, "domain": [0.62, 1]},
            "xaxis2": {"title": {"text": "x"}, "anchor": "y2", "domain": [0, 0.46]},
            "yaxis2": {"title": {"text": "density"}, "domain": [0, 0.48]},
            "xaxis3": {"title": {"text": "y"}, "anchor": "y3", "domain": [0.56, 1]},
            "yaxis3": {"domain": [0, 0.48], "anchor": "x3"},
        },
        "caption": (
            f"Above, the first {len(path)} kept samples of a chain, from dark to light; below, the {len(samples):,} draws of all chains "
            "beside the marginal densities, which were had by quadrature."
        ),
    }
