"""The pages of a report. A page is one function over a saved run, and one entry of :data:`PAGES`.

A project adds its own in its configuration, ``[tool.steelyard.pages]``, as ``name = "module:function"``. The
function is given the run and the project and returns what stands between the page's heading and its foot:
HTML as :class:`markupsafe.Markup`, or plain text as ``str``, which is escaped. Nothing on a page may be
fetched from elsewhere, and scripts and inline styles do not run: the frame forbids them.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from steelyard.errors import SteelyardError
from steelyard.project import Project
from steelyard.report import index
from steelyard.runs import Run

Render = Callable[[Run, Project], str]
"""``render(run, project)`` makes a page's body; Markup, a kind of str, stays as it is."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a page is called, and where it is."""

    name: str
    """Its file's name, without ``.html``."""
    title: str
    """What stands in the navigation and, but for the index, above it."""

    @property
    def file(self) -> str:
        """The file's name, in ``reports/html``."""
        return f"{self.name}.html"


@dataclass(frozen=True, slots=True)
class Page(Link):
    """One page of a run's report."""

    render: Render

    def body(self, run: Run, project: Project) -> Markup:
        """The page's body, safe to be put into the frame.

        Raises:
            TypeError: ``render`` returned no text; whatever else it raises.
        """
        body: object = self.render(run, project)
        if not isinstance(body, str):
            raise TypeError(f"page {self.name!r} returned {type(body).__name__}, neither a str nor a Markup")
        return body if isinstance(body, Markup) else plain(body)


def plain(text: str) -> Markup:
    """A body that shows a text as it is, line by line."""
    return Markup('<p class="text">{}</p>').format(text)


PAGES: Mapping[str, Page] = {page.name: page for page in (Page("index", "Overview", index.render),)}


def pages_of(project: Project) -> tuple[Page, ...]:
    """The pages of the harness, and those that the project's configuration adds or replaces."""
    return tuple({**PAGES, **{name: added(name, target) for name, target in project.pages.items()}}.values())


def added(name: str, target: str) -> Page:
    """The page whose function is ``"module:function"``, imported when the page is made."""

    def render(run: Run, project: Project) -> str:
        body: str = project.load(target)(run, project)
        return body

    return Page(name, name.replace("_", " ").capitalize(), render)


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
