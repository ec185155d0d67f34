"""The site around the pages, and the pages that a project adds."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from steelyard.errors import BadConfiguration, CannotWrite
from steelyard.project import Project
from steelyard.report import PageFailed, write
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]
CSS = files("steelyard.report").joinpath("assets", "style.css").read_text("utf-8")

PAGES = """
from markupsafe import Markup

def bold(run, project):
    return Markup("<b>{}</b>").format(run.measurements[0].cell)

def plain(run, project):
    return f"<i>{project.root.name}</i>\\nsecond line"

def nothing(run, project):
    return None

def broken(run, project):
    raise LookupError("no <such> thing")
"""


@pytest.fixture
def with_pages(project: Project, request: pytest.FixtureRequest) -> Callable[..., Project]:
    """Adds pages to the project, from a module with a name of the test's own."""
    module = re.sub(r"\W", "_", f"pages_of_{request.node.name}")
    project.root.joinpath(f"{module}.py").write_text(PAGES)
    return lambda **pages: replace(
        project, pages={name: f"{module}:{function}" for name, function in pages.items()}
    )


def test_a_project_adds_a_page(usual: dict[str, Any], load: Load, with_pages: Callable[..., Project]) -> None:
    """One line of configuration makes a page: in the frame, and in the navigation of every page."""
    index = write(load(usual), with_pages(my_page="bold"))
    html = (index.parent / "my_page.html").read_text("utf-8")
    assert "<b>laplace/numba/loops/medium</b>" in html
    assert "<h1>My page</h1>" in html
    assert "Content-Security-Policy" in html
    for page in (html, index.read_text("utf-8")):
        assert re.findall(r'<a href="(\w+\.html)"', page) == ["index.html", "roofline.html", "my_page.html"]


def test_a_page_of_plain_text_is_escaped(
    usual: dict[str, Any], load: Load, with_pages: Callable[..., Project]
) -> None:
    """What is not Markup is text, shown line by line."""
    index = write(load(usual), with_pages(notes="plain"))
    html = (index.parent / "notes.html").read_text("utf-8")
    assert "&lt;i&gt;" in html
    assert "&lt;/i&gt;\nsecond line" in html


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("broken", r"LookupError: no <such> thing \(.*\.py:\d+\)"),
        ("nothing", r"TypeError: page 'mine' returned NoneType"),
        ("absent", r"names 'pages_of_\w+:absent'"),
    ],
)
def test_a_page_that_fails_takes_no_other_with_it(
    function: str, expected: str, usual: dict[str, Any], load: Load, with_pages: Callable[..., Project]
) -> None:
    """It is told of in its own place and by the error; all the others are written."""
    project = with_pages(mine=function, other="plain")
    with pytest.raises(PageFailed, match=expected):
        write(load(usual), project)
    html = project.reports / "html"
    assert "This page could not be made." in (html / "mine.html").read_text("utf-8")
    assert "second line" in (html / "other.html").read_text("utf-8")
    assert (html / "index.html").exists()


@pytest.mark.parametrize("name", ["../up", "a/b", "", "a.b", "\N{PILE OF POO}"])
def test_a_page_cannot_be_written_elsewhere(name: str, project: Project) -> None:
    """Its name is a file's; another is refused before anything is written."""
    with pytest.raises(BadConfiguration, match="table 'pages' has"):
        Project.from_table(project.root / "pyproject.toml", {"pages": {name: "module:function"}})


def test_a_report_that_cannot_be_written_says_so(usual: dict[str, Any], load: Load, project: Project) -> None:
    """A file where the folder should be, like a full disk, is an error with its cure."""
    project.reports.mkdir()
    (project.reports / "html").touch()
    with pytest.raises(CannotWrite, match="cannot write"):
        write(load(usual), project)


def test_a_page_needs_nothing_but_its_folder(usual: dict[str, Any], load: Load, project: Project) -> None:
    """No address outside, no script or style of its own; what it needs is beside it."""
    html = write(load(usual), project).read_text("utf-8")
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in html
    assert not re.search(r"https?://|<script>|<style|\sstyle=|\son\w+=", html)
    assert re.findall(r'<link[^>]*href="([^"]*)"', html) == ["assets/style.css"]
    assert re.findall(r'<script[^>]*src="([^"]*)"', html) == ["assets/report.js"]
    assert (project.html / "assets" / "report.js").is_file()
    assert (project.reports / "html" / "assets" / "style.css").read_text("utf-8") == CSS
    assert "url(" not in CSS


def luminance(colour: str) -> float:
    """Relative luminance; source: WCAG 2.2, section 'relative luminance'."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_every_colour(scheme: int) -> None:
    """Contrast of 4.5 and more, WCAG's level AA, in both schemes."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[scheme]))
    shades = [name for name in colours if name.startswith(("faster", "slower", "even"))]
    pairs = [("ink", shade) for shade in shades]
    pairs += list(itertools.product(("ink", "quiet", "link", "status"), ("paper", "raised")))
    assert len(shades) == 9
    for text, ground in pairs:
        dark, light = sorted(luminance(colours[name]) for name in (text, ground))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_the_stylesheet_is_written_by_every_report(
    usual: dict[str, Any], load: Load, project: Project
) -> None:
    """An older report's stylesheet does not outlive it."""
    style: Path = project.reports / "html" / "assets" / "style.css"
    style.parent.mkdir(parents=True)
    style.write_text("old")
    write(load(usual), project)
    assert style.read_text("utf-8") == CSS
