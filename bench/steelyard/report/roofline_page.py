"""The page of ceilings: what the machine can do at most, and how near each cell comes to it."""

from __future__ import annotations

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
from steelyard.report.figures import Figure, colour, symbol, text
from steelyard.report.outcome import enumeration
from steelyard.report.workload_page import page_name
from steelyard.runs import Run

ROOM = 2.0
"""How much further the axes reach than what is drawn, as a factor."""


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


def limit_name(ceiling: Ceiling) -> str:
    """``arithmetic``, ``L2 bandwidth``, ``memory bandwidth``."""
    return "arithmetic" if ceiling.kind == "arithmetic" else f"{ceiling.level} bandwidth"


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
    numbers_of_threads = counts(comparison.ceilings)
    data: list[dict[str, Any]] = []
    for threads in numbers_of_threads:
        limits = comparison.ceilings.of(threads)
        peak = next(limit for limit in limits if limit.kind == "arithmetic").per_second
        ridges = [peak / limit.per_second for limit in limits if limit.kind == "bandwidth"]
        left, right = min([*across, *ridges]) / ROOM, max([*across, *ridges]) * ROOM
        data += roof(limits, left, right, all_of_them=threads > 1)
    points.sort(key=lambda result: comparison.backends.index(result.measurement.backend))
    for place, (backend, group) in enumerate(groupby(points, lambda result: result.measurement.backend)):
        data.append(markers(backend, list(group), place))
    axis = {"type": "log", "exponentformat": "power", "dtick": 1}
    return Figure(
        id="roofline",
        title="Operations a second over operations per byte",
        description="The roofs are the machine's ceilings, the points are cells; both axes are logarithmic.",
        data=data,
        layout={
            "xaxis": {**axis, "title": {"text": "operations per byte that must be moved"}},
            "yaxis": {**axis, "title": {"text": "operations per second"}},
        },
        height=620,
        note="A point can rise to the roof above it: the slope of the level that holds its data, or the flat part. Both axes count "
        "what the workload must do, so all variants of a cell stand above one another. Solid roofs are those of one core, dashed "
        "ones those of all. A click in the legend hides a backend.",
    )


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
        label = f"{limit_name(limit)}, {whose}: {capacity(limit)}"
        yield {
            "type": "scatter",
            "mode": "lines+text",
            "x": across,
            "y": height,
            "line": {"color": "#8a8a8a", "width": 1.5, "dash": "dash" if all_of_them else "solid"},
            "text": ["", ""] if all_of_them else short_label(limit),
            "textposition": "top right" if limit in slopes else "top left",
            "name": text(whose),
            "legendgroup": whose,
            "showlegend": limit is peak,
            "hovertext": text(label),
            "hovertemplate": "%{hovertext}<extra></extra>",
        }


def short_label(limit: Ceiling) -> list[str]:
    """What stands beside a line: at the lower end of a slope, at the far end of the peak."""
    name = text(f"{limit.name} {capacity(limit)}")
    return ["", name] if limit.kind == "arithmetic" else [name, ""]


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
