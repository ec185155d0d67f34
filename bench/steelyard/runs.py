"""One invocation of the suite: plain data, on disk the moment each cell ends.

A run file is pytest-benchmark's JSON with one further key, ``steelyard``: the machine, the order's seed, and
the cells that have no time, each with its reason. While a run goes on, the same data stand in a journal, a
JSON object a line; :func:`recover` turns the journal of a run that died into a run file.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from steelyard.errors import CannotWrite, NoRun, UnreadableRun
from steelyard.measurement import Measurement

FORMAT = 1
"""The version of the ``steelyard`` key."""

Status = Literal["failed", "unavailable", "over budget"]


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
            with os.fdopen(handle, "w", encoding="utf-8") as file:
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
            ignore.write_text("*\n!.gitignore\n!README.md\n")
        tempfile.TemporaryFile(dir=reports / "runs").close()
    except OSError as error:
        raise CannotWrite(reports, error) from error


class Journal:
    """A run while it goes on. Each event is on disk before the next thing is done.

    The file is locked for as long as the process lives, however it ends: that tells a run that goes on from
    one that died.
    """

    def __init__(self, reports: Path, header: Mapping[str, Any]) -> None:
        """Begin a journal; ``header`` is what a run file holds beside its benchmarks.

        Raises:
            CannotWrite: the folder cannot be written to.
        """
        self.path = reports / "runs" / "journal" / f"{header['steelyard']['id']}.jsonl"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock_of(self.path)
            self._lock.acquire(timeout=0)
            self._file = self.path.open("x", encoding="utf-8")
        except OSError as error:
            raise CannotWrite(self.path, error) from error
        self._write({"event": "begin", "run": header})

    def doing(self, what: str, cell: str) -> None:
        """Say what is about to be done, ``"timing"`` say, to which cell."""
        self._write({"event": "doing", "what": what, "cell": cell})

    def measured(self, benchmark: Mapping[str, Any]) -> None:
        """Keep a finished cell, as pytest-benchmark would save it."""
        self._write({"event": "measured", "benchmark": benchmark})

    def missing(self, row: Missing) -> None:
        """Keep the reason why a cell has no time."""
        self._write({"event": "missing", "cell": row.cell, "status": row.status, "reason": row.reason})

    def close(self, *, keep: bool = False) -> None:
        """End the journal, and delete it unless what it holds could not be saved elsewhere."""
        self._file.close()
        if not keep:
            self.path.unlink(missing_ok=True)
        self._lock.release()
        if not keep:
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def _write(self, event: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(event, default=str) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise CannotWrite(self.path, error) from error


def lock_of(path: Path) -> FileLock:
    """The lock that belongs to a file."""
    return FileLock(path.with_suffix(path.suffix + ".lock"))


def read_journal(path: Path) -> tuple[dict[str, Any], str | None]:
    """The run that a journal holds, and what it was doing at the end: ``"timing laplace/numba/loops/small"``.

    A last line cut short by the crash is passed over.

    Raises:
        UnreadableRun: not even its beginning can be read.
    """
    events = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            break
    if not events or events[0].get("event") != "begin":
        raise UnreadableRun(path, "its first line is missing")
    run = events[0]["run"]
    last = events[-1]
    run["benchmarks"] = [event["benchmark"] for event in events if event["event"] == "measured"]
    run["steelyard"]["missing"] = [
        {key: event[key] for key in ("cell", "status", "reason")}
        for event in events
        if event["event"] == "missing"
    ]
    return run, f"{last['what']} {last['cell']}" if last["event"] == "doing" else None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found of a run that died."""

    path: Path
    cells: int
    died: str | None
    """What it was doing, if that can be told."""

    def __str__(self) -> str:
        where = f"while {self.died}" if self.died else "between two cells"
        return (
            f"an earlier run died {where}; its {self.cells} finished cells are kept in {self.path} "
            f"(steelyard report {self.path})"
        )


def recover(reports: Path) -> Iterator[Recovered]:
    """Turn the journals of runs that died into run files; those of runs that still go on are left alone.

    Raises:
        CannotWrite: a run file cannot be written; its journal stays.
    """
    for journal in sorted((reports / "runs" / "journal").glob("*.jsonl")):
        lock = lock_of(journal)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        try:
            if not journal.exists():
                continue
            run, died = read_journal(journal)
            cell = (died or "").rpartition(" ")[2]
            if died and cell not in {row["cell"] for row in run["steelyard"]["missing"]}:
                reason = f"the process died while {died}"
                run["steelyard"]["missing"].append({"cell": cell, "status": "failed", "reason": reason})
            path = reports / "runs" / "recovered" / f"{journal.stem}.json"
            write_atomically(path, json.dumps(run))
            last = reports / "runs" / "last.json"
            if not last.exists() or last.stat().st_mtime < journal.stat().st_mtime:
                write_atomically(last, json.dumps(run))
            journal.unlink()
            yield Recovered(path, len(run["benchmarks"]), died)
        except UnreadableRun:
            journal.rename(journal.with_suffix(".unreadable"))
        finally:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)
