"""Figures: Plotly's, as plain data that a page carries and ``assets/report.js`` draws.

Nothing of a figure is code, so that the page's Content-Security-Policy can forbid all scripts but the report's own.
Fonts, grid and background follow the page, light or dark, and are not set here.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markupsafe import Markup

COLOURS: Mapping[str, str] = {
    "python": "#3f7fbf",
    "numpy": "#b87910",
    "numexpr": "#a06bb8",
    "cython": "#c4573f",
    "numba": "#2f9080",
}
"""By backend; seen well on light and dark paper."""

MORE_COLOURS = ("#7d8a2e", "#b8577f", "#6f7785", "#9a6a3f", "#4f9ab0")
"""Of what has no colour of its own."""

SYMBOLS: Mapping[str, str] = {
    "python": "circle",
    "numpy": "square",
    "numexpr": "diamond",
    "cython": "triangle-up",
    "numba": "star",
}
"""By backend: colour is never the only sign."""

MORE_SYMBOLS = ("cross", "x", "triangle-down", "pentagon", "hexagon")
"""Of what has no symbol of its own."""

IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""In JSON, the same text; in HTML, nothing that could end the element or begin another."""

SECONDS: Mapping[str, Any] = {
    "type": "log",
    "dtick": 1,
    "exponentformat": "SI",
    "minexponent": 0,
    "ticksuffix": "s",
}
"""A logarithmic axis of seconds as people say them: 10µs, 1ms."""

COUNTS: Mapping[str, Any] = {**SECONDS, "ticksuffix": ""}
"""One of what is counted or done a second: 10k, 1M."""

KEPT = re.compile(r"&lt;(/?(?:b|i|sub|sup|extra)|br)&gt;")
"""Markup that leads nowhere, once it is escaped."""

MARK = '<figure class="plot"'
"""What the HTML of a figure begins with."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Traces and layout as Plotly's JSON has them.

    Numbers that are NaN or infinite become null, which Plotly leaves out.
    """

    id: str
    """Its anchor, of ``a-z``, ``0-9`` and ``-``, and unique on its page."""
    title: str
    """What stands above it."""
    description: str
    """What those are told who cannot see it."""
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)
    height: int = 380
    """In CSS pixels."""
    note: str = ""
    """What stands below it."""

    def html(self) -> Markup:
        """The figure as it stands on a page.

        Raises:
            TypeError: the data hold something that JSON has no word for.
        """
        data = json.dumps(finite({"data": self.data, "layout": self.layout}), allow_nan=False)
        return Markup(
            MARK + ' id="{id}" data-height="{height}">\n<figcaption>{title}</figcaption>\n'
            '<div class="canvas" role="img" aria-label="{description}"></div>\n'
            '{note}<script type="application/json">{data}</script>\n</figure>\n'
        ).format(
            id=self.id,
            height=self.height,
            title=self.title,
            description=f"{self.title}. {self.description}",
            note=Markup('<p class="note">{}</p>\n').format(self.note) if self.note else "",
            data=Markup(data.translate(IN_SCRIPT)),
        )


def text(name: str) -> str:
    """A name as Plotly shows it: Plotly reads markup and entities in every text, and breaks lines at ``<br>``."""
    return html.escape(name, quote=False)


def harmless(value: Any) -> Any:
    """A figure that somebody else made, with no markup in its texts but line breaks, weights and indices."""
    if isinstance(value, str):
        return KEPT.sub(r"<\1>", html.escape(value, quote=False))
    if isinstance(value, Mapping):
        return {key: harmless(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [harmless(item) for item in value]
    return value


def colour(name: str, place: int = 0) -> str:
    """The colour of a backend, or of the so-manieth thing that is none."""
    return COLOURS.get(name) or MORE_COLOURS[place % len(MORE_COLOURS)]


def symbol(name: str, place: int = 0) -> str:
    """The marker of a backend, or of the so-manieth thing that is none."""
    return SYMBOLS.get(name) or MORE_SYMBOLS[place % len(MORE_SYMBOLS)]


def variant_symbol(backend: str, place: int) -> str:
    """The marker of the so-manieth variant of a backend: its own, the same hollow, then other ones, filled and hollow."""
    others = [name for name in MORE_SYMBOLS if name != symbol(backend)]
    filled = [symbol(backend), *others][place // 2 % (1 + len(others))]
    return f"{filled}-open" if place % 2 else filled


def finite(value: Any) -> Any:
    """Plain data without NaN and infinities, and with no more digits than can be drawn."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if value - value == 0 else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [finite(item) for item in value]
    return value


@cache
def plotly_script() -> str:
    """Plotly's own script, as its Python package brings it."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
