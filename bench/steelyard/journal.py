"""A run while it goes on: on disk the moment each cell ends.

A journal holds what a run file will hold, a JSON object a line; :func:`recover` turns the journal of a run
that died into a run file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from steelyard.errors import CannotWrite, UnreadableRun
from steelyard.runs import Missing, Run, write_atomically, write_last


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

    def learned(self, ours: Mapping[str, Any]) -> None:
        """Keep what the run has found out since it began: further keys of a run file's ``steelyard``."""
        self._write({"event": "learned", "ours": ours})

    def measured(self, benchmark: Mapping[str, Any]) -> None:
        """Keep a finished cell, as pytest-benchmark would save it."""
        self._write({"event": "measured", "benchmark": benchmark})

    def memory(self, cell: str, found: Mapping[str, Any]) -> None:
        """Keep what a call of a measured cell takes of memory."""
        self._write({"event": "memory", "cell": cell, "memory": found})

    def missing(self, row: Missing) -> None:
        """Keep the reason why a cell has no time."""
        self._write({"event": "missing", **asdict(row)})

    def close(self, *, keep: bool = False) -> None:
        """End the journal, and delete it unless what it holds could not be saved elsewhere."""
        with suppress(OSError):  # closing writes what a full disk did not take
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
    try:
        for line in path.read_text("utf-8", errors="replace").splitlines():
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:
                break
        run, last = assembled(events)
        Run.from_json(path, run)
    except (OSError, IndexError, KeyError, TypeError, ValueError, AttributeError):
        raise UnreadableRun(path, "steelyard did not write it, or its first line is missing") from None
    return run, last


def assembled(events: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], str | None]:
    """The run that a journal's events make up, and what it was doing at the end."""
    run, last = events[0]["run"], events[-1]
    for event in events:
        if event["event"] == "learned":
            run["steelyard"] |= event["ours"]
    run["benchmarks"] = [event["benchmark"] for event in events if event["event"] == "measured"]
    memory = {event["cell"]: event["memory"] for event in events if event["event"] == "memory"}
    for info in (benchmark["extra_info"] for benchmark in run["benchmarks"]):
        if info.get("cell") in memory:
            info["memory"] = memory[info["cell"]]
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


@dataclass(frozen=True, slots=True)
class PutAside:
    """A journal that cannot be read, under the name that it has now."""

    path: Path
    problem: str

    def __str__(self) -> str:
        return f"{self.problem} It is put aside as {self.path.name}"


def recover(reports: Path) -> Iterator[Recovered | PutAside]:
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
            known = {row["cell"] for row in run["steelyard"]["missing"]}
            known |= {benchmark["extra_info"].get("cell") for benchmark in run["benchmarks"]}
            if died and cell not in known:
                reason = f"the process died while {died}"
                run["steelyard"]["missing"].append({"cell": cell, "status": "failed", "reason": reason})
            run["steelyard"]["died"] = died
            path = reports / "runs" / "recovered" / f"{journal.stem}.json"
            write_atomically(path, json.dumps(run))
            last = reports / "runs" / "last.json"
            older = not last.exists() or last.stat().st_mtime < journal.stat().st_mtime
            if older and (run["benchmarks"] or not last.exists()):
                write_last(reports, run)
            journal.unlink()
            yield Recovered(path, len(run["benchmarks"]), died)
        except UnreadableRun as problem:
            aside = journal.with_suffix(".unreadable")
            journal.rename(aside)
            yield PutAside(aside, str(problem).splitlines()[0])
        finally:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)
