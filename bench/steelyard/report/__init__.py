"""How a run and a gate are shown: a folder of HTML pages that opens from disk, made from what was saved alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from steelyard.judgement import Judgement
from steelyard.project import Project
from steelyard.report import gate
from steelyard.report.environment import TEMPLATES
from steelyard.report.pages import Link, Page, PageFailed, pages_of, plain, what_went_wrong
from steelyard.runs import Run, write_atomically

__all__ = ["Page", "PageFailed", "write", "write_gate"]


def write(run: Run, project: Project) -> Path:
    """Write every page into ``reports/html``, and return the path of its index.

    A page that fails says so in its own place; the others are written all the same. If a gate has left its
    result, its page is written, too.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
        PageFailed: a page failed; all the others are there.
    """
    folder = project.reports / "html"
    pages = pages_of(project)
    links: list[Link] = list(pages)
    has_gate = gate.last(project).exists() and gate.LINK.name not in [page.name for page in pages]
    if has_gate:
        links.append(gate.LINK)
    failures: dict[str, Exception] = {}
    write_style(project)
    for page in pages:
        try:
            body = page.body(run, project)
        except Exception as error:  # a page is anybody's code, and no reason to lose the others
            failures[page.name] = error
            body = plain(f"This page could not be made.\n\n{what_went_wrong(error)}")
        write_page(page, links, body, project, f"run {run.id}", run.started)
    if has_gate:
        write_last_gate(links, project)
    if failures:
        raise PageFailed(failures, folder / "index.html") from next(iter(failures.values()))
    return folder / "index.html"


def write_gate(judgement: Judgement, project: Project) -> Path:
    """Write the page of a gate, ``reports/html/gate.html``, and return its path.

    It leads to those pages of a run's report that are there; these lead to it when they are written next.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    folder = project.reports / "html"
    others = [
        page for page in pages_of(project) if page.name != gate.LINK.name and (folder / page.file).is_file()
    ]
    write_style(project)
    body = gate.render(judgement, project)
    return write_page(
        gate.LINK, [*others, gate.LINK], body, project, f"gate {judgement.id}", judgement.started
    )


def write_last_gate(links: Sequence[Link], project: Project) -> None:
    """Write the page of the last gate; one whose result cannot be shown says so, for the run is not to blame.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    path = gate.last(project)
    try:
        judgement = Judgement.load(path)
        body = gate.render(judgement, project)
    except Exception as error:
        body = plain(f"The last gate's result cannot be shown.\n\n{what_went_wrong(error)}")
        write_page(gate.LINK, links, body, project, f"{path.parent.name}/{path.name}", None)
    else:
        write_page(gate.LINK, links, body, project, f"gate {judgement.id}", judgement.started)


def write_page(
    page: Link, links: Sequence[Link], body: Markup, project: Project, origin: str, started: datetime | None
) -> Path:
    """Put a page's body into the frame, write it, and return its path.

    Args:
        page: the page.
        links: the pages that there are, itself among them.
        body: what stands between heading and foot.
        project: whose it is.
        origin: what it was made from.
        started: when that was measured, if that is known.
    """
    html = TEMPLATES.get_template("frame.html").render(
        page=page, pages=links, body=body, project=project, origin=origin, started=started
    )
    path = project.reports / "html" / page.file
    write_atomically(path, html)
    return path


def write_style(project: Project) -> None:
    """Write the stylesheet that all pages share."""
    text = files(__package__).joinpath("assets", "style.css").read_text("utf-8")
    write_atomically(project.reports / "html" / "assets" / "style.css", text)
