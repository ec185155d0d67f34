"""A report as one HTML file, to be attached to a mail or to a CI job: all pages below one another, all assets within.

The Content-Security-Policy names its scripts and its style by their hashes, so nothing else runs or styles.
"""

from __future__ import annotations

import base64
import hashlib
import html
import posixpath
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from markupsafe import Markup

from steelyard.project import Project
from steelyard.report import figures, gate
from steelyard.report.environment import TEMPLATES, asset
from steelyard.report.page import Link
from steelyard.runs import Run, write_atomically

VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
"""Elements that have no end."""

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
    whole = TEMPLATES.get_template("single_file.html").render(
        sections={page: moved(body, page, names) for page, body in bodies.items()},
        project=project,
        run=run,
        has_gate=gate.LINK in bodies,
        style=Markup(style),
        scripts=[Markup(script) for script in scripts],
        style_hash=digest(style),
        script_hashes=[digest(script) for script in scripts],
    )
    write_atomically(path, whole)
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
    mover = Mover(page, names)
    mover.feed(str(body))  # slices of Markup are Markup, and slow
    mover.close()
    return Markup("".join(mover.parts))


class Mover(HTMLParser):
    """Copies HTML as it reads it, and writes anew only those tags that name something or lead somewhere.

    No tree is built of it: a report of a hundred cells has tens of thousands of tags, and few of them change.
    """

    def __init__(self, page: Link, names: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=False)
        self.page = page
        self.names = names
        self.parts: list[str] = []
        self.open: list[tuple[str, str]] = []
        """The elements that are open: what each was called, and what it is called now."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag stays as it is, unless it has an attribute that the other pages are concerned with."""
        found = dict(attrs)
        changed = self.changed(tag, found)
        now = "span" if tag == "a" and "href" in found and "href" not in changed else tag
        if tag not in VOID:
            self.open.append((tag, now))
        if changed == found:
            self.parts.append(self.get_starttag_text() or "")
            return
        written = [
            name if value is None else f'{name}="{html.escape(value)}"' for name, value in changed.items()
        ]
        self.parts.append(f"<{' '.join([now, *written])}>")

    def changed(self, tag: str, attributes: Mapping[str, str | None]) -> dict[str, str | None]:
        """The attributes of a tag as they are to be in the one file."""
        result = dict(attributes)
        for name in ("id", *REFERRING, *(["name"] if tag == "input" else [])):
            if value := result.get(name):
                words = value.split() if name in REFERRING else [value]
                result[name] = " ".join(own(word, self.page.name) for word in words)
        if tag == "section":
            result.pop("aria-labelledby", None)  # of landmarks no two may have one name
        if tag == "nav" and result.get("aria-label"):
            result["aria-label"] = f"{result['aria-label']}: {self.page.title}"
        if tag == "a" and "href" in result:
            if target := self.target(result["href"] or ""):
                result["href"] = target
            else:
                del result["href"]
        return result

    def target(self, address: str) -> str | None:
        """Where a link leads in the one file; None if to something that is not in it."""
        try:
            parts = urlsplit(address)
        except ValueError:
            return None
        page = self.page.name if not parts.path else self.names.get(posixpath.normpath(parts.path))
        if page is None or parts.scheme or parts.netloc:
            return None
        return f"#{page}--{parts.fragment}" if parts.fragment else f"#{page}"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As an opening tag; in SVG and MathML the slash closes it, and is kept."""
        self.handle_starttag(tag, attrs)
        if not self.parts[-1].endswith("/>"):
            self.parts[-1] = f"{self.parts[-1][:-1]}/>"
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """It ends what is open within the element, too; if no such element is open it is left out."""
        if any(tag == opened for opened, _ in self.open):
            while True:
                opened, now = self.open.pop()
                self.parts.append(f"</{now}>")
                if opened == tag:
                    return

    def close(self) -> None:
        """End what a page has left open: the next page is not within it."""
        super().close()
        while self.open:
            self.parts.append(f"</{self.open.pop()[1]}>")

    def handle_data(self, data: str) -> None:
        """Text stays as it is."""
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        """So does a character by its name,"""
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """and one by its number."""
        self.parts.append(f"&#{name};")


def own(name: str, page: str) -> str:
    """An id of a page, or a selector of it."""
    return f"#{page}--{name[1:]}" if name.startswith("#") else f"{page}--{name}"
