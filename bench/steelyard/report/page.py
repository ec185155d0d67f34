"""A page of a report: what it is called, where it is, and how its body is made."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from steelyard.project import Project
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
    under: str = ""
    """The name of the page that leads to it; the navigation has those that are under none."""

    @property
    def file(self) -> str:
        """The file's name, in ``reports/html``."""
        return f"{self.name}.html"


@dataclass(frozen=True, slots=True, kw_only=True)
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


def slug(text: str) -> str:
    """A name for a file or an anchor: the text itself if it may be one, else what is left of it and a digest."""
    kept = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:60]
    return (
        kept
        if kept == text
        else f"{kept or 'x'}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"
    )
