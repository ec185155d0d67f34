"""The profiles that a gate took of one side of a cell, read back: where the time goes, by line and by function.

Only files inside ``reports/gate`` are opened, whatever a judgement names: a profile is marshal, which must never be
loaded from a stranger. A file that is absent or no profile is said to be so.
"""

from __future__ import annotations

import json
import marshal
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from steelyard.judgement import Judged
from steelyard.project import Project
from steelyard.report.profiles import is_inside

SHOWN = 12
"""How many functions are shown, those with the most time of their own."""

LONGEST_FUNCTION = 400
"""Lines of a function that are shown at most."""

UNREADABLE = (OSError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError)
"""What reading a file can raise that is not what it should be."""


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
        return min(10, max(0, round(10 * self.share)))


@dataclass(frozen=True, slots=True)
class FollowedFunction:
    """A function whose lines were followed."""

    name: str
    place: str
    seconds: float
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class CalledFunction:
    """A row of cProfile's table."""

    name: str
    place: str
    calls: int
    own_s: float
    cumulative_s: float
    share: float
    """Of all functions' own time."""


@dataclass(frozen=True)
class SideProfile:
    """What is known of one side of a cell."""

    cell: Judged
    side: str
    project: Project

    @property
    def files(self) -> Mapping[str, str]:
        """The paths of the profiles by kind, relative to the reports."""
        return self.cell.profiles.get(self.side, {})

    def path(self, kind: str) -> Path | None:
        """The file of a kind; None if it was not made, is gone, or lies outside ``reports/gate``."""
        named, folder = self.files.get(kind), self.project.reports / "gate"
        try:
            inside = isinstance(named, str) and is_inside(
                folder, os.path.relpath(self.project.reports / named, folder)
            )
        except (OSError, ValueError):  # a name that no file can have
            return None
        return self.project.reports / str(named) if inside else None

    def why_not(self, kind: str) -> str:
        """Why there is nothing to show of a kind."""
        if kind not in self.files:
            return "None was taken."
        if self.path(kind) is None:
            return f"Its file is not there: {self.files[kind]}"
        return f"Its file cannot be read: {self.files[kind]}"

    @property
    def command(self) -> str | None:
        """The command that opens the profile, from the project's root."""
        path = self.path("profile")
        return f"snakeviz {shlex.quote(os.path.relpath(path, self.project.root))}" if path else None

    @cached_property
    def called(self) -> tuple[CalledFunction, ...]:
        """The functions with the most time of their own; none if there is no profile."""
        path = self.path("profile")
        try:
            table = marshal.loads(path.read_bytes()) if path else {}
            rows = [
                (str(name), self.short(str(file), int(line)), int(calls), float(own), float(cumulative))
                for (file, line, name), (_, calls, own, cumulative, *_) in table.items()
            ]
        except UNREADABLE:
            return ()
        total = sum(row[3] for row in rows) or 1.0
        rows.sort(key=lambda row: (-row[3], row[:2]))
        return tuple(CalledFunction(*row, share=row[3] / total) for row in rows[:SHOWN])

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """What the line profiler found; empty if there is none."""
        path = self.path("lines_data")
        try:
            record = json.loads(path.read_text("utf-8")) if path else {}
        except UNREADABLE:
            return {}
        return record if isinstance(record, dict) else {}

    @property
    def note(self) -> str:
        """What must be known to read the lines."""
        return str(self.record.get("note") or "")

    @cached_property
    def followed(self) -> tuple[FollowedFunction, ...]:
        """The functions whose lines were followed, the one with the most time first; none if there are none."""
        try:
            unit = float(self.record["unit_s"])
            found = [self.function(entry, unit) for entry in self.record["functions"]]
        except UNREADABLE:
            return ()
        return tuple(sorted(found, key=lambda function: -function.seconds))

    def function(self, entry: Mapping[str, Any], unit: float) -> FollowedFunction:
        """A function of the line profiler's record, from its head to the last line that ran."""
        times = {int(number): (int(hits), float(time) * unit) for number, hits, time in entry["lines"]}
        file, first = str(entry["file"]), int(entry["line"])
        texts = self.texts(file)
        total = sum(seconds for _, seconds in times.values())
        numbers = range(min(first, *times), min(max(times), first + LONGEST_FUNCTION) + 1)
        lines = tuple(
            Line(number, texts.get(number, ""), *times.get(number, (0, 0.0)), share_of(times, number, total))
            for number in numbers
        )
        return FollowedFunction(str(entry["name"]), self.short(file, first), total, lines)

    def texts(self, file: str) -> Mapping[int, str]:
        """The lines of a file by number: of the kernel's own as the judgement holds it, else as the profiler saw it."""
        own = self.cell.files.get(self.side)
        if own and self.side in self.cell.sources and is_end_of(own, file):
            return dict(enumerate(self.cell.sources[self.side].split("\n"), 1))
        path = self.path("lines")
        try:
            return listing(path.read_text("utf-8"), file) if path else {}
        except UNREADABLE:
            return {}

    def short(self, file: str, line: int) -> str:
        """A place in a file, as far as it means something to a reader; of what is built in, none."""
        if not line:
            return ""
        own = self.cell.files.get(self.side)
        if own and is_end_of(own, file):
            return f"{own}:{line}"
        return f"{'/'.join(PurePosixPath(file).parts[-2:])}:{line}"


def is_end_of(path: str, file: str) -> bool:
    """Whether a relative path is the end of a longer one."""
    return file == path or file.endswith(f"/{path}")


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
