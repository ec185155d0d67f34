"""Names and reasons from anybody's repository as text.

In the terminal they cannot move the cursor or break a line; in Markdown they stand in ``<code>`` with all that means
something to Markdown as character references.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

from steelyard.report.forest import shortened

LONGEST_REASON = 300
"""Characters of a reason in Markdown."""

HARMLESS = frozenset(" /-,")
"""What is not a letter or digit and yet stands for itself in Markdown."""


def terminal_width() -> int:
    """Columns of what is printed: those of the terminal, but no more than can be read."""
    return min(100, shutil.get_terminal_size((100, 24)).columns)


def has_colours(stream: TextIO) -> bool:
    """Whether what is written there may be coloured: a terminal that can, and nobody who has asked not to (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def row_line(texts: Sequence[str], widths: Sequence[int], words: int) -> str:
    """A line of the table: the first so many columns are words, to the left, the others numbers, to the right."""
    parts = []
    for place, (text, width) in enumerate(zip(texts, widths, strict=False)):
        fitting = text
        while columns(fitting) > width:
            fitting = shortened(fitting, len(fitting) - 1) if len(fitting) > 2 else fitting[1:]
        space = " " * (width - columns(fitting))
        parts.append(fitting + space if place < words else space + fitting)
    return "  ".join(parts).rstrip()


def code(text: str) -> str:
    """A text that Markdown shows as it is: no markup, mention, link or cell of a table comes of it."""
    visible = printable(text) or " "
    harmless = "".join(
        char if char.isalnum() or char in HARMLESS or ord(char) > 127 else f"&#{ord(char)};"
        for char in visible
    )
    return f"<code>{harmless}</code>"


def short(text: str) -> str:
    """A reason without line breaks, as far as there is room for it."""
    joined = " ".join(text.split())
    return joined if len(joined) <= LONGEST_REASON else f"{joined[: LONGEST_REASON - 1]}…"


def printable(text: str) -> str:
    """A text in one line in which nothing commands a terminal: a mark stands for what cannot be printed."""
    joined = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in joined)


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A text in lines of no more than ``width`` columns, broken between words where that is possible."""
    room = max(2, width - len(indent))
    lines: list[str] = []
    line = ""
    for word in pieces(text.replace(" %", "\N{NO-BREAK SPACE}%").split(" "), room):
        if line and columns(line) + 1 + columns(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [indent + line.replace("\N{NO-BREAK SPACE}", " ") for line in [*lines, line] if line]


def pieces(words: Iterable[str], room: int) -> Iterable[str]:
    """Words, those that are too long for a line in parts."""
    for word in words:
        part = ""
        for char in word:
            if columns(part + char) > room:
                yield part
                part = ""
            part += char
        yield part


def columns(text: str) -> int:
    """How many columns of a terminal a printable text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
