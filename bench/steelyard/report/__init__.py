"""How a run and a gate are shown: a folder of HTML pages that opens from disk, made from what was saved alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from steelyard.judgement import Judgement
from steelyard.project import Project
from steelyard.report import figures, gate
from steelyard.report.environment import TEMPLATES, asset
from steelyard.report.page import Link, Page, plain
from steelyard.report.pages import PageFailed, lasting_pages, pages_of, what_went_wrong
from steelyard.report.single_file import write_single_file
from steelyard.runs import Run, latest, write_atomically

__all__ = ["Page", "PageFailed", "write", "write_gate", "write_one"]


def write(run: Run, project: Project) -> Path:
    """Write every page into the project's :attr:`~steelyard.project.Project.html`, and return the path of its index.

    A page that fails says so in its own place; the others are written all the same. If a gate has left its
    result, its page is written, too. Pages of an earlier run that this one has not are removed.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
        PageFailed: a page failed; all the others are there.
    """
    bodies, failures = bodies_of(run, project)
    links = list(bodies)
    write_assets(project)
    if has_gate(bodies, project):
        links.append(gate.LINK)
        body, origin, started = last_gate(project)
        write_page(gate.LINK, links, body, project, origin, started)
    write_pages(bodies, links, run, project)
    remove_others(links, project)
    index = project.html / "index.html"
    if failures:
        raise PageFailed(failures, index) from next(iter(failures.values()))
    return index


def write_one(run: Run, project: Project, path: Path) -> Path:
    """Write every page of a run, and of the last gate, into the one file ``path``, and return that.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
        PageFailed: a page failed; all the others are there.
    """
    bodies, failures = bodies_of(run, project)
    if has_gate(bodies, project):
        bodies[gate.LINK] = last_gate(project)[0]
    write_single_file(bodies, run, project, path)
    if failures:
        raise PageFailed(failures, path) from next(iter(failures.values()))
    return path


def bodies_of(run: Run, project: Project) -> tuple[dict[Link, Markup], dict[str, Exception]]:
    """The pages with their bodies, and what went wrong with those that could not be made, by their names."""
    bodies: dict[Link, Markup] = {}
    failures: dict[str, Exception] = {}
    for page in pages_of(run, project):
        try:
            bodies[page] = page.body(run, project)
        except Exception as error:  # a page is anybody's code, and no reason to lose the others
            failures[page.name] = error
            bodies[page] = plain(f"This page could not be made.\n\n{what_went_wrong(error)}")
    return bodies, failures


def remove_others(links: Sequence[Link], project: Project) -> None:
    """Remove what an earlier report has left in the reports' own folder; a folder that was asked for stays as it is."""
    if project.html == project.reports / "html":
        for path in set(project.html.glob("*.html")) - {project.html / link.file for link in links}:
            with suppress(OSError):
                path.unlink()


def write_gate(judgement: Judgement, project: Project) -> Path:
    """Write the page of a gate, ``reports/html/gate.html``, and return its path.

    It leads to those pages of a run's report that are there, and these to it.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    others = [
        page
        for page in lasting_pages(project)
        if page.name != gate.LINK.name and (project.html / page.file).is_file()
    ]
    write_assets(project)
    body = gate.render(judgement, project)
    path = write_page(
        gate.LINK, [*others, gate.LINK], body, project, f"gate {judgement.id}", judgement.started
    )
    with suppress(Exception):  # the gate's result and its page are not to suffer for a run
        lead_to_gate(project)
    return path


def lead_to_gate(project: Project) -> None:
    """Write the pages of a run that are there again, if they do not lead to the gate's and the run is still the last.

    Raises:
        SteelyardError, OSError, UnicodeDecodeError: there is no run, or no report of it, or it cannot be written.
    """
    index = (project.html / "index.html").read_text("utf-8")
    run = latest(project.reports)
    if run.id in index and f'href="{gate.LINK.file}"' not in index:
        bodies, _ = bodies_of(run, project)
        write_pages(bodies, [*bodies, gate.LINK], run, project)


def has_gate(bodies: Mapping[Link, Markup], project: Project) -> bool:
    """Whether a gate has left its result, and no page of the project's own has its name."""
    return gate.last(project).exists() and gate.LINK.name not in [page.name for page in bodies]


def last_gate(project: Project) -> tuple[Markup, str, datetime | None]:
    """The body of the last gate's page, what it was made from, and when that was measured.

    One whose result cannot be shown says so, for the run is not to blame.
    """
    path = gate.last(project)
    try:
        judgement = Judgement.load(path)
        return gate.render(judgement, project), f"gate {judgement.id}", judgement.started
    except Exception as error:
        body = plain(f"The last gate's result cannot be shown.\n\n{what_went_wrong(error)}")
        return body, f"{path.parent.name}/{path.name}", None


def write_pages(bodies: Mapping[Link, Markup], links: Sequence[Link], run: Run, project: Project) -> None:
    """Write the pages of a run, each of which leads to ``links``.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    for page, body in bodies.items():
        write_page(page, links, body, project, f"run {run.id}", run.started)


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
        page=page,
        pages=[link for link in links if not link.under],
        body=body,
        has_figures=figures.MARK in body,
        project=project,
        origin=origin,
        started=started,
    )
    path = project.html / page.file
    write_atomically(path, html)
    return path


def write_assets(project: Project) -> None:
    """Write what all pages share: the stylesheet, the script, and Plotly's, which is left if it is there."""
    folder = project.html / "assets"
    for name in ("style.css", "report.js"):
        write_atomically(folder / name, asset(name))
    plotly = figures.plotly_script()
    path = folder / "plotly.min.js"
    if not path.is_file() or path.stat().st_size != len(plotly.encode()):
        write_atomically(path, plotly)
