"""The two sides of a gate: a revision each, laid out, and what is asked about them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.environment import variables
from steelyard.inspection import PATIENCE
from steelyard.project import GateSettings, Project
from steelyard.revision import Repository, Revision
from steelyard.worker import RequestFailed, Worker, WorkerLost

LEAST_PATIENCE = 30.0
"""Seconds that the first calls of a cell may take however small the budget is: it may have to be compiled."""

Progress = Callable[[str], None]
"""``progress(line)`` is told what goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asks of a gate."""

    patterns: tuple[str, ...] = ()
    """Which cells; all of the default sizes if empty."""
    merge_base: bool = False
    """Whether base means the last commit that it has in common with head."""
    budget: float | None = None
    """Seconds in all; if None, as the project configures it, or some for each cell, after reading both revisions."""
    tolerance: float | None = None
    """The relative change that counts as the same; as the project configures it if None."""
    all: bool = False
    """Time cells that are the same in code, too."""
    strict: bool = False
    accepted: tuple[str, ...] = ()
    profiles: bool = True
    """Whether slower cells are profiled."""
    seed: int | None = None

    def tolerances(self, project: Project) -> GateSettings:
        """The project's settings; a tolerance of the command line takes the place of all that it has."""
        return project.gate if self.tolerance is None else GateSettings(tolerance=self.tolerance)


@dataclass(frozen=True, slots=True)
class Sides:
    """Base and head of one repository."""

    repository: Repository
    base: Revision
    head: Revision
    options: Options
    folder: Path
    """For logs, caches and what is exchanged; empty, and removed by whoever made it."""
    progress: Progress = lambda line: None
    started: float = field(default_factory=time.monotonic)

    @property
    def revisions(self) -> dict[str, Revision]:
        """Both, by side."""
        return {"base": self.base, "head": self.head}

    @property
    def elapsed(self) -> float:
        """Seconds since the gate began."""
        return time.monotonic() - self.started

    @property
    def budget(self) -> float | None:
        """Seconds that the gate may take in all, if the user says so."""
        return self.options.budget or self.repository.project.gate.budget

    @property
    def patience(self) -> float:
        """Seconds after which a cell's first calls count as hanging; it must leave something of the user's budget."""
        return PATIENCE if self.budget is None else min(PATIENCE, max(LEAST_PATIENCE, self.budget / 2))

    def tolerance_of(self, cell: str) -> float:
        """The relative change of a cell that counts as the same."""
        return self.options.tolerances(self.repository.project).of(cell)

    def variables(self, side: str) -> dict[str, str]:
        """The environment variables of a side's processes."""
        cache = self.folder / f"{side}-numba"  # one a side: what is in it belongs to that revision's code
        cache.mkdir(exist_ok=True)
        return variables(str(cache))

    def without_paths(self, text: str) -> str:
        """A message without the temporary folders, which mean nothing to a user."""
        for revision in self.revisions.values():
            text = text.replace(f"{revision.worktree}/", "")
        return text

    @contextmanager
    def processes(self) -> Iterator[Processes]:
        """A process of each revision, to be asked about it."""
        processes = Processes(self)
        try:
            yield processes
        finally:
            processes.close()


@dataclass(frozen=True, slots=True)
class Processes:
    """A process of each revision, started when it is needed, and anew if it was lost."""

    sides: Sides
    workers: dict[str, Worker] = field(default_factory=dict)

    def ask(self, **request: Any) -> dict[str, Any]:
        """What either side answers to the same request, or the exception that tells why it does not."""
        return self.ask_each(dict.fromkeys(self.sides.revisions, request))

    def ask_each(self, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """What the sides answer, each to its own request; both are asked before either is waited for."""
        for side, request in requests.items():
            self.worker(side).send(**request)
        answers: dict[str, Any] = {}
        for side in requests:
            try:
                answers[side] = self.workers[side].receive(PATIENCE * 100)
            except RequestFailed as error:
                answers[side] = error
            except WorkerLost as error:
                answers[side] = error
                self.workers.pop(side).close()
        return answers

    def worker(self, side: str) -> Worker:
        """The process of a side."""
        if side not in self.workers:
            log = self.sides.folder / f"{side}-survey.log"
            log.unlink(missing_ok=True)
            self.workers[side] = Worker.start(
                self.sides.revisions[side], self.sides.repository.root, log, self.sides.variables(side)
            )
        return self.workers[side]

    def close(self) -> None:
        """End them."""
        for worker in self.workers.values():
            worker.close()
