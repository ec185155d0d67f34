"""The profiles of a run, if it took any: where they are, what is recorded in them, and why there are none.

What is read is JSON. A ``.prof`` file is marshal, which is for SnakeViz to load and not for a report.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from steelyard.measurement import Measurement
from steelyard.project import Project
from steelyard.report.page import slug
from steelyard.runs import Run

UNREADABLE = (
    *(OSError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError),
    *(ArithmeticError, RecursionError),
)
"""What reading a file can raise that is not what it should be."""


class NotRecorded(Exception):
    """Why there is nothing of a kind: none was taken, or its file is gone, or is something else."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles that belong to one run."""

    project: Project
    files: Mapping[str, Mapping[str, str]]
    """By cell, then by kind, paths relative to the reports."""
    absence: str = ""
    """Why there are none, if there are none."""

    @classmethod
    def of(cls, run: Run, project: Project) -> Profiles:
        """Those that ``profiles/profiles.json`` names, if it belongs to the run."""
        path = project.reports / "profiles" / "profiles.json"
        try:
            index = json.loads(path.read_text("utf-8"))
            owner = str(index["run"])
            files = {
                str(cell): {str(kind): str(named) for kind, named in made.items()}
                for cell, made in index["cells"].items()
            }
        except FileNotFoundError:
            return cls(project, {}, "This run left no profiles.")
        except UNREADABLE as error:
            return cls(
                project, {}, f"The profiles cannot be read: profiles.json, {type(error).__name__}: {error}."
            )
        if owner != run.id:
            return cls(
                project,
                {},
                f"Those that are there belong to run {owner}: each run that takes profiles replaces them.",
            )
        return cls(project, files)

    def address(self, measurement: Measurement) -> str | None:
        """The page and the section that show a cell's profile; None if there is none."""
        if measurement.cell not in self.files:
            return None
        return f"{page_name(measurement)}.html#{section_id(measurement.size)}"

    def links(self, cell: str) -> Mapping[str, str]:
        """The addresses of a cell's files by kind, relative to the report's pages; those that are for readers."""
        up = Path(os.path.relpath(self.project.reports, self.project.html)).as_posix()
        return {
            kind: quote(os.fsencode(f"{up}/{named}"))
            for kind, named in self.files.get(cell, {}).items()
            if self.path(cell, kind) and not named.endswith(".json")
        }

    def path(self, cell: str, kind: str) -> Path | None:
        """The file of a kind; None if it was not made, is gone, or lies outside the reports."""
        named = self.files.get(cell, {}).get(kind)
        try:
            return self.project.reports / named if named and is_inside(self.project.reports, named) else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    def command(self, cell: str) -> str | None:
        """The command that opens a cell's profile in SnakeViz, from the project's root; None if it has none."""
        path = self.path(cell, "profile")
        return f"snakeviz {shlex.quote(os.path.relpath(path, self.project.root))}" if path else None

    def read(self, cell: str, kind: str) -> Any:
        """What a file of JSON holds.

        Raises:
            NotRecorded: there is none, or it cannot be read.
        """
        named = self.files.get(cell, {}).get(kind)
        if named is None:
            raise NotRecorded("None was taken.")
        path = self.path(cell, kind)
        if path is None:
            raise NotRecorded(f"Its file is not there: {named}")
        try:
            return json.loads(path.read_text("utf-8"))
        except UNREADABLE as error:
            raise unreadable(named, error) from None

    def text(self, cell: str, kind: str) -> str:
        """What a file of text holds; nothing if it cannot be read."""
        path = self.path(cell, kind)
        try:
            return path.read_text("utf-8") if path else ""
        except UNREADABLE:
            return ""


def unreadable(named: str, error: Exception) -> NotRecorded:
    """Why a file says nothing."""
    what = f"it lacks {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
    return NotRecorded(f"Its file cannot be read: {named}: {what}")


def page_name(measurement: Measurement) -> str:
    """The name of the page with the profiles of a cell's variant."""
    return f"profile-{slug(f'{measurement.workload}/{measurement.backend}/{measurement.variant}')}"


def section_id(size: str) -> str:
    """The anchor of a size on that page."""
    return f"size-{slug(size)}"


def is_inside(folder: Path, path: str) -> bool:
    """Whether a relative path leads to a file in the folder."""
    return (folder / path).is_file() and (folder / path).resolve().is_relative_to(folder.resolve())
