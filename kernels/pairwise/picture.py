"""The points, and their distances."""

import numpy as np

MOST = 120  # points that are drawn at most: the matrix has that many rows and columns


def picture(inputs, outputs):
    """The first points, in order of their first coordinate, and the matrix of their distances in that order."""
    points, distances = inputs["points"], outputs["distances"]
    shown = min(MOST, len(points))
    order = np.argsort(points[:shown, 0])
    second = points[order, 1] if points.shape[1] > 1 else np.zeros(shown)
    some = f"The first {shown} of {len(points):,} points" if shown < len(points) else f"All {shown} points"
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "x": points[order, 0],
                "y": second,
                "marker": {"color": np.arange(shown), "colorscale": "Viridis", "size": 7},
                "showlegend": False,
            },
            {
                "type": "heatmap",
                "z": distances[np.ix_(order, order)],
                "colorscale": "Viridis",
                "xaxis": "x2",
                "yaxis": "y2",
                "colorbar": {"title": {"text": "D"}, "len": 0.55, "y": 0.28},
            },
        ],
        "layout": {
            "height": 760,
            "xaxis": {"title": {"text": "first coordinate"}, "anchor": "y"},
            "yaxis": {"title": {"text": "second coordinate"}, "domain": [0.68, 1]},
            "xaxis2": {"title": {"text": "point"}, "anchor": "y2"},
            "yaxis2": {"title": {"text": "point"}, "domain": [0, 0.56], "autorange": "reversed"},
        },
        "caption": (
            f"{some}, of {points.shape[1]} coordinates, by the first two of which they are placed, and their distances. "
            "The matrix has the points in the order of their first coordinate, which is also their colour."
        ),
    }
