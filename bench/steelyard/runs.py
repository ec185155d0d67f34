"""One invocation of the suite, saved as plain data.

A run file is pytest-benchmark's JSON with one further key, ``steelyard``: the machine, the order's seed, and
the cells that have no time, each with its reason.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from steelyard.errors import CannotWrite, NoRun, UnreadableRun
from steelyard.measurement import Measurement

FORMAT = 1
"""The version of the ``steelyard`` key."""

Status = Literal["failed", "unavailable", "over budget", "not run"]


@dataclass(frozen=True, slots=True)
class Missing:
    """A cell that has no time, and why: nothing is absent in silence."""

    cell: str
    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """A saved run, read back."""

    path: Path
    measurements: tuple[Measurement, ...]
    missing: tuple[Missing, ...]
    titles: Mapping[str, str]
    """Title of each workload by its name."""
    machine: Mapping[str, Any]
    state: Mapping[str, Any]
    commit: Mapping[str, Any]
    started: datetime
    warnings: tuple[str, ...] = ()
    id: str = ""
    """What distinguishes this run from every other: when it started, and in which process."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else the ``steelyard`` key holds: the order's seed, the command."""

    @property
    def is_complete(self) -> bool:
        """Whether every cell had its turn."""
        return "died" not in self.details and all(row.status != "not run" for row in self.missing)

    @classmethod
    def load(cls, path: Path) -> Run:
        """Read a run file.

        Raises:
            UnreadableRun: it is truncated, no JSON, or was not written by this harness.
        """
        try:
            return cls.from_json(path, json.loads(path.read_text("utf-8")))
        except OSError as error:
            raise UnreadableRun(path, error.strerror or str(error)) from None
        except json.JSONDecodeError as error:
            raise UnreadableRun(path, f"it is cut short or no JSON ({error})") from None
        except UnicodeDecodeError:
            raise UnreadableRun(path, "it is no text") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise UnreadableRun(path, f"{what}; steelyard did not write it") from None

    @classmethod
    def from_json(cls, path: Path, data: Mapping[str, Any]) -> Run:
        """The run in a file's content.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it was not written by this harness.
        """
        ours = data["steelyard"]
        if ours["format"] > FORMAT:
            raise ValueError(f"its format {ours['format']} is newer than this steelyard's {FORMAT}")
        return cls(
            path=path,
            measurements=tuple(
                Measurement.from_benchmark(entry)
                for entry in data["benchmarks"]
                if "cell" in entry["extra_info"]  # a user's own benchmarks may stand beside ours
            ),
            missing=tuple(Missing(**row) for row in ours["missing"]),
            titles=dict(ours["titles"]),
            machine=dict(ours["machine"]),
            state=dict(ours["state"]),
            commit=dict(data["commit_info"]),
            started=datetime.fromisoformat(ours["started"]),
            warnings=tuple(ours["warnings"]),
            id=str(ours["id"]),
            details=dict(ours),
        )


def new_id() -> str:
    """An id for a run that starts now."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"


def latest(reports: Path) -> Run:
    """The last run of all, whether it was saved under a number or not.

    Raises:
        NoRun: there is none.
        UnreadableRun: there is one, but it cannot be read, and no older one can.
    """
    folder = reports / "runs"
    candidates = [
        folder / "last.json",
        *sorted(saved(folder), reverse=True, key=lambda path: path.stat().st_mtime),
    ]
    problem: UnreadableRun | None = None
    for path in candidates:
        if path.exists():
            try:
                return Run.load(path)
            except UnreadableRun as error:
                problem = problem or error
    raise problem or NoRun(folder)


def write_last(reports: Path, data: Mapping[str, Any]) -> Path:
    """Save a run as the last one; a complete run that one cut short would replace is kept as ``previous.json``.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    last = reports / "runs" / "last.json"
    text = json.dumps(data, default=str)
    with suppress(UnreadableRun):
        if not Run.from_json(last, json.loads(text)).is_complete and Run.load(last).is_complete:
            write_atomically(last.with_name("previous.json"), last.read_text("utf-8"))
    write_atomically(last, text)
    return last


def saved(folder: Path) -> list[Path]:
    """The numbered and the recovered runs in ``reports/runs``."""
    return [path for path in folder.glob("*/*.json") if path.is_file()]


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, also after a crash.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise CannotWrite(path, error) from error


def prepare_reports(reports: Path) -> None:
    """Make the reports folder, ignored by git as it stands, and see that it can be written to.

    Raises:
        CannotWrite: it cannot; better to know before an hour of measuring than after.
    """
    try:
        (reports / "runs").mkdir(parents=True, exist_ok=True)
        ignore = reports / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n!README.md\n")
        tempfile.TemporaryFile(dir=reports / "runs").close()
    except OSError as error:
        raise CannotWrite(reports, error) from error
