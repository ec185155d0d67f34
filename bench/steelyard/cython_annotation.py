"""What Cython says of each line of a .pyx: how much Python the C code of a line still calls, and what of it.

Read out of the annotated source, the HTML that ``cython -a`` writes, so that a report can show it in its own markup. It
marks each line ``score-N``: N grows with the calls into Python's C API, and 0 calls nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

MOST_CALLS = 12
"""Functions of Python's C API that are named of a line at most."""

SCORE = re.compile(r"\bscore-(\d+)\b")
SOURCE_LINE = re.compile(r"\s*(\+|−)?\s*(\d+): ?(.*)", re.DOTALL)
API = frozenset({"py_c_api", "pyx_c_api"})
"""The classes of what is Python's own API, and of Cython's functions that call it."""


@dataclass(slots=True)
class Line:
    """A line of the source."""

    number: int
    text: str
    score: int
    """0 if its C code calls no Python."""
    is_code: bool
    """Whether C code was made of it."""
    calls: list[str] = field(default_factory=list)
    """Functions of Python's C API that its C code names, the first so many."""


class Annotation(HTMLParser):
    """The lines in an annotated source."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[Line] = []
        self.kind = ""
        self.score = 0
        self.text: list[str] = []
        self.spans: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A ``pre`` is a line or its C code; a span in that may be a call of the API."""
        classes = (dict(attrs).get("class") or "").split()
        if tag == "pre":
            found = SCORE.search(" ".join(classes))
            self.score = int(found[1]) if found else 0
            self.kind = "line" if "line" in classes else "code" if "code" in classes else ""
            self.text, self.spans = [], []
        elif tag == "span":
            self.spans.append(not API.isdisjoint(classes))

    def handle_endtag(self, tag: str) -> None:
        """The end of a ``pre`` completes a line."""
        if tag == "span" and self.spans:
            self.spans.pop()
        elif tag == "pre":
            found = SOURCE_LINE.fullmatch("".join(self.text)) if self.kind == "line" else None
            if found:
                self.lines.append(Line(int(found[2]), found[3].rstrip("\n"), self.score, bool(found[1])))
            self.kind = ""

    def handle_data(self, data: str) -> None:
        """Text of a line, or a name in its C code."""
        if self.kind == "line":
            self.text.append(data)
        elif self.kind == "code" and self.lines and any(self.spans):
            calls, name = self.lines[-1].calls, data.strip()
            if name and name not in calls and len(calls) < MOST_CALLS:
                calls.append(name)


def lines_in(html: str) -> Sequence[Line]:
    """The lines of an annotated source; none if it is something else."""
    annotation = Annotation()
    annotation.feed(html)
    annotation.close()
    return annotation.lines


def annotated(source: Path, annotation: Path) -> dict[str, Any]:
    """What Cython says of a .pyx, as plain data; a reason instead if its annotation cannot be had.

    Args:
        source: the .pyx.
        annotation: the HTML that Cython has written of it.
    """
    record: dict[str, Any] = {"compiler": "Cython", "file": str(source)}
    try:
        lines = lines_in(annotation.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return record | {"reason": f"Cython's annotated source cannot be read: {error}"}
    if not lines:
        return record | {"reason": f"nothing in {annotation.name} reads as Cython's annotated source"}
    return record | {
        "lines": [[line.number, line.text, line.score, line.is_code, line.calls] for line in lines]
    }
