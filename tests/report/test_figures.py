"""Figures as data on a page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steelyard.report import figures
from steelyard.report.figures import Figure, finite, harmless, text


class Json(HTMLParser):
    """The contents of the scripts on a page, as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["script"]:
            self.found.append(data)


@given(st.text())
def test_any_text_comes_through_and_nothing_else(name: str) -> None:
    """The JSON holds it as it was, and no element is made by it."""
    html = Figure("f", name, name, [{"name": name}]).html()
    parsed = Json()
    parsed.feed(html)
    assert parsed.tags == ["figure", "figcaption", "div", "script"]
    assert json.loads(parsed.found[0])["data"] == [{"name": name}]


@given(st.text())
def test_plotly_is_given_no_markup(name: str) -> None:
    """A name has no element left in it, and reads as it was once its entities are resolved."""
    assert "<" not in text(name)
    assert text(name).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == name


def test_a_foreign_figure_keeps_line_breaks_and_indices_alone() -> None:
    """Whoever drew it: no link is left in it, at any depth."""
    drawn = {
        "data": [{"name": "<a href='x'>v<sub>m</sub></a>", "z": [1, None]}],
        "layout": {"t": ("a<br>b",)},
    }
    expected = {
        "data": [{"name": "&lt;a href='x'&gt;v<sub>m</sub>&lt;/a&gt;", "z": [1, None]}],
        "layout": {"t": ["a<br>b"]},
    }
    assert harmless(drawn) == expected


def test_what_is_not_finite_is_left_out() -> None:
    """JSON knows no infinity, and Plotly leaves a gap for null."""
    assert finite({"y": (1.0, float("nan"), [float("inf")], "nan")}) == {"y": [1.0, None, [None], "nan"]}


@pytest.mark.parametrize("given", [figures.colour, figures.symbol])
def test_a_backend_that_is_added_has_a_look(given) -> None:  # type: ignore[no-untyped-def]
    """Those of the harness have their own; others take turns."""
    assert given("numpy") == given("numpy", 3)
    assert len({given("jax", place) for place in range(5)}) == 5


def test_colours_are_seen_on_both_papers() -> None:
    """Contrast of 3 and more for what is no text, WCAG 1.4.11."""

    def luminance(colour: str) -> float:
        channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    papers = re.findall(r"--paper: (#\w{6})", figures_css())
    assert len(papers) == 2
    for colour in (*figures.COLOURS.values(), *figures.MORE_COLOURS):
        for paper in papers:
            dark, light = sorted((luminance(colour), luminance(paper)))
            assert (light + 0.05) / (dark + 0.05) >= 3, (colour, paper)


def figures_css() -> str:
    from steelyard.report.environment import asset

    return asset("style.css")
