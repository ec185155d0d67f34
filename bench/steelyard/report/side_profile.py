"""The profiles that a gate took of one side of a cell, read back: where the time goes, by line and by function.

Only files inside ``reports/gate`` are opened, whatever a judgement names. A file that is absent or no profile is said
to be so.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from steelyard.call_graph import CallGraph
from steelyard.judgement import Judged
from steelyard.project import Project
from steelyard.report.functions import CalledFunction, called_functions, is_end_of
from steelyard.report.lines import FollowedFunction, followed_functions, listing
from steelyard.report.profiles import UNREADABLE, is_inside

SHOWN = 12
"""How many functions are shown, those with the most time of their own."""


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
        path = self.path("profile_data")
        try:
            graph = CallGraph.from_json(json.loads(path.read_text("utf-8"))) if path else None
        except UNREADABLE:
            return ()
        return called_functions(graph, self.own, SHOWN) if graph else ()

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
            return followed_functions(self.record, self.texts, self.own)
        except UNREADABLE:
            return ()

    @property
    def own(self) -> str | None:
        """The kernel's own file on this side."""
        return self.cell.files.get(self.side)

    def texts(self, file: str) -> Mapping[int, str]:
        """The lines of a file by number: of the kernel's own as the judgement holds it, else as the profiler saw it."""
        if self.own and self.side in self.cell.sources and is_end_of(self.own, file):
            return dict(enumerate(self.cell.sources[self.side].split("\n"), 1))
        path = self.path("lines")
        try:
            return listing(path.read_text("utf-8"), file) if path else {}
        except UNREADABLE:
            return {}
