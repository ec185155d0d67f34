"""The grid after the updates, as a heat map, and one of its columns."""

import numpy as np

FAINT = 1e-6  # below it the warmth of the first row has not yet arrived
MOST = 120  # rows and columns that are drawn at most


def picture(inputs, outputs):
    """The rows that the warmth has reached, and how it falls along the middle column."""
    grid = outputs["grid"]
    reached = max(3, int(np.flatnonzero(np.abs(grid[:, grid.shape[1] // 2]) > FAINT).max(initial=0)) + 1)
    shown = grid[:reached]
    rows, columns = (-(-length // MOST) for length in shown.shape)
    drawn = f" One in {rows * columns} of the points is drawn." if rows * columns > 1 else ""
    below = (
        f" The {len(grid) - reached} rows below are still colder than {FAINT:g}."
        if reached < len(grid)
        else ""
    )
    middle = grid[:reached, grid.shape[1] // 2]
    return {
        "data": [
            {
                "type": "heatmap",
                "x": np.arange(0, shown.shape[1], columns),
                "y": np.arange(0, reached, rows),
                "z": shown[::rows, ::columns],
                "colorscale": "Viridis",
                "colorbar": {"title": {"text": "u"}, "len": 0.5, "y": 0.75},
            },
            {
                "type": "scatter",
                "mode": "lines+markers" if reached < 60 else "lines",
                "x": np.arange(reached),
                "y": middle,
                "xaxis": "x2",
                "yaxis": "y2",
                "showlegend": False,
            },
        ],
        "layout": {
            "height": 560,
            "xaxis": {"title": {"text": "column"}, "anchor": "y"},
            "yaxis": {"title": {"text": "row"}, "domain": [0.52, 1], "autorange": "reversed"},
            "xaxis2": {"title": {"text": "row"}, "anchor": "y2"},
            "yaxis2": {
                "title": {"text": "u, middle column"},
                "domain": [0, 0.38],
                "type": "log",
                "exponentformat": "power",
            },
        },
        "caption": f"The grid after {inputs['n_iter']:,} updates; its first row is held at 1.{drawn}{below}",
    }
