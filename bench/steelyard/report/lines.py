"""A profile by line, read back: of each function that was followed, its lines with their hits and their time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.call_graph import seconds, whole
from steelyard.report.functions import place, tenths

LONGEST_FUNCTION = 400
"""Lines of a function that are shown at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a kernel, and what its calls took."""

    number: int
    text: str
    hits: int
    seconds: float
    share: float
    """Of the function's time."""

    @property
    def step(self) -> int:
        """The share in tenths, for its bar."""
        return tenths(self.share)


@dataclass(frozen=True, slots=True)
class FollowedFunction:
    """A function whose lines were followed."""

    name: str
    file: str
    place: str
    seconds: float
    lines: tuple[Line, ...]


def followed_functions(
    record: Mapping[str, Any], texts: Callable[[str], Mapping[int, str]], own: str | None
) -> tuple[FollowedFunction, ...]:
    """The functions of a line profiler's record, the one with the most time first.

    Args:
        record: what :func:`steelyard.profilers.profile_lines` wrote.
        texts: gives the lines of a file by number.
        own: the kernel's own file, relative to the project's root.

    Raises:
        KeyError, IndexError, TypeError, ValueError, AttributeError: it is none.
    """
    unit = seconds(record["unit_s"])
    found = [followed(entry, unit, texts, own) for entry in record["functions"]]
    return tuple(sorted(found, key=lambda function: -function.seconds))


def followed(
    entry: Mapping[str, Any], unit: float, texts: Callable[[str], Mapping[int, str]], own: str | None
) -> FollowedFunction:
    """A function of the record, from its head to the last line that ran."""
    times = {whole(number): (whole(hits), seconds(time) * unit) for number, hits, time in entry["lines"]}
    file, first = str(entry["file"]), whole(entry["line"])
    known = texts(file)
    total = seconds(sum(taken for _, taken in times.values()))
    numbers = range(min(first, *times), min(max(times), first + LONGEST_FUNCTION) + 1)
    lines = tuple(
        Line(number, known.get(number, ""), *times.get(number, (0, 0.0)), share_of(times, number, total))
        for number in numbers[: LONGEST_FUNCTION + 1]
    )
    return FollowedFunction(str(entry["name"]), file, place(file, first, own), total, lines)


def share_of(times: Mapping[int, tuple[int, float]], number: int, total: float) -> float:
    """The share of the time that a line has."""
    return times[number][1] / total if number in times and total else 0.0


def listing(text: str, file: str) -> Mapping[int, str]:
    """The lines of a file by number, out of the table that line_profiler prints."""
    lines: dict[int, str] = {}
    column, here = None, False
    for row in text.split("\n"):
        if row.startswith("File: "):
            here, column = row.removeprefix("File: ") == file, None
        elif here and column is None and row.startswith("Line #"):
            column = row.find("Line Contents")
        elif here and column and (number := re.match(r" *(\d+)(?= |$)", row)):
            lines[int(number[1])] = row[column:]
    return lines
