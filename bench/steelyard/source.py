"""The source of a variant: its file, which lines of it are the variant's, and how many of those are code."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.cell import Variant

LONGEST = 200_000
"""Characters of a file that are recorded at most."""

NO_CODE = frozenset(
    (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
)


@dataclass(frozen=True, slots=True)
class Source:
    """What a run keeps of it, so that a report can be made without the repository."""

    file: str
    """Relative to the project's root."""
    text: str | None
    """The whole file; None if it is too long to be kept."""
    line: int | None
    """The first line of the variant's definition, decorators included, from 1; None if it was not found."""
    end: int | None
    """The last one."""
    code_lines: int | None
    """Lines of it that hold code: neither blank, nor a comment, nor of the docstring."""

    @classmethod
    def of(cls, variant: Variant, root: Path) -> Source:
        """Read a variant's source.

        Raises:
            OSError, UnicodeDecodeError: its file cannot be read.
        """
        text = variant.path.read_text("utf-8")
        lines = text.splitlines()
        place = definition(lines, variant.name)
        path = variant.path.resolve()
        inside = path.is_relative_to(root.resolve())
        return cls(
            file=path.relative_to(root.resolve()).as_posix() if inside else path.name,
            text=text if len(text) <= LONGEST else None,
            line=place[0] if place else None,
            end=place[1] if place else None,
            code_lines=code_lines("\n".join(lines[place[0] - 1 : place[1]])) if place else None,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for a run file."""
        return {
            "file": self.file,
            "text": self.text,
            "line": self.line,
            "end": self.end,
            "lines": self.code_lines,
        }


def definition(lines: Sequence[str], name: str) -> tuple[int, int] | None:
    """First and last line of a function at the top of a file of Python or Cython; None if it is not there.

    Found by indentation, for Cython has no parser that could be asked without a compiler's options.
    """
    head = re.compile(rf"(?:async\s+)?(?:def|cpdef|cdef)\b[^=#]*?\b{re.escape(name)}\s*\(")
    first = next((number for number, line in enumerate(lines) if head.match(line)), None)
    if first is None:
        return None
    last, depth = first, 0
    for number in range(first, len(lines)):
        line = lines[number]
        if number > first and depth <= 0 and line.strip() and not line[0].isspace() and line[0] not in ")#":
            break
        depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        if line.strip() and not line.startswith("#"):
            last = number
    above = first
    while above and lines[above - 1].startswith(("@", " ", "\t", ")")):
        above -= 1
        if lines[above].startswith("@"):  # what is indented and not below one belongs to somebody else
            first = above
    return first + 1, last + 1


def code_lines(text: str) -> int | None:
    """How many lines of a definition hold code; None if it cannot be told.

    Strings that stand alone, docstrings among them, are none.
    """
    found: set[int] = set()
    statement: list[tokenize.TokenInfo] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NEWLINE:
                if {part.type for part in statement} != {tokenize.STRING}:
                    found.update(
                        number for part in statement for number in range(part.start[0], part.end[0] + 1)
                    )
                statement = []
            elif token.type not in NO_CODE:
                statement.append(token)
    except (tokenize.TokenError, IndentationError):
        return None
    return len(found)
