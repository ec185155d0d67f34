"""Links to the profiles of a run, if it took any."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from steelyard.project import Project
from steelyard.runs import Run


def links(run: Run, project: Project) -> Mapping[str, Mapping[str, str]]:
    """For each cell the addresses of its profiles by kind, relative to the report's pages.

    Empty if ``profiles/profiles.json`` is absent, cannot be read, or belongs to another run; a file that is
    not there, or lies outside the reports, is left out.
    """
    reports = project.reports
    up = Path(os.path.relpath(reports, project.html)).as_posix()
    try:
        index = json.loads((reports / "profiles" / "profiles.json").read_text("utf-8"))
        if index["run"] != run.id:
            return {}
        return {
            cell: {
                kind: quote(f"{up}/{path}")
                for kind, path in files.items()
                if is_inside(reports, path) and not path.endswith(".json")  # for programs, not for readers
            }
            for cell, files in index["cells"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def is_inside(folder: Path, path: str) -> bool:
    """Whether a relative path leads to a file in the folder."""
    return (folder / path).is_file() and (folder / path).resolve().is_relative_to(folder.resolve())
