"""Figures of a workload's times: against its size, and sample by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from steelyard.report.comparison import Comparison, Result
from steelyard.report.figures import COUNTS, SECONDS, Figure, colour, text, variant_symbol
from steelyard.report.page import slug

MOST_POINTS = 400
"""Samples of a cell that are drawn at most, evenly chosen: more only hide each other."""

SHOWN_AT_FIRST = 3
"""Variants whose samples are shown before one is chosen in the legend."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""By which variants of one backend are told apart."""


def against_size(comparison: Comparison, workload: str) -> Figure | None:
    """Time per call over work per call, both logarithmic; None with fewer than two sizes.

    A line for each variant, in a band that is its 95 % interval.
    """
    sizes = comparison.sizes_of(workload)
    results = [
        result for size in sizes for result in comparison.at(workload, size) if result.info.get("work")
    ]
    if len({result.measurement.size for result in results}) < 2:
        return None
    data: list[dict[str, Any]] = []
    results.sort(key=variant_of)
    places = places_of(comparison, workload)
    for variant, cells in groupby(results, variant_of):
        points = sorted(cells, key=lambda result: float(result.info["work"]))
        data += [band(points, variant), line(points, variant, places[variant])]
    unit = str(results[0].info.get("unit", "units"))
    return Figure(
        id="against-size",
        title="Time per call over work per call",
        description=f"Time per call of each variant over the {unit} of one call, on logarithmic axes.",
        data=data,
        layout={
            "xaxis": {**COUNTS, "title": {"text": f"{text(unit)} per call"}},
            "yaxis": {**SECONDS, "title": {"text": "time per call"}},
        },
        height=460,
        note="Medians; the bands are their 95 % intervals. A straight line that climbs a decade a decade costs the same for every unit.",
    )


def variant_of(result: Result) -> tuple[str, str]:
    """Backend and name."""
    return result.measurement.backend, result.measurement.variant


def places_of(comparison: Comparison, workload: str) -> Mapping[tuple[str, str], int]:
    """The so-manieth of its backend that each variant is, by name: in every figure the same, whichever sizes it has."""
    variants = {
        variant_of(result) for result in comparison.results if result.measurement.workload == workload
    }
    return {
        variant: place
        for _, found in groupby(sorted(variants), lambda variant: variant[0])
        for place, variant in enumerate(found)
    }


def band(points: Sequence[Result], variant: tuple[str, str]) -> dict[str, Any]:
    """The intervals of a line as an area around it, which is no entry of the legend."""
    work = [float(result.info["work"]) for result in points]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": work + work[::-1],
        "y": [result.time.high for result in points] + [result.time.low for result in points][::-1],
        "fill": "toself",
        "line": {"width": 0},
        "fillcolor": colour(variant[0]),
        "opacity": 0.25,
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": text("/".join(variant)),
    }


def line(points: Sequence[Result], variant: tuple[str, str], place: int) -> dict[str, Any]:
    """The medians of a variant."""
    name = text(" ".join(variant))
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "legendgroup": text("/".join(variant)),
        "x": [float(result.info["work"]) for result in points],
        "y": [result.time.value for result in points],
        "text": [f"{name}, {text(result.measurement.size)}" for result in points],
        "hovertemplate": "%{text}: %{y:.3s}s<extra></extra>",
        "line": {"color": colour(variant[0]), "width": 1.5, "dash": DASHES[place % len(DASHES)]},
        "marker": {"color": colour(variant[0]), "symbol": variant_symbol(variant[0], place), "size": 7},
    }


def in_order(comparison: Comparison, workload: str, size: str) -> Figure | None:
    """The samples of each cell of a size in their order, and how they are distributed; None without any."""
    results = [result for result in comparison.at(workload, size) if len(result.measurement.samples) > 1]
    if not results:
        return None
    data: list[dict[str, Any]] = []
    places = places_of(comparison, workload)
    for rank, result in enumerate(results):
        data += traces(result, places[variant_of(result)], rank < SHOWN_AT_FIRST)
    return Figure(
        id=f"samples-{slug(size)}",
        title=f"Samples at size {size}",
        description="Each sample as its difference from the cell's median, in the order in which they were taken, and how "
        "they are distributed.",
        data=data,
        layout={
            "xaxis": {"domain": [0, 0.7], "title": {"text": "sample"}},
            "xaxis2": {
                "domain": [0.74, 1],
                "title": {"text": "share, %"},
                "range": [0, 1.05 * max(share for trace in data if "xaxis" in trace for share in trace["x"])],
            },
            "yaxis": {
                "title": {"text": "from the median, %"},
                "range": usual_range(results[:SHOWN_AT_FIRST]),
            },
            "bargap": 0,
            "barmode": "overlay",
        },
        height=400,
        note="A slope is drift, two heaps are two states of the machine or of the kernel. A click in the legend shows or hides a "
        "variant; the fastest are shown at first. Colours are the backends', symbols and dashes the variants'. The axis leaves out the outermost hundredth at either end: a double click shows all.",
    )


def usual_range(results: Sequence[Result]) -> tuple[float, float]:
    """Percentages around the median in which the histogram of each cell lies, and some room."""
    low = high = 0.5
    for result in results:
        first, width, shares = distribution(changes(result))
        low, high = max(low, -first), max(high, first + width * len(shares))
    return -1.1 * low, 1.1 * high


def changes(result: Result) -> list[float]:
    """The samples of a cell as percentages that they differ by from its median."""
    return [round(100 * (sample / result.time.value - 1), 3) for sample in result.measurement.samples]


def traces(result: Result, place: int, is_shown: bool) -> list[dict[str, Any]]:
    """A cell's samples in order, and their distribution beside them.

    Args:
        result: the cell.
        place: the so-manieth of its backend that its variant is.
        is_shown: whether they are seen before anything is chosen in the legend.
    """
    backend, variant = variant_of(result)
    change = changes(result)
    step = -(-len(change) // MOST_POINTS)
    common: Mapping[str, Any] = {
        "name": text(f"{backend} {variant}"),
        "legendgroup": text(f"{backend}/{variant}"),
        "visible": True if is_shown else "legendonly",
    }
    marker = {
        "color": colour(backend),
        "symbol": variant_symbol(backend, place),
        "size": 6,
        "opacity": 0.7,
    }
    low, width, shares = distribution(change)
    return [
        {
            **common,
            "type": "scatter",
            "mode": "markers",
            "x": list(range(1, len(change) + 1, step)),
            "y": change[::step],
            "marker": marker,
        },
        {
            **common,
            "type": "scatter",
            "mode": "lines",
            "line": {
                "color": colour(backend),
                "shape": "vh",
                "width": 1.5,
                "dash": DASHES[place % len(DASHES)],
            },
            "x": shares,
            "y": [round(low + width * (number + 0.5), 4) for number in range(len(shares))],
            "xaxis": "x2",
            "showlegend": False,
            "hoverinfo": "skip",
        },
    ]


def distribution(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """Where a histogram begins, how wide its bins are, and the percentage in each, with an empty one at either end.

    Freedman and Diaconis' width: 2 IQR / n^(1/3); Zeitschrift für Wahrscheinlichkeitstheorie 57 (1981), 453-476; but no
    more than 60 bins. The outermost hundredth at either end counts as lying where it begins: else one outlier would
    leave a single bin for all the others.
    """
    ordered = sorted(values)
    n = len(ordered)
    first, last = ordered[n // 100], ordered[-1 - n // 100]
    spread = ordered[min(n - 1, 3 * n // 4)] - ordered[n // 4]
    width = max(2 * spread / n ** (1 / 3), (last - first) / 60) or 1.0
    low = first - width
    counts = [0] * (int((last - low) / width) + 2)
    for value in ordered:
        counts[int((min(max(value, first), last) - low) / width)] += 1
    return low, width, [round(100 * count / n, 2) for count in counts]
