"""A report in one file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import judgements_made
import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup
from steelyard.project import Project
from steelyard.report import write_one
from steelyard.report.page import Link
from steelyard.report.single_file import moved
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]


def made(usual: dict[str, Any], load: Load, project: Project) -> BeautifulSoup:
    path = write_one(load(usual), project, project.reports / "report.html")
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def test_all_pages_are_in_it(usual: dict[str, Any], load: Load, project: Project) -> None:
    """One below the other, in the order of the report, and nothing beside it."""
    page = made(usual, load, project)
    assert [article["id"] for article in page.select("article")] == [
        "index",
        "workload-laplace",
        "workload-lif",
        "roofline",
    ]
    assert [path.name for path in project.reports.iterdir()] == ["report.html"]
    assert not page.select("[src], link")


def test_the_last_gate_is_in_it(usual: dict[str, Any], load: Load, project: Project) -> None:
    """As it is among the pages of the folder."""
    judgements_made.usual().save(project.reports / "gate" / "last.json")
    page = made(usual, load, project)
    assert [article["id"] for article in page.select("article")][-1] == "gate"
    assert "2 of 19 cells are slower" in page.get_text()
    assert [str(link["href"]) for link in page.select("nav[aria-label=Pages] a")][-1] == "#gate"


def test_every_page_but_the_first_leads_to_all(usual: dict[str, Any], load: Load, project: Project) -> None:
    """The way back, in a file of many screens."""
    first, *others = made(usual, load, project).select("article")
    assert not first.select('[href="#all-pages"]')
    assert all(article.select('[href="#all-pages"]') for article in others)


def test_links_lead_to_where_the_pages_are(usual: dict[str, Any], load: Load, project: Project) -> None:
    """No id is given twice, and every address is one of them."""
    page = made(usual, load, project)
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids))
    addresses = [str(link["href"]) for link in page.select("a[href]")]
    assert len(addresses) > 20
    assert {address.removeprefix("#") for address in addresses} <= set(ids)
    for attribute in ("aria-labelledby", "data-target"):
        for element in page.select(f"[{attribute}]"):
            assert str(element[attribute]).removeprefix("#") in ids


def test_the_policy_names_what_may_run(usual: dict[str, Any], load: Load, project: Project) -> None:
    """The hash of each script and of the style, and nothing else."""
    page = made(usual, load, project)
    policy = str(page.select_one('meta[http-equiv="Content-Security-Policy"]')["content"])  # type: ignore[index]

    def hashes(elements: str) -> list[str]:
        return [
            base64.b64encode(hashlib.sha256(element.string.encode()).digest()).decode()  # type: ignore[union-attr]
            for element in page.select(elements)
        ]

    scripts = hashes("script:not([type])")
    assert len(scripts) == 2
    assert re.findall(r"'sha256-([^']*)'", policy) == [*scripts, *hashes("style")]
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<p id="a">1 &lt; 2 &amp; 3 &#39;</p>', '<p id="one--a">1 &lt; 2 &amp; 3 &#39;</p>'),
        ('<a href="two.html#x">y</a>', '<a href="#two--x">y</a>'),
        ('<a href="#x" title="&quot;">y</a>', '<a href="#one--x" title="&quot;">y</a>'),
        ('<a href="../x.prof"><b>y</b></a> <a>z</a>', "<span><b>y</b></span> <a>z</a>"),
        ('<a href="https://x.y">y</a>', "<span>y</span>"),
        ('<a href="http://[">y</a>', "<span>y</span>"),
        (
            '<svg><path d="M0"/><title id="t">x</title></svg>',
            '<svg><path d="M0"/><title id="one--t">x</title></svg>',
        ),
        ('<br id="b"/><img alt="">', '<br id="one--b"/><img alt="">'),
        ('<section aria-labelledby="a"><i></i></section>', "<section><i></i></section>"),
        ('<script type="application/json">{"a": "\\u003c"}</script>', None),
        ('<!-- <b id="x"> --><?php x ?><p hidden>y</p>', "<p hidden>y</p>"),
        ("<div><p>y</div></div></article>", "<div><p>y</p></div>"),
        ("<div><b>y", "<div><b>y</b></div>"),
    ],
)
def test_a_body_is_copied_but_for_what_names_and_leads(body: str, expected: str | None) -> None:
    """Text and figures stay as they are; what a page leaves open, or closes too often, does not reach the next."""
    page, other = Link("one", "One"), Link("two", "Two")
    made = moved(Markup(body), page, {link.file: link.name for link in (page, other)})
    assert made == (body if expected is None else expected)
