"""What Cython said of a variant, read back: which lines of it still call Python, and which of those are in a loop."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from steelyard.call_graph import text, whole
from steelyard.report.functions import place
from steelyard.report.lines import FollowedFunction, Line
from steelyard.source import definition

DARKEST = 6
"""Steps of the shading of lines that call Python."""


@dataclass(frozen=True, slots=True)
class AnnotatedLine:
    """A line of a .pyx, with what its C code calls of Python."""

    number: int
    text: str
    score: int
    """Cython's measure of how much that is; 0 is none."""
    is_code: bool
    calls: tuple[str, ...]
    in_loop: bool
    followed: Line | None
    """What it took, if lines were followed."""

    @property
    def step(self) -> int:
        """The score in steps of its shade: a doubling each."""
        return min(DARKEST, 1 + int(log2(self.score))) if self.score else 0


@dataclass(frozen=True, slots=True)
class AnnotatedFunction:
    """A function of a .pyx."""

    name: str
    place: str
    lines: tuple[AnnotatedLine, ...]

    @property
    def code(self) -> Sequence[AnnotatedLine]:
        """The lines of which C was made, but for the head, which unpacks the arguments once a call."""
        head = next((line for line in self.lines if line.is_code), None)
        return [line for line in self.lines if line.is_code and line is not head]

    @property
    def calling(self) -> Sequence[AnnotatedLine]:
        """Those of them that call Python."""
        return [line for line in self.code if line.score]

    @property
    def outcome(self) -> str:
        """How much of it still calls Python, in words."""
        calling = self.calling
        if not calling:
            return f"no line of {len(self.code)} calls Python"
        inside = sum(line.in_loop for line in calling)
        loops = f", {inside} of them in a loop" if inside else ", none of them in a loop"
        return f"{len(calling)} of {len(self.code)} lines still call Python{loops}"

    @property
    def has_times(self) -> bool:
        """Whether lines were followed."""
        return any(line.followed for line in self.lines)


@dataclass(frozen=True, slots=True)
class CythonWords:
    """What Cython said of a variant: of its function, and of those in its file that it mentions."""

    functions: tuple[AnnotatedFunction, ...]

    @property
    def outcome(self) -> str:
        """The share of the variant's own lines that call Python, in a sentence."""
        return (
            f"Of {self.functions[0].name}, compiled by Cython, {self.functions[0].outcome}."
            if self.functions
            else ""
        )

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], name: str, own: str | None, followed: Sequence[FollowedFunction]
    ) -> CythonWords:
        """The words in a file's content.

        Args:
            data: what :func:`steelyard.cython_annotation.annotated` recorded.
            name: the variant's function.
            own: its file, relative to the project's root.
            followed: functions whose lines were followed, of which those in the file give their times.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        file = text(data["file"])
        times = {
            line.number: line for function in followed if function.file == file for line in function.lines
        }
        rows = [
            (whole(number), text(line), whole(score), is_code is True, tuple(text(call) for call in calls))
            for number, line, score, is_code, calls in data["lines"]
        ]
        source = [line for _, line, *_ in rows]
        found = []
        for function, first, last in reached(source, name):
            inside = loops_by_indentation(source[first - 1 : last])
            found.append(
                AnnotatedFunction(
                    name=function,
                    place=place(file, rows[first - 1][0], own),
                    lines=tuple(
                        AnnotatedLine(*row, in_loop=in_loop, followed=times.get(row[0]))
                        for row, in_loop in zip(rows[first - 1 : last], inside, strict=True)
                    ),
                )
            )
        return cls(tuple(found))


def reached(source: Sequence[str], name: str) -> Sequence[tuple[str, int, int]]:
    """A function at the top of a file and those that it mentions, each with its first and last line."""
    waiting, found = [name], {}
    while waiting:
        function = waiting.pop(0)
        lines = definition(source, function)
        if function in found or not lines:
            continue
        found[function] = lines
        words = re.findall(r"[^\W\d]\w*(?=\s*\()", "\n".join(source[lines[0] : lines[1]]))
        waiting += dict.fromkeys(words)
    return [(function, first, last) for function, (first, last) in found.items()]


def loops_by_indentation(lines: Sequence[str]) -> Sequence[bool]:
    """Of each line of a function, whether it is in a loop: below a ``for`` or ``while`` that it is indented against."""
    heads: list[int] = []
    inside = []
    for line in lines:
        body = line.lstrip()
        depth = len(line) - len(body)
        if body:
            heads = [head for head in heads if head < depth]
        inside.append(bool(heads and body))
        if body.startswith(("for ", "while ")):
            heads.append(depth)
    return inside
