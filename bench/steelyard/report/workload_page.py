"""A page for each workload of a run: what is computed, how fast each variant is, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from steelyard.measurement import Measurement
from steelyard.project import Project
from steelyard.report import numbers, samples, sources
from steelyard.report.comparison import Comparison, Result, by_reason
from steelyard.report.environment import TEMPLATES
from steelyard.report.equation import typeset
from steelyard.report.figures import Figure, harmless
from steelyard.report.outcome import enumeration
from steelyard.report.page import Page, slug
from steelyard.report.profiles import Profiles
from steelyard.runs import Run


def pages(run: Run, project: Project) -> tuple[Page, ...]:
    """A page for each workload that a run has anything to tell of."""
    comparison, profiles = Comparison(run, project.backends), Profiles.of(run, project)
    return tuple(
        Page(
            page_name(workload),
            comparison.title(workload),
            under="index",
            render=partial(render, workload, comparison, profiles),
        )
        for workload in comparison.workloads
    )


def page_name(workload: str) -> str:
    """The name of a workload's page."""
    return f"workload-{slug(workload)}"


def render(workload: str, comparison: Comparison, profiles: Profiles, run: Run, project: Project) -> Markup:
    """The body of a workload's page."""
    sizes = comparison.sizes_of(workload)
    timed = [result for size in sizes for result in comparison.at(workload, size)]
    equation = text_of(run, "equations", workload)
    figure = picture(run, workload)
    html = TEMPLATES.get_template("workload.html").render(
        workload=workload,
        comparison=comparison,
        sizes=sizes,
        headline=headline(comparison, workload),
        description=text_of(run, "descriptions", workload),
        equation=typeset(equation) if equation else None,
        picture=figure,
        no_picture=no_picture(run, workload) if figure is None else None,
        against_size=samples.against_size(comparison, workload),
        in_order=[figure for size in sizes if (figure := samples.in_order(comparison, workload, size))],
        sources=sources.files(run, by_backend(timed, comparison)),
        recorded=partial(sources.recorded, run),
        profiles=profiles,
        missing=by_reason(absence for absence in comparison.absences if absence.workload == workload),
    )
    return Markup(html)


def headline(comparison: Comparison, workload: str) -> str:
    """Which backend is fastest at the workload's largest size that has a time, and by how much.

    ``At size medium, numba is fastest on one thread: 2.00 ms per call, 225x over python.``
    """
    leaders = comparison.fastest(workload)
    if not leaders:
        return "No variant has a time."
    first = leaders[0]
    all_here = comparison.at(workload, first.measurement.size)
    time = f"{numbers.time(first.time)} per call"
    if len({result.measurement.backend for result in all_here}) == 1:
        return f"At size {first.measurement.size}, only {first.measurement.backend} has a time: {time}."
    names = enumeration([result.measurement.backend for result in leaders], "or")
    thread = (
        " on one thread" if any(result.is_parallel for result in all_here) and not first.is_parallel else ""
    )
    over = first.baseline.measurement.backend
    speedup = f", {numbers.times(first.speedup)} over {over}" if first.speedup else ""
    return f"At size {first.measurement.size}, {names} is fastest{thread}: {time}{speedup}."


def by_backend(results: Sequence[Result], comparison: Comparison) -> list[Measurement]:
    """What was measured, in the order of the backends and then of the variants' names."""
    measurements = [result.measurement for result in results]
    return sorted(measurements, key=lambda found: (comparison.backends.index(found.backend), found.variant))


def text_of(run: Run, key: str, workload: str) -> str | None:
    """What a run says of a workload under a key; None if nothing, or no text."""
    known = run.details.get(key)
    value = known.get(workload) if isinstance(known, Mapping) else None
    return value if isinstance(value, str) and value else None


def drawn(run: Run, workload: str) -> Mapping[str, Any]:
    """What a run recorded of a workload's picture; empty if nothing."""
    known = run.details.get("pictures")
    found = known.get(workload) if isinstance(known, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def picture(run: Run, workload: str) -> Figure | None:
    """The figure that the workload drew of its own output; None if there is none."""
    found = drawn(run, workload)
    figure = found.get("figure")
    if not isinstance(figure, Mapping) or not isinstance(figure.get("data"), list):
        return None
    layout = figure.get("layout")
    layout = dict(layout) if isinstance(layout, Mapping) else {}
    height = layout.pop("height", None)
    caption = str(found.get("caption") or "")
    return Figure(
        id="picture",
        title=f"What {found.get('cell', workload)} computed",
        description=caption or "Drawn from the output by the workload itself.",
        data=harmless(figure["data"]),
        layout=harmless(layout),
        height=int(height) if isinstance(height, int | float) and 100 <= height <= 2000 else 460,
        note=caption,
    )


def no_picture(run: Run, workload: str) -> str | None:
    """Why a workload that has a picture could not be drawn; None if it has none."""
    reason = drawn(run, workload).get("reason")
    return str(reason) if reason else None
