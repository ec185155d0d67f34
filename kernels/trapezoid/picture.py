"""The integrand with its trapezoids, and how the error falls as they become more."""

import numpy as np

FEW = 5  # trapezoids that can be told apart


def integrand(x):
    """2x² + 3x + 1, whose integral is the difference of its primitive."""
    return (2.0 * x + 3.0) * x + 1.0


def error(a, b, n, integral):
    """Distance of a trapezoid rule's result from the integral."""
    return integral - sum(sign * ((2.0 / 3.0 * x + 1.5) * x + 1.0) * x for sign, x in ((1, b), (-1, a)))


def picture(inputs, outputs):
    """A handful of trapezoids, and the errors of the rule for other n beside that of the output."""
    a, b, n = inputs["a"], inputs["b"], inputs["n"]
    fine, coarse = np.linspace(a, b, 101), np.linspace(a, b, FEW + 1)
    others = 2 ** np.arange(0, 18)
    errors = [error(a, b, m, np.trapezoid(integrand(x := np.linspace(a, b, m + 1)), x)) for m in others]
    own = abs(error(a, b, n, float(outputs["integral"])))
    law = (b - a) ** 3 / 3.0 / others.astype(float) ** 2
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"{FEW} trapezoids",
                "x": coarse,
                "y": integrand(coarse),
                "fill": "tozeroy",
            },
            {"type": "scatter", "mode": "lines", "name": "f(x)", "x": fine, "y": integrand(fine)},
            {
                "type": "scatter",
                "mode": "markers",
                "name": "error, by NumPy",
                "x": others,
                "y": np.abs(errors),
                "xaxis": "x2",
                "yaxis": "y2",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "name": "(b − a)³ f″ / 12 n²",
                "x": others,
                "y": law,
                "xaxis": "x2",
                "yaxis": "y2",
                "line": {"dash": "dot"},
            },
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"this output, n = {n:,}",
                "x": [n],
                "y": [own],
                "xaxis": "x2",
                "yaxis": "y2",
                "marker": {"symbol": "star", "size": 13},
            },
        ],
        "layout": {
            "height": 640,
            "xaxis": {"title": {"text": "x"}, "anchor": "y"},
            "yaxis": {"title": {"text": "f(x) = 2x² + 3x + 1"}, "domain": [0.58, 1]},
            "xaxis2": {"title": {"text": "n"}, "anchor": "y2", "type": "log", "exponentformat": "power"},
            "yaxis2": {
                "title": {"text": "|error|"},
                "domain": [0, 0.42],
                "type": "log",
                "exponentformat": "power",
            },
        },
        "caption": (
            f"Above, {FEW} trapezoids stand for the {n:,} of the call. Below, the star is the error of the kernel's output; "
            "the dots, by NumPy, are those of other n, which fall with n² until rounding is all that is left."
        ),
    }
