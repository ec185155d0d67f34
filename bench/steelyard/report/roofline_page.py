"""The page of ceilings: what the machine can do at most, and how near each cell comes to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup

from steelyard.ceilings import Ceiling, Ceilings
from steelyard.measurement import Interval
from steelyard.project import Project
from steelyard.report import numbers
from steelyard.report.comparison import Comparison, Result
from steelyard.report.environment import TEMPLATES
from steelyard.report.figures import COUNTS, Figure, colour, symbol, text
from steelyard.report.outcome import enumeration
from steelyard.report.workload_page import page_name
from steelyard.runs import Run

ROOM = 2.0
"""How much further the roofs reach to the left than what is drawn, as a factor."""

PEAK_ROOM = 6.0
"""The same to the right, where the name of the peak stands above it."""

NEAR = 1.4
"""The ratio of two bandwidths below which their names would overlap."""


def render(run: Run, project: Project) -> Markup:
    """The body of the page."""
    comparison = Comparison(run, project.backends)
    html = TEMPLATES.get_template("roofline.html").render(
        comparison=comparison,
        outcome=outcome(comparison),
        rows=rows(comparison.ceilings) if comparison.ceilings else [],
        counts=counts(comparison.ceilings) if comparison.ceilings else [],
        figure=roofline(comparison),
        reached=sorted(under_the_roof(comparison), key=lambda result: -result.reached.share.value),
        capacity=capacity,
        page_name=page_name,
    )
    return Markup(html)


def under_the_roof(comparison: Comparison) -> list[Result]:
    """The results whose place under the roof is known."""
    return [result for result in comparison.results if result.reached]


def outcome(comparison: Comparison) -> str:
    """How near each workload's best comes to its ceiling at its largest size, in words; empty if nothing is known.

    ``At each workload's largest size, its fastest variant on one thread reaches: laplace 34 % of the L2 bandwidth
    (numba loops) and lif 21 % of the arithmetic (cython simd).``
    """
    nearest = []
    for workload in comparison.workloads:
        for size in reversed(comparison.sizes_of(workload)):
            here = [
                result
                for result in comparison.at(workload, size)
                if result.reached and not result.is_parallel
            ]
            if here:
                best = here[0]
                assert best.reached
                nearest.append(
                    f"{workload} {numbers.part(best.reached.share)} of the {best.reached.binding} "
                    f"({best.measurement.backend} {best.measurement.variant})"
                )
                break
    if not nearest:
        return ""
    return (
        f"At each workload's largest size, its fastest variant on one thread reaches: {enumeration(nearest)}."
    )


def capacity(ceiling: Ceiling) -> str:
    """What a ceiling allows: ``131 GFLOP/s``; no more digits than its interval supports."""
    value = ceiling.per_second
    half = ceiling.doubt * value
    unit = "FLOP" if ceiling.kind == "arithmetic" else "B"
    return numbers.rate(Interval(value, value - half, value + half), unit)


def counts(ceilings: Ceilings) -> list[int]:
    """The numbers of threads that were measured."""
    return sorted({limit.threads for limit in ceilings.limits})


def rows(ceilings: Ceilings) -> list[tuple[Ceiling, dict[int, Ceiling]]]:
    """Each limit, and what it is for each number of threads."""
    found: dict[tuple[str, str], dict[int, Ceiling]] = {}
    for limit in ceilings.limits:
        found.setdefault((limit.kind, limit.level), {})[limit.threads] = limit
    return [(next(iter(by_threads.values())), by_threads) for by_threads in found.values()]


def roofline(comparison: Comparison) -> Figure | None:
    """Operations a second over operations per byte, under the roofs of one core and of all; None without ceilings."""
    points = [
        result
        for result in under_the_roof(comparison)
        if result.info.get("operations") and result.info.get("bytes")
    ]
    if comparison.ceilings is None or not points:
        return None
    across = [intensity(result) for result in points]
    roofs = {threads: comparison.ceilings.of(threads) for threads in counts(comparison.ceilings)}
    ridges = [ridge for limits in roofs.values() for ridge in ridges_of(limits)]
    left, right = min([*across, *ridges]) / ROOM, max([*across, *ridges]) * PEAK_ROOM
    data: list[dict[str, Any]] = []
    for threads, limits in roofs.items():
        data += roof(limits, left, right, all_of_them=threads > 1)
    points.sort(key=lambda result: comparison.backends.index(result.measurement.backend))
    for place, (backend, group) in enumerate(groupby(points, lambda result: result.measurement.backend)):
        data.append(markers(backend, list(group), place))
    return Figure(
        id="roofline",
        title="Operations a second over operations per byte",
        description="The roofs are the machine's ceilings, the points are cells; both axes are logarithmic.",
        data=data,
        layout={
            "xaxis": {
                **{"type": "log", "dtick": 1, "exponentformat": "none"},
                "title": {"text": "FLOP per byte that must be moved"},
            },
            "yaxis": {**COUNTS, "title": {"text": "FLOP per second"}},
            "annotations": labels(next(iter(roofs.values())), left, right),
        },
        height=620,
        note="A point can rise to the roof above it: the slope of the level that holds its data, or the flat part. Both axes count "
        "what the workload must do, so all variants of a cell stand above one another. Solid roofs are those of one core, dashed "
        "ones those of all. A click in the legend hides a backend.",
    )


def ridges_of(limits: Sequence[Ceiling]) -> list[float]:
    """The operations per byte from which on arithmetic binds, for each level of the memory."""
    peak = next(limit for limit in limits if limit.kind == "arithmetic").per_second
    return [peak / limit.per_second for limit in limits if limit.kind == "bandwidth"]


def intensity(result: Result) -> float:
    """Operations per byte."""
    return float(result.info["operations"]) / float(result.info["bytes"])


def roof(
    limits: Sequence[Ceiling], left: float, right: float, *, all_of_them: bool
) -> Iterator[dict[str, Any]]:
    """The lines of one number of threads: a slope for each level up to the peak, and the peak from there on."""
    peak = next(limit for limit in limits if limit.kind == "arithmetic")
    slopes = [limit for limit in limits if limit.kind == "bandwidth"]
    whose = f"all {peak.threads} cores" if all_of_them else "one core"
    lines = [(limit, [left, peak.per_second / limit.per_second]) for limit in slopes]
    lines.append((peak, [min((peak.per_second / limit.per_second for limit in slopes), default=left), right]))
    for limit, across in lines:
        height = [
            min(peak.per_second, limit.per_second * x) if limit in slopes else peak.per_second for x in across
        ]
        label = f"{limit.title}, {whose}: {capacity(limit)}"
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": across,
            "y": height,
            "line": {"color": "#8a8a8a", "width": 1.5, "dash": "dash" if all_of_them else "solid"},
            "name": text(whose),
            "legendgroup": whose,
            "showlegend": limit is peak,
            "hovertext": text(label),
            "hovertemplate": "%{hovertext}<extra></extra>",
        }


def labels(limits: Sequence[Ceiling], left: float, right: float) -> list[dict[str, Any]]:
    """The names of a roof's lines, clear of all of them: of a slope before its lower end, of the peak above its far one.

    As annotations, for which Plotly makes room on the axes; on logarithmic ones they lie at the logarithm.
    """
    slopes = sorted(
        (limit for limit in limits if limit.kind == "bandwidth"), key=lambda limit: limit.per_second
    )
    found = []
    for place, limit in enumerate(slopes):
        near = [
            abs(math.log(limit.per_second / other.per_second)) < math.log(NEAR)
            for other in (slopes[place - 1] if place else None, *slopes[place + 1 : place + 2])
            if other
        ]
        anchor = "middle" if not any(near) else "bottom" if place and near[0] else "top"
        found.append(
            label(limit, left, limit.per_second * left)
            | {"yanchor": anchor, "xanchor": "right", "xshift": -4}
        )
    peaks = [limit for limit in limits if limit.kind == "arithmetic"]
    return found + [
        label(peak, right, peak.per_second) | {"yanchor": "bottom", "xanchor": "right", "yshift": 1}
        for peak in peaks
    ]


def label(limit: Ceiling, x: float, y: float) -> dict[str, Any]:
    """The name of a line at a point."""
    return {
        "text": text(f"{limit.name} {capacity(limit)}"),
        "x": math.log10(x),
        "y": math.log10(y),
        "showarrow": False,
    }


def markers(backend: str, results: Sequence[Result], place: int) -> dict[str, Any]:
    """The cells of a backend."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": text(backend),
        "x": [intensity(result) for result in results],
        "y": [float(result.info["operations"]) / result.time.value for result in results],
        "text": [hover(result) for result in results],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "color": colour(backend, place),
            "symbol": symbol(backend, place),
            "size": 8,
            "opacity": 0.8,
        },
    }


def hover(result: Result) -> str:
    """What a point says of itself."""
    assert result.reached
    share = f"{numbers.part(result.reached.share)} of the {result.reached.binding}"
    return f"{text(result.measurement.cell)}<br>{text(share)}"
