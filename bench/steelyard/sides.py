"""The two sides of a gate: a revision each, laid out, and what is asked about them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.environment import variables
from steelyard.inspection import PATIENCE
from steelyard.project import GateSettings, Project
from steelyard.revision import Repository, Revision
from steelyard.worker import RequestFailed, Worker, WorkerLost

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
        with ExitStack() as stack:
            workers = {}
            for side, revision in self.revisions.items():
                log = self.folder / f"{side}-survey.log"
                workers[side] = Worker.start(revision, self.repository.root, log, self.variables(side))
                stack.callback(workers[side].close)
            yield Processes(workers)


@dataclass(frozen=True, slots=True)
class Processes:
    """A process of each revision."""

    workers: Mapping[str, Worker]

    def ask(self, **request: Any) -> dict[str, Any]:
        """What either side answers to the same request, or the exception that tells why it does not."""
        return self.ask_each(dict.fromkeys(self.workers, request))

    def ask_each(self, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """What the sides answer, each to its own request; both are asked before either is waited for."""
        for side, request in requests.items():
            self.workers[side].send(**request)
        answers: dict[str, Any] = {}
        for side in requests:
            try:
                answers[side] = self.workers[side].receive(PATIENCE * 100)
            except (RequestFailed, WorkerLost) as error:
                answers[side] = error
        return answers
