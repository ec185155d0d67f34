"""Did this revision make a kernel slower? Two revisions measured in pairs, until each cell's answer is clear.

A gate surveys both revisions first: which cells there are, which of them are made of other code, and whether they
compute the same. Only those that are left are timed, in pair after pair of fresh processes. What the pairs mean is
the business of :mod:`steelyard.verdict`.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from steelyard import runs
from steelyard.judgement import Judged, Judgement
from steelyard.layout import same_addresses
from steelyard.machine import Machine
from steelyard.pair import Pair, Plan, SideFailed, quietest_core
from steelyard.project import Project
from steelyard.revision import Repository
from steelyard.sides import LEAST_PATIENCE, Options, Progress, Sides
from steelyard.survey import Survey
from steelyard.timed import Timed
from steelyard.verdict import Verdict

SECONDS_A_CELL = 5.0
"""The budget of a cell where the user gives none for the whole."""

LAST_CALL = 0.7
"""The share of the budget after which every cell is looked at, so that there is time to measure suspects again."""

MEASURING = 1.3
"""Seconds of measuring for each second that a pair takes to start."""

PROFILED = 6
"""How many slower cells are profiled, the slowest first."""


@dataclass(slots=True)
class Gate:
    """One comparison of two revisions that are laid out."""

    sides: Sides
    survey: Survey
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    rng: random.Random = field(default_factory=random.Random)
    interrupted: bool = False
    surveyed: float = 0.0
    """Seconds after which the survey was done."""

    @property
    def timed(self) -> dict[str, Timed]:
        """The cells that are measured."""
        return self.survey.timed

    @property
    def elapsed(self) -> float:
        """Seconds since the gate began."""
        return self.sides.elapsed

    @property
    def budget(self) -> float:
        """Seconds that it may take in all: the user's, or what the survey took and some for each cell."""
        chosen = self.sides.budget
        return self.surveyed + SECONDS_A_CELL * max(12, len(self.timed)) if chosen is None else chosen

    def run(self) -> Judgement:
        """Survey, measure, and judge. Ctrl-C ends it early, with what there is.

        Raises:
            CannotSetUp: the two cannot be compared at all.
        """
        if self.sides.options.seed is not None:
            self.rng.seed(self.sides.options.seed)
        try:
            self.survey.run()
            self.surveyed = self.elapsed
            self.sample()
        except KeyboardInterrupt:
            self.interrupted = True
        judgement = self.judgement()
        if self.sides.options.profiles and not self.interrupted:
            try:
                judgement = replace(judgement, cells=tuple(self.with_profiles(judgement.cells)))
            except KeyboardInterrupt:
                judgement = replace(judgement, interrupted=True)
        return judgement

    # How long each takes.

    def sample(self) -> None:
        """Measure pair after pair until every cell is decided or the budget is used up."""
        seconds: dict[str, float] = {}
        start_up, last_call = 1.0, False
        quietest_core()
        while cells := [cell for cell in self.timed.values() if cell.is_open]:
            left = self.budget - self.elapsed
            if not last_call and self.elapsed > LAST_CALL * self.budget:
                last_call = True
                for cell in cells:
                    cell.look(len(self.timed), now=True)
                continue
            if left < start_up + 0.1:
                break
            if last_call and any(cell.suspicion for cell in cells):
                cells = [cell for cell in cells if cell.suspicion]
            for parallel in (False, True):
                lane = [cell for cell in cells if cell.parallel == parallel]
                if lane:
                    start_up = self.measure_pair(lane, seconds, self.slice_for(len(lane), left, start_up))
            for cell in cells:
                cell.look(len(self.timed))
        for cell in self.timed.values():
            if cell.suspicion:
                cell.look(len(self.timed), now=True)

    def slice_for(self, cells: int, left: float, start_up: float) -> float:
        """Seconds that each of so many cells is measured for in a pair.

        So that measuring takes a little longer than starting the pair: what differs from one pair to the next
        is averaged out by more pairs alone.
        """
        return min(max(MEASURING * start_up / cells, 0.06), 1.0, max(0.06, left / cells))

    def measure_pair(self, cells: Sequence[Timed], seconds: dict[str, float], share: float) -> float:
        """Measure cells in one fresh pair of processes; the seconds that it took to start.

        ``seconds`` is what a call of each cell takes, as far as it is known; it is added to.
        """
        began = time.monotonic()
        open_cells = [cell for cell in self.timed.values() if cell.is_open]
        self.sides.progress(
            f"{len(self.timed) - len(open_cells)} of {len(self.timed)} cells decided, "
            f"{self.elapsed:.0f} of {self.budget:.0f} s"
        )
        by_id = {cell.cell: cell for cell in cells}
        with Pair(self.sides, self.rng) as pair:
            try:
                known = all(id in seconds for id in by_id)
                loaded = pair.load(list(by_id), timed=not known)
                for id, taken in loaded.items():
                    if not known:
                        seconds[id] = min(taken.values())
                pair.bind(None if cells[0].parallel else quietest_core())
                start_up = time.monotonic() - began
                for cell in self.rng.sample(list(cells), len(cells)):
                    plan = Plan.for_cell(seconds[cell.cell], share)
                    expected = plan.seconds(seconds[cell.cell])
                    if cell.logs and self.elapsed + expected > self.budget:
                        continue
                    start = time.monotonic()
                    patience = min(LEAST_PATIENCE, self.budget / 4) + 20 * expected
                    log_ratio, typical = pair.measure(cell.cell, plan, patience)
                    cell.add(log_ratio, typical, time.monotonic() - start)
            except SideFailed as failure:
                by_id[failure.cell].problem = failure
                return 1.0
        return start_up

    # What came of it.

    def judgement(self) -> Judgement:
        """All that was found, as far as it goes."""
        cells = dict(self.survey.judged)
        for cell in self.timed.values():
            cells[cell.cell] = replace(cell.judged(self.elapsed), **self.survey.texts(cell.cell))
            if self.interrupted and cell.is_open:
                reason = "the gate was interrupted before" + " its answer was clear" * bool(cell.logs)
                cells[cell.cell] = replace(cells[cell.cell], reason=reason)
        return Judgement(
            id=f"{self.began:%Y%m%dT%H%M%S}-{os.getpid()}",
            started=self.began,
            base=self.sides.base.as_dict(),
            head=self.sides.head.as_dict(),
            cells=tuple(cells.values()),
            machine=Machine.here().as_dict(),
            budget=self.budget,
            seconds=self.elapsed,
            strict=self.sides.options.strict,
            accepted=self.sides.options.accepted,
            notes=tuple(self.notes()),
            interrupted=self.interrupted,
            options={"patterns": list(self.sides.options.patterns), "all": self.sides.options.all},
        )

    def notes(self) -> Iterable[str]:
        """What must be known to read the result."""
        if self.sides.base.as_dict()["dependencies"] != self.sides.head.as_dict()["dependencies"]:
            yield (
                "the two revisions declare different dependencies; both ran with the versions that are installed "
                "today, so what new versions cost or gain is not in the ratios"
            )
        if not self.sides.options.all and any(
            row.verdict == "unchanged" for row in self.survey.judged.values()
        ):
            yield (
                "unchanged cells were not timed: every module of the repository that they load, the files that "
                "their workload names, and their sizes are the same; --all times them all the same"
            )
        with same_addresses() as are_same:
            if self.timed and not are_same:
                yield (
                    "the system does not give both processes of a pair the same addresses, so kernels in Python need "
                    "more pairs; in Docker, --security-opt seccomp=unconfined allows it"
                )
        if (self.sides.base.worktree / ".gitmodules").exists() or (
            self.sides.head.worktree / ".gitmodules"
        ).exists():
            yield "submodules are not checked out: kernels that need them fail"

    def with_profiles(self, cells: Sequence[Judged]) -> Iterator[Judged]:
        """The cells, the slower ones with both sides' profiles."""
        slower = sorted(
            (cell for cell in cells if cell.verdict == Verdict.SLOWER), key=lambda cell: -(cell.ratio or 0)
        )[:PROFILED]
        if not slower:
            yield from cells
            return
        reports = self.sides.repository.project.reports
        with self.sides.processes() as processes:
            for cell in cells:
                if cell not in slower:
                    yield cell
                    continue
                self.sides.progress(f"profiling {cell.cell}")
                requests = {
                    side: {"do": "profile", "cell": cell.cell, "into": str(reports / "gate" / side)}
                    for side in self.sides.revisions
                }
                answers = processes.ask_each(requests)
                yield replace(
                    cell,
                    profiles={
                        side: {
                            kind: Path(path).relative_to(reports).as_posix()
                            for kind, path in answer["files"].items()
                        }
                        for side, answer in answers.items()
                        if not isinstance(answer, Exception)
                    },
                )


def compare(project: Project, base: str, head: str | None, options: Options, progress: Progress) -> Judgement:
    """Compare two revisions of the repository that the project lies in; ``head`` None means the working tree.

    Raises:
        CannotSetUp: they cannot be compared; the message says why, and what to do.
        CannotWrite: the disk is full.
    """
    repository = Repository.of(project)
    with repository.laid_out(base, head, merge_base=options.merge_base) as (base_revision, head_revision):
        folder = base_revision.worktree.parent / "gate"
        folder.mkdir()
        sides = Sides(repository, base_revision, head_revision, options, folder, progress)
        return Gate(sides, Survey(sides)).run()


def keep(judgement: Judgement, reports: Path) -> Path:
    """Save what a gate found as the last one and under its id; the latter's path.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    runs.prepare_reports(reports)
    folder = reports / "gate"
    judgement.save(folder / "last.json")
    path = folder / f"{judgement.id}.json"
    judgement.save(path)
    return path
