"""The pages of a report. A page is one function over a saved run, and one entry of :data:`PAGES`.

A project adds its own in its configuration, ``[tool.steelyard.pages]``, as ``name = "module:function"``. The
function is given the run and the project and returns what stands between the page's heading and its foot:
HTML as :class:`markupsafe.Markup`, or plain text as ``str``, which is escaped. Nothing on a page may be
fetched from elsewhere, and scripts and styles of its own do not run: the frame forbids all but the report's. A figure
is :class:`steelyard.report.figures.Figure`; a table of the class ``sortable`` sorts.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path

from steelyard.errors import SteelyardError
from steelyard.project import Project
from steelyard.report import index, profile_page, roofline_page, workload_page
from steelyard.report.page import Page
from steelyard.runs import Run

PAGES: Mapping[str, Page] = {
    page.name: page
    for page in (
        Page("index", "Overview", render=index.render),
        Page("roofline", "Ceilings", render=roofline_page.render),
    )
}
"""Those that every run has."""

FAMILIES = (workload_page.pages, profile_page.pages)
"""Functions of a run and a project that return those which depend on what was measured."""


def pages_of(run: Run, project: Project) -> tuple[Page, ...]:
    """The pages of the harness, and those that the project's configuration adds or replaces."""
    own = [page for family in FAMILIES for page in family(run, project)]
    first, *others = lasting_pages(project)
    return tuple({page.name: page for page in (first, *own, *others)}.values())


def lasting_pages(project: Project) -> tuple[Page, ...]:
    """Those that every run of a project has: the harness's and the project's own."""
    added = {name: added_page(name, target) for name, target in project.pages.items()}
    return tuple({**PAGES, **added}.values())


def added_page(name: str, target: str) -> Page:
    """The page whose function is ``"module:function"``, imported when the page is made."""

    def render(run: Run, project: Project) -> str:
        body: str = project.load(target)(run, project)
        return body

    return Page(name, name.replace("_", " ").capitalize(), render=render)


class PageFailed(SteelyardError):
    """A page could not be made; the others were."""

    def __init__(self, failures: Mapping[str, Exception], index: Path) -> None:
        lines = [
            f"page {name!r} of the report could not be made: {what_went_wrong(error)}"
            for name, error in failures.items()
        ]
        super().__init__("\n".join([*lines, f"The other pages are written: {index}"]))


def what_went_wrong(error: Exception) -> str:
    """An error in one paragraph: with the line that raised it, unless its message says what to do."""
    if isinstance(error, SteelyardError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
