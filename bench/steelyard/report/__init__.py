"""How a run is shown: a folder of HTML pages that opens from disk, made from the saved run alone."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from steelyard.project import Project
from steelyard.report.environment import TEMPLATES
from steelyard.report.pages import Page, PageFailed, pages_of, plain, what_went_wrong
from steelyard.runs import Run, write_atomically

__all__ = ["Page", "PageFailed", "write"]


def write(run: Run, project: Project) -> Path:
    """Write every page into ``reports/html``, and return the path of its index.

    A page that fails says so in its own place; the others are written all the same.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
        PageFailed: a page failed; all the others are there.
    """
    folder = project.reports / "html"
    pages = pages_of(project)
    failures: dict[str, Exception] = {}
    write_atomically(
        folder / "assets" / "style.css",
        files(__package__).joinpath("assets", "style.css").read_text("utf-8"),
    )
    for page in pages:
        try:
            body = page.body(run, project)
        except Exception as error:  # a page is anybody's code, and no reason to lose the others
            failures[page.name] = error
            body = plain(f"This page could not be made.\n\n{what_went_wrong(error)}")
        html = TEMPLATES.get_template("frame.html").render(
            page=page, pages=pages, body=body, run=run, project=project
        )
        write_atomically(folder / page.file, html)
    if failures:
        raise PageFailed(failures, folder / "index.html") from next(iter(failures.values()))
    return folder / "index.html"
