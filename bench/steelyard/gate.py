"""Did this revision make a kernel slower? Two revisions measured in pairs, until each cell's answer is clear.

A gate surveys both revisions first: which cells there are, which of them are made of other code, and whether they
compute the same. Only those that are left are timed, in pair after pair of fresh processes. What the pairs mean is
the business of :mod:`steelyard.verdict`.
"""

from __future__ import annotations

import difflib
import math
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import Any

import numpy as np

from steelyard import cython_build, runs, verdict
from steelyard.agreement import differing
from steelyard.environment import variables
from steelyard.errors import SteelyardError, UnknownName
from steelyard.judgement import Judged, Judgement
from steelyard.machine import Machine
from steelyard.pair import Pair, Plan, SideFailed, quietest_core
from steelyard.project import GateSettings, Project, fits
from steelyard.revision import CannotSetUp, Repository, Revision, differing_files
from steelyard.suite import BUILDERS, dropping_the_rest
from steelyard.survey import PATIENCE
from steelyard.verdict import Verdict
from steelyard.worker import RequestFailed, Worker, WorkerLost
from steelyard.workload import Tolerance

SECONDS_A_CELL = 5.0
"""The budget of a cell where the user gives none for the whole."""

LAST_CALL = 0.7
"""The share of the budget after which every cell is looked at, so that there is time to measure suspects again."""

MEASURING = 1.3
"""Seconds of measuring for each second that a pair takes to start."""

FEWEST = 3
"""Pairs without which nothing is said."""

PROFILED = 6
"""How many slower cells are profiled, the slowest first."""

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
    """Seconds in all; :data:`SECONDS_A_CELL` for each cell that is timed if None."""
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


@dataclass(slots=True)
class Timed:
    """A cell while it is measured."""

    cell: str
    tolerance: float
    parallel: bool
    logs: list[float] = field(default_factory=list)
    seconds: float = 0.0
    typical: dict[str, list[float]] = field(default_factory=lambda: {"base": [], "head": []})
    looks: int = 0
    """How many looks were taken: each may spend its share of the error once."""
    suspicion: Verdict | None = None
    """What it is suspected to be while fresh pairs are measured."""
    wanted: int = 0
    """How many fresh pairs will tell."""
    fresh: list[float] = field(default_factory=list)
    accused: bool = False
    """Whether it was suspected before and could not be convicted."""
    final: Verdict | None = None
    problem: SideFailed | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is anything left to measure."""
        undecided = self.final is None and self.problem is None
        return undecided and (self.suspicion is not None or self.looks < len(verdict.LOOKS))

    def add(self, log_ratio: float, typical: Mapping[str, float], seconds: float) -> None:
        """Note what one pair has given."""
        self.logs.append(log_ratio)
        self.seconds += seconds
        for side, value in typical.items():
            self.typical[side].append(value)
        if self.suspicion:
            self.fresh.append(log_ratio)

    def look(self, cells: int, *, now: bool = False) -> None:
        """Judge the cell if it is time for that, or ``now``; ``cells`` are timed in all.

        A suspect is judged once, by as many fresh pairs as were wanted, or as there are when time is up: either
        has nothing to do with what they say.
        """
        if self.suspicion:
            if len(self.fresh) >= (FEWEST if now else self.wanted):
                if verdict.convicts(self.fresh, self.suspicion, cells) and self.found() is self.suspicion:
                    self.final = self.suspicion
                self.suspicion, self.accused = None, True
            return
        due = len(self.logs) >= verdict.LOOKS[self.looks] or (now and len(self.logs) >= FEWEST)
        if not due:
            return
        found = self.found()
        self.looks += 1
        if found is Verdict.SAME:
            self.final = found
        elif found is not Verdict.UNDECIDED and not self.accused:
            self.suspicion, self.fresh, self.wanted = found, [], verdict.fresh_pairs(len(self.logs))

    def found(self) -> Verdict:
        """What the interval of all pairs says."""
        return self.estimate().verdict(self.tolerance)

    def estimate(self) -> verdict.Estimate:
        """The ratio of all pairs, at the look to come; once that has said something, at that one."""
        settled = self.suspicion is not None or self.final is not None
        return verdict.at_look(self.logs, self.looks - settled)

    def judged(self, elapsed: float) -> Judged:
        """The end of it, so many seconds after the gate began."""
        row = Judged(
            cell=self.cell,
            verdict=Verdict.UNDECIDED,
            tolerance=self.tolerance,
            pairs=len(self.logs),
            seconds=self.seconds,
            log_ratios=tuple(self.logs),
            fresh=tuple(self.fresh),
            base_s=middle(self.typical["base"]),
            head_s=middle(self.typical["head"]),
        )
        if self.problem is not None:
            side = "in either revision" if self.problem.side == "both" else f"in {self.problem.side}"
            return replace(row, verdict="failed", reason=f"{side}: {self.problem.reason}")
        if len(self.logs) < FEWEST:
            if not self.logs:
                return replace(
                    row, verdict="not run", reason="the budget was used up before; give it a larger --budget"
                )
            return replace(
                row, reason=f"only {len(self.logs)} pairs were measured; give it a larger --budget"
            )
        estimate = self.estimate()
        found = self.final or estimate.verdict(self.tolerance)
        reason = ""
        if self.final is None and found in (Verdict.SLOWER, Verdict.FASTER):
            unseen = "there was no time for fresh pairs to confirm it; give it a larger --budget"
            reason = f"looks {found}, but {'fresh pairs did not confirm it' if self.accused else unseen}"
            found = Verdict.UNDECIDED
        elif found is Verdict.UNDECIDED:
            needed = verdict.seconds_needed(estimate, self.tolerance, elapsed)
            reason = (
                f"±{100 * math.expm1(estimate.half_width):.2g} % after {duration(elapsed)}; "
                f"about {duration(needed)} for ±{100 * self.tolerance:.2g} %: --budget {math.ceil(needed / 10) * 10}"
            )
        return replace(
            row,
            verdict=str(found),
            reason=reason,
            ratio=estimate.ratio,
            low=estimate.low,
            high=estimate.high,
            smallest_change=verdict.smallest_change(estimate),
        )


@dataclass(slots=True)
class Gate:
    """One comparison of two revisions that are laid out."""

    repository: Repository
    base: Revision
    head: Revision
    options: Options
    folder: Path
    """For logs, caches and what is exchanged; empty, and removed by whoever made it."""
    progress: Progress = lambda line: None
    started: float = field(default_factory=time.monotonic)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    rng: random.Random = field(default_factory=random.Random)
    judged: dict[str, Judged] = field(default_factory=dict)
    """The cells that are done."""
    timed: dict[str, Timed] = field(default_factory=dict)
    """The cells that are measured."""
    listed: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def revisions(self) -> dict[str, Revision]:
        """Both, by side."""
        return {"base": self.base, "head": self.head}

    @property
    def elapsed(self) -> float:
        """Seconds since the gate began."""
        return time.monotonic() - self.started

    @property
    def budget(self) -> float:
        """Seconds that it may take in all."""
        chosen = self.options.budget or self.repository.project.gate.budget
        if chosen is not None:
            return chosen
        return SECONDS_A_CELL * max(12, len(self.timed))

    def run(self) -> Judgement:
        """Survey, measure, and judge. Ctrl-C ends it early, with what there is.

        Raises:
            CannotSetUp: the two cannot be compared at all.
        """
        if self.options.seed is not None:
            self.rng.seed(self.options.seed)
        try:
            self.survey()
            self.sample()
        except KeyboardInterrupt:
            self.interrupted = True
        judgement = self.judgement()
        if self.options.profiles and not self.interrupted:
            try:
                judgement = replace(judgement, cells=tuple(self.with_profiles(judgement.cells)))
            except KeyboardInterrupt:
                judgement = replace(judgement, interrupted=True)
        return judgement

    # What there is to compare.

    def survey(self) -> None:
        """Find which cells are to be timed, and judge the others."""
        self.progress("reading both revisions")
        with ExitStack() as stack:
            workers = {
                side: stack.enter_context(self.worker(side, revision))
                for side, revision in self.revisions.items()
            }
            self.listed = self.on_both(workers, {side: {"do": "cells"} for side in workers})
            for side, answer in self.listed.items():
                if isinstance(answer, Exception):
                    where = str(answer).replace(f"{self.revisions[side].worktree}/", "")
                    raise CannotSetUp(f"the kernels of {self.revisions[side].name} cannot be used: {where}")
            cells = self.selected()
            common = self.present_in_both(cells)
            if not self.options.all and not self.could_matter():
                self.judged |= {cell: self.row(cell, "unchanged") for cell in common}
                return
            self.build(common)
            digests = self.digests(workers, common)
            same = [cell for cell in common if digests[cell][0] == digests[cell][1]]
            self.check(workers, common, digests, set(same))
        for cell in same:
            if cell in self.timed and not self.options.all:
                del self.timed[cell]
                self.judged[cell] = self.row(cell, "unchanged")

    def could_matter(self) -> list[Path]:
        """The files that differ between the revisions and that a digest could cover, though it need not."""
        code = {*all_suffixes(), *cython_build.BESIDE, ".pyx", ".toml"}
        kernels = [
            revision.project.kernels.relative_to(revision.worktree) for revision in self.revisions.values()
        ]
        return [
            path
            for path in differing_files(self.base.worktree, self.head.worktree)
            if path.suffix in code or any(path.is_relative_to(folder) for folder in kernels)
        ]

    @contextmanager
    def worker(self, side: str, revision: Revision) -> Iterator[Worker]:
        """A process of one revision, for the survey."""
        worker = Worker.start(
            revision, self.repository.root, self.folder / f"survey-{side}.log", self.variables(side)
        )
        try:
            yield worker
        finally:
            worker.close()

    def variables(self, side: str) -> dict[str, str]:
        """The environment variables of a side's processes."""
        cache = self.folder / f"{side}-numba"  # one a side: what is in it belongs to that revision's code
        cache.mkdir(exist_ok=True)
        return variables(str(cache))

    def on_both(
        self, workers: Mapping[str, Worker], requests: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """The answers of both sides, asked at once; what went wrong as an exception."""
        for side, request in requests.items():
            workers[side].send(**request)
        answers: dict[str, Any] = {}
        for side in requests:
            try:
                answers[side] = workers[side].receive(PATIENCE * 100)
            except (RequestFailed, WorkerLost) as error:
                answers[side] = error
        return answers

    def selected(self) -> list[str]:
        """The cells of either revision that the patterns choose, or that are of a default size.

        Raises:
            UnknownName: a pattern fits none.
        """
        known = {**self.listed["base"]["cells"], **self.listed["head"]["cells"]}
        for pattern in self.options.patterns:
            if not any(fits(cell, pattern) for cell in known):
                raise UnknownPattern(pattern, known)
        if self.options.patterns:
            return [cell for cell in known if any(fits(cell, pattern) for pattern in self.options.patterns)]
        return [cell for cell in known if any(self.of(side, cell).get("default") for side in self.listed)]

    def of(self, side: str, cell: str) -> dict[str, Any]:
        """What a revision's list says of a cell; nothing if it has none."""
        found: dict[str, Any] = self.listed[side]["cells"].get(cell, {})
        return found

    def present_in_both(self, cells: Sequence[str]) -> list[str]:
        """Those that both revisions have and can run; the others are judged."""
        gone = [cell for cell in cells if not self.of("head", cell)]
        new = [cell for cell in cells if not self.of("base", cell)]
        for cell in gone:
            successor = self.successor(cell, new)
            if successor is None:
                self.judged[cell] = self.row(cell, "vanished", "head has no such cell; base has")
            else:
                new.remove(successor)
                self.judged[cell] = self.row(cell, "renamed", f"its code stands in head as {successor}")
        for cell in new:
            self.judged[cell] = self.row(cell, "new", "base has no such cell")
        common = []
        for cell in cells:
            if not self.of("head", cell) or not self.of("base", cell):
                continue
            reasons = {side: self.of(side, cell)["unavailable"] for side in self.listed}
            if any(reasons.values()):
                side, reason = next((side, reason) for side, reason in reasons.items() if reason)
                where = "" if all(reasons.values()) else f"in {side}: "
                self.judged[cell] = self.row(cell, "unavailable", f"{where}{reason}")
            else:
                common.append(cell)
        return common

    def successor(self, cell: str, new: Sequence[str]) -> str | None:
        """The new cell of the same size whose function is the vanished cell's but for its name."""
        before = self.definition("base", cell)
        for other in new:
            if before and other.rpartition("/")[2] == cell.rpartition("/")[2]:
                after = self.definition("head", other)
                if difflib.SequenceMatcher(None, before, after, autojunk=False).ratio() > 0.9:
                    return other
        return None

    def definition(self, side: str, cell: str) -> str:
        """The text of a cell's function, its own name left out."""
        text = self.source(side, cell)
        name = cell.split("/")[2]
        found = re.search(
            rf"^(?:c?p?def)\b[^(\n]*\b{name}\s*\(.*?(?=^\S(?<![)\]#])|\Z)", text, re.MULTILINE | re.DOTALL
        )
        return re.sub(rf"\b{name}\b", "_", found[0]) if found else ""

    def source(self, side: str, cell: str) -> str:
        """The text of the file that holds a cell; empty if there is none."""
        path = self.of(side, cell).get("source")
        return (self.revisions[side].worktree / path).read_text("utf-8", errors="replace") if path else ""

    def build(self, cells: Sequence[str]) -> None:
        """Compile what is Cython, of both revisions, into the cache; what does not compile is told of later."""
        sources = {
            self.revisions[side].worktree / self.of(side, cell)["source"]
            for side in self.listed
            for cell in cells
        }
        # By key, for what is the same in both revisions is compiled once.
        builds = {
            cython_build.build_key(path, traced=False): path for path in sources if path.suffix == ".pyx"
        }
        if builds:
            self.progress(f"compiling {len(builds)} Cython file{'s' * (len(builds) != 1)}")
        with ThreadPoolExecutor(BUILDERS) as pool, dropping_the_rest(pool):
            for job in [pool.submit(cython_build.build, path) for path in builds.values()]:
                with suppress(SteelyardError):
                    job.result()

    def digests(self, workers: Mapping[str, Worker], cells: Sequence[str]) -> dict[str, tuple[str, str]]:
        """The digests of every cell in base and head; a variant that fails has one that is like no other.

        Raises:
            CannotSetUp: a process saw a module of the repository that is not of its revision.
        """
        variants = dict.fromkeys(
            name for cell in cells for name in (cell.rpartition("/")[0], *self.references(cell))
        )
        found: dict[str, tuple[str, str]] = {}
        for done, variant in enumerate(variants, 1):
            self.progress(f"reading the code of both revisions, {done} of {len(variants)} kernels")
            answers = self.on_both(workers, {side: {"do": "survey", "variant": variant} for side in workers})
            pair = []
            for side, answer in answers.items():
                if isinstance(answer, WorkerLost):
                    raise CannotSetUp(f"the process that reads {self.revisions[side].name} {answer}")
                if isinstance(answer, RequestFailed):
                    pair.append(f"{side}: {answer}")
                    continue
                if answer["strays"]:
                    raise CannotSetUp(
                        f"{variant} of {self.revisions[side].name} would not be measured: {answer['strays'][0]}"
                    )
                pair.append(answer["digest"])
            found[variant] = (pair[0], pair[1])
        return {
            cell: (
                found[cell.rpartition("/")[0]][0] + self.size_of("base", cell),
                found[cell.rpartition("/")[0]][1] + self.size_of("head", cell),
            )
            for cell in cells
        } | {name: found[name] for name in found}

    def references(self, cell: str) -> list[str]:
        """The variants that a cell's workload is held against in base and head."""
        workload = cell.partition("/")[0]
        return list({self.listed[side]["workloads"][workload]["reference"] for side in self.listed})

    def size_of(self, side: str, cell: str) -> str:
        """The parameters of a cell's size."""
        workload, size = cell.partition("/")[0], cell.rpartition("/")[2]
        return str(self.listed[side]["workloads"][workload]["sizes"].get(size))

    def check(
        self,
        workers: Mapping[str, Worker],
        cells: Sequence[str],
        digests: Mapping[str, tuple[str, str]],
        same: set[str],
    ) -> None:
        """Hold the cells against their references, and the references against each other.

        Those that are fit to be timed go to :attr:`timed`. Where cell and reference are the same code in both
        revisions, nothing needs to be held, unless it is to be timed.
        """
        by_workload: dict[str, list[str]] = {}
        for cell in cells:
            settled = cell in same and all(len(set(digests[name])) == 1 for name in self.references(cell))
            if settled and not self.options.all:
                self.timed[cell] = self.to_time(cell)
            else:
                by_workload.setdefault(cell.partition("/")[0], []).append(cell)
        limit = self.budget / 40
        for done, (workload, here) in enumerate(by_workload.items(), 1):
            self.progress(f"holding workload {done} of {len(by_workload)}, {workload}, against its reference")
            held: dict[str, dict[str, Any]] = {"base": {}, "head": {}}
            for part in [here], [[cell] for cell in here]:  # one by one if they do not survive together
                missing = [cell for cell in here if any(cell not in held[side] for side in held)]
                if not missing:
                    break
                for chosen in part:
                    self._hold(workers, chosen, limit, held)
            for cell in here:
                outcomes = {side: held[side][cell] for side in held}
                bad = [side for side in outcomes if outcomes[side]["status"] != "agrees"]
                if bad:
                    worst = outcomes[bad[-1]]
                    reason = "; ".join(f"in {side}: {outcomes[side]['reason']}" for side in bad)
                    self.judged[cell] = self.row(cell, worst["status"], self.without_paths(reason))
                elif difference := self.difference(cell, held):
                    self.judged[cell] = self.row(cell, "changed", difference)
                else:
                    self.timed[cell] = self.to_time(cell)

    def _hold(
        self,
        workers: Mapping[str, Worker],
        cells: Sequence[str],
        limit: float,
        held: dict[str, dict[str, Any]],
    ) -> None:
        requests = {}
        for side in workers:
            into = self.folder / f"{side}-expected"
            into.mkdir(exist_ok=True)
            requests[side] = {"do": "check", "cells": list(cells), "limit": limit, "into": str(into)}
        for side, answer in self.on_both(workers, requests).items():
            if isinstance(answer, Exception):
                if len(cells) == 1:
                    held[side][cells[0]] = {"status": "failed", "reason": str(answer)}
            else:
                held[side].update(answer["outcomes"])
                held[side].setdefault("inputs", {}).update(answer["inputs"])

    def difference(self, cell: str, held: Mapping[str, Mapping[str, Any]]) -> str:
        """In what the two revisions compute something else for this cell; empty if in nothing."""
        workload, size = cell.partition("/")[0], cell.rpartition("/")[2]
        base, head = (self.listed[side]["workloads"][workload] for side in ("base", "head"))
        for what in ("version", "tolerances"):
            if base[what] != head[what]:
                return f"{what} of {workload}: {base[what]} in base, {head[what]} in head"
        if base["sizes"][size] != head["sizes"][size]:
            return f"size {size}: {base['sizes'][size]} in base, {head['sizes'][size]} in head"
        ours, theirs = held["head"]["inputs"], held["base"]["inputs"]
        name = f"{workload}-{size}"
        if ours[name] != theirs[name]:
            return f"the inputs of size {size} are others"
        shared = [
            probe for probe in ours if probe.startswith(f"{workload}--") and ours[probe] == theirs.get(probe)
        ]
        for each in (name, *shared):
            with (
                np.load(self.folder / "base-expected" / f"{each}.npz") as expected,
                np.load(self.folder / "head-expected" / f"{each}.npz") as got,
            ):
                for output, (absolute, relative) in base["tolerances"].items():
                    before, after = expected[output], got[output]
                    where = f"probe {each.partition('--')[2]}" if "--" in each else f"size {size}"
                    if before.shape != after.shape or before.dtype != after.dtype:
                        return f"{output} at {where} is {before.dtype}{before.shape} in base, {after.dtype}{after.shape} in head"
                    wrong = differing(before, after, Tolerance(absolute, relative))
                    if wrong.any():
                        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
                        return (
                            f"the references differ: {output}{list(at) if at else ''} at {where} is "
                            f"{before[at]} in base, {after[at]} in head"
                        )
        return ""

    def to_time(self, cell: str) -> Timed:
        """A cell that is going to be measured."""
        parallel = any(self.of(side, cell)["parallel"] for side in self.listed)
        return Timed(cell, self.tolerance_of(cell), parallel)

    def tolerance_of(self, cell: str) -> float:
        """The relative change of a cell that counts as the same."""
        return self.options.tolerances(self.repository.project).of(cell)

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
        self.progress(
            f"{len(self.timed) - len(open_cells)} of {len(self.timed)} cells decided, "
            f"{self.elapsed:.0f} of {self.budget:.0f} s"
        )
        by_id = {cell.cell: cell for cell in cells}
        with Pair(
            self.revisions,
            self.repository.root,
            self.folder,
            {side: self.variables(side) for side in self.revisions},
            self.rng,
        ) as pair:
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
                    log_ratio, typical = pair.measure(cell.cell, plan, 30 + 20 * expected)
                    cell.add(log_ratio, typical, time.monotonic() - start)
            except SideFailed as failure:
                by_id[failure.cell].problem = failure
                return 1.0
        return start_up

    # What came of it.

    def judgement(self) -> Judgement:
        """All that was found, as far as it goes."""
        cells = dict(self.judged)
        for cell in self.timed.values():
            cells[cell.cell] = replace(cell.judged(self.elapsed), **self.texts(cell.cell))
            if self.interrupted and cells[cell.cell].verdict == "not run":
                cells[cell.cell] = replace(cells[cell.cell], reason="the gate was interrupted before")
        return Judgement(
            id=f"{self.began:%Y%m%dT%H%M%S}-{os.getpid()}",
            started=self.began,
            base=self.base.as_dict(),
            head=self.head.as_dict(),
            cells=tuple(cells.values()),
            machine=Machine.here().as_dict(),
            budget=self.budget,
            seconds=self.elapsed,
            strict=self.options.strict,
            accepted=self.options.accepted,
            notes=tuple(self.notes()),
            interrupted=self.interrupted,
            options={"patterns": list(self.options.patterns), "all": self.options.all},
        )

    def notes(self) -> Iterable[str]:
        """What must be known to read the result."""
        if self.base.as_dict()["dependencies"] != self.head.as_dict()["dependencies"]:
            yield (
                "the two revisions declare different dependencies; both ran with the versions that are installed "
                "today, so what new versions cost or gain is not in the ratios"
            )
        if not self.options.all and any(row.verdict == "unchanged" for row in self.judged.values()):
            yield (
                "unchanged cells were not timed: every module of the repository that they load, the files that "
                "their workload names, and their sizes are the same; --all times them all the same"
            )
        if (self.base.worktree / ".gitmodules").exists() or (self.head.worktree / ".gitmodules").exists():
            yield "submodules are not checked out: kernels that need them fail"

    def row(self, cell: str, word: str, reason: str = "") -> Judged:
        """A cell that is not timed."""
        return Judged(
            cell=cell, verdict=word, reason=reason, tolerance=self.tolerance_of(cell), **self.texts(cell)
        )

    def texts(self, cell: str) -> dict[str, Any]:
        """The paths of a cell's files, and their texts where they differ."""
        files = {side: self.of(side, cell)["source"] for side in self.listed if self.of(side, cell)}
        sources = {side: self.source(side, cell) for side in files}
        return {"files": files, "sources": sources if len(set(sources.values())) > 1 else {}}

    def without_paths(self, text: str) -> str:
        """A message without the temporary folders, which mean nothing to a user."""
        for revision in self.revisions.values():
            text = text.replace(f"{revision.worktree}/", "")
        return text

    def with_profiles(self, cells: Sequence[Judged]) -> Iterator[Judged]:
        """The cells, the slower ones with both sides' profiles."""
        slower = sorted(
            (cell for cell in cells if cell.verdict == Verdict.SLOWER), key=lambda cell: -(cell.ratio or 0)
        )[:PROFILED]
        if not slower:
            yield from cells
            return
        reports = self.repository.project.reports
        with ExitStack() as stack:
            workers = {
                side: stack.enter_context(self.worker(side, revision))
                for side, revision in self.revisions.items()
            }
            for cell in cells:
                if cell not in slower:
                    yield cell
                    continue
                self.progress(f"profiling {cell.cell}")
                requests = {
                    side: {"do": "profile", "cell": cell.cell, "into": str(reports / "gate" / side)}
                    for side in workers
                }
                answers = self.on_both(workers, requests)
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


class UnknownPattern(CannotSetUp):
    """No cell fits a pattern of ``--cells``."""

    def __init__(self, pattern: str, known: Iterable[str]) -> None:
        # Of hundreds of cells the first two parts are enough to mend a pattern with.
        parts = dict.fromkeys("/".join(cell.split("/")[:2]) for cell in known)
        super().__init__(str(UnknownName("cell", pattern, parts)).replace("is named", "fits"))


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
        return Gate(repository, base_revision, head_revision, options, folder, progress).run()


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


def middle(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return float(np.median(values)) if values else None


def duration(seconds: float) -> str:
    """``40 s``, ``4 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.2g} h"
