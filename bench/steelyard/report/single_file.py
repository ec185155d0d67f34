"""A report as one HTML file, to be attached to a mail or to a CI job: all pages below one another, all assets within.

The Content-Security-Policy names its scripts and its style by their hashes, so nothing else runs or styles.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markupsafe import Markup

from steelyard.project import Project
from steelyard.report import figures
from steelyard.report.environment import TEMPLATES, asset
from steelyard.report.page import Link
from steelyard.runs import Run, write_atomically

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

REFERRING = ("aria-labelledby", "aria-describedby", "for", "headers", "data-target")
"""Attributes that name ids, apart by spaces, or by ``#`` a selector."""


def write_single_file(bodies: Mapping[Link, Markup], run: Run, project: Project, path: Path) -> Path:
    """Write pages into one file, and return its path.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    names = {page.file: page.name for page in bodies}
    scripts = [asset("report.js")]
    if any(figures.MARK in body for body in bodies.values()):
        scripts.append(figures.plotly_script())
    style = asset("style.css")
    html = TEMPLATES.get_template("single_file.html").render(
        sections={page: moved(body, page, names) for page, body in bodies.items()},
        project=project,
        run=run,
        style=Markup(style),
        scripts=[Markup(script) for script in scripts],
        style_hash=digest(style),
        script_hashes=[digest(script) for script in scripts],
    )
    write_atomically(path, html)
    return path


def digest(text: str) -> str:
    """How a Content-Security-Policy names a script or a style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def moved(body: Markup, page: Link, names: Mapping[str, str]) -> Markup:
    """A page's body among those of others: its ids and landmarks are its own, its links lead to where the pages now are.

    Links to files that are not in the report lose their address and keep their words.

    Args:
        body: what stands on the page.
        page: the page.
        names: the names of all pages, by their files.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(body, "html.parser")
    for section in soup.select("section[aria-labelledby]"):
        del section[
            "aria-labelledby"
        ]  # of landmarks no two may have one name, and every page has its sources
    for navigation in soup.select("nav[aria-label]"):
        navigation["aria-label"] = f"{navigation['aria-label']}: {page.title}"
    for element in soup.select("[id]"):
        element["id"] = own(str(element["id"]), page.name)
    for element in soup.select("input[name]"):
        element["name"] = own(str(element["name"]), page.name)
    for attribute in REFERRING:
        for element in soup.select(f"[{attribute}]"):
            element[attribute] = " ".join(own(name, page.name) for name in str(element[attribute]).split())
    move_links(soup, page.name, names)
    return Markup(soup.decode(formatter="minimal"))


def own(name: str, page: str) -> str:
    """An id of a page, or a selector of it."""
    return f"#{page}--{name[1:]}" if name.startswith("#") else f"{page}--{name}"


def move_links(soup: BeautifulSoup, page: str, names: Mapping[str, str]) -> None:
    """Lead every link to where its page now is."""
    for link in soup.select("a[href]"):
        address = urlsplit(str(link["href"]))
        target = page if not address.path else names.get(posixpath.normpath(address.path))
        if target is None or address.scheme or address.netloc:
            link.name = "span"
            del link["href"]
        else:
            link["href"] = f"#{target}--{address.fragment}" if address.fragment else f"#{target}"
