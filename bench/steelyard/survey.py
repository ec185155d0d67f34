"""What there is to compare: both revisions read, the cells to be timed chosen, the others judged.

A cell that is the same in code is not timed. Whether it is, is told in two steps: what a changed file cannot reach
by any import statement is the same; of the rest each kernel is run once, and the files that it has really loaded are
compared.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steelyard import cython_build
from steelyard.agreement import differing
from steelyard.errors import SteelyardError, UnknownName
from steelyard.judgement import Judged
from steelyard.project import fits
from steelyard.revision import CannotSetUp, differing_files, no_room
from steelyard.sides import Processes, Sides
from steelyard.suite import BUILDERS, dropping_the_rest
from steelyard.timed import Timed
from steelyard.workload import Tolerance

USUAL_BUDGET = 60.0
"""Seconds, where the user gives none: what a call may take at most is told from it."""


class OutOfTime(Exception):
    """The budget was used up by reading."""


@dataclass(slots=True)
class Survey:
    """Both revisions, read."""

    sides: Sides
    judged: dict[str, Judged] = field(default_factory=dict)
    """The cells that need no timing, or cannot be timed."""
    timed: dict[str, Timed] = field(default_factory=dict)
    """The cells that are to be measured."""
    listed: dict[str, Any] = field(default_factory=dict)
    """What each side's process says that there is."""

    def run(self) -> None:
        """Find which cells are to be timed, and judge the others.

        Raises:
            CannotSetUp: the two cannot be compared at all.
        """
        self.sides.progress("reading both revisions")
        with self.sides.processes() as processes:
            self.listed = processes.ask(do="cells")
            for side, answer in self.listed.items():
                if isinstance(answer, Exception):
                    reason = self.sides.without_paths(str(answer))
                    name = self.sides.revisions[side].name
                    raise CannotSetUp(f"the kernels of {name} cannot be used: {reason}")
            common = self.present_in_both(self.selected())
            try:
                self.choose(processes, common)
            except OutOfTime as over:
                self.judged |= {
                    cell: self.row(cell, "not run", str(over))
                    for cell in common
                    if cell not in self.judged and cell not in self.timed
                }

    def choose(self, processes: Processes, cells: Sequence[str]) -> None:
        """Judge the cells that are the same in code, or compute something else; the others are to be timed.

        Raises:
            CannotSetUp: a process saw a module of the repository that is not of its revision.
            OutOfTime: the budget is used up.
        """
        in_question = self.in_question(processes, cells)
        settled = [cell for cell in cells if not in_question & {variant_of(cell), *self.references(cell)}]
        self.judged |= {cell: self.row(cell, "unchanged") for cell in settled}
        left = [cell for cell in cells if cell not in self.judged]
        self.build(left)
        changed = self.changed(processes, left, in_question)
        left = [cell for cell in left if cell not in self.judged]
        same = {
            cell
            for cell in left
            if variant_of(cell) not in changed and self.size_of("base", cell) == self.size_of("head", cell)
        }
        if not self.sides.options.all:
            for cell in [cell for cell in left if cell in same and not changed & {*self.references(cell)}]:
                left.remove(cell)
                self.judged[cell] = self.row(cell, "unchanged")
        self.hold(processes, left, same)

    def in_question(self, processes: Processes, cells: Sequence[str]) -> set[str]:
        """The variants, the references among them, whose code a difference between the revisions may reach.

        Raises:
            CannotSetUp: a process could not tell.
        """
        variants = {name for cell in cells for name in (variant_of(cell), *self.references(cell))}
        if self.sides.options.all or self.listed["base"]["backends"] != self.listed["head"]["backends"]:
            return variants
        found = {
            variant_of(cell) for cell in cells if self.size_of("base", cell) != self.size_of("head", cell)
        }
        differing = differing_files(self.sides.base.worktree, self.sides.head.worktree)
        if not differing:
            return found
        changed = {path.as_posix() for path in differing}
        for side, reach in processes.ask(do="reach", variants=sorted(variants)).items():
            if isinstance(reach, Exception):
                name = self.sides.revisions[side].name
                raise CannotSetUp(
                    f"the code of {name} cannot be read: {self.sides.without_paths(str(reach))}"
                )
            found |= {name for name, files in reach.items() if files is None or not changed.isdisjoint(files)}
        return found

    def selected(self) -> list[str]:
        """The cells of either revision that the patterns choose, or that are of a default size.

        Raises:
            UnknownName: a pattern fits none.
        """
        known = {**self.listed["base"]["cells"], **self.listed["head"]["cells"]}
        for pattern in self.sides.options.patterns:
            if not any(fits(cell, pattern) for cell in known):
                raise UnknownPattern(pattern, known)
        if self.sides.options.patterns:
            return [
                cell for cell in known if any(fits(cell, pattern) for pattern in self.sides.options.patterns)
            ]
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
        return (
            (self.sides.revisions[side].worktree / path).read_text("utf-8", errors="replace") if path else ""
        )

    def references(self, cell: str) -> list[str]:
        """The variants that a cell's workload is held against in base and head."""
        workload = cell.partition("/")[0]
        return list({self.listed[side]["workloads"][workload]["reference"] for side in self.listed})

    def size_of(self, side: str, cell: str) -> str:
        """The parameters of a cell's size."""
        workload, size = cell.partition("/")[0], cell.rpartition("/")[2]
        return str(self.listed[side]["workloads"][workload]["sizes"].get(size))

    def build(self, cells: Sequence[str]) -> None:
        """Compile what is Cython, of both revisions, into the cache; what does not compile is told of later."""
        sources = {
            self.sides.revisions[side].worktree / self.of(side, cell)["source"]
            for side in self.listed
            for cell in cells
        }
        # By key, for what is the same in both revisions is compiled once.
        builds = {
            cython_build.build_key(path, traced=False): path for path in sources if path.suffix == ".pyx"
        }
        if builds:
            self.sides.progress(f"compiling {len(builds)} Cython file{'s' * (len(builds) != 1)}")
        with ThreadPoolExecutor(BUILDERS) as pool, dropping_the_rest(pool):
            for job in [pool.submit(cython_build.build, path) for path in builds.values()]:
                with suppress(SteelyardError):
                    job.result()

    def changed(self, processes: Processes, cells: Sequence[str], variants: Iterable[str]) -> set[str]:
        """Those variants whose digests differ between the revisions; one that fails is like no other.

        One that hangs is not called again: its cells, and those that are held against it, are judged.

        Raises:
            CannotSetUp: a process saw a module of the repository that is not of its revision.
            OutOfTime: the budget is used up.
        """
        changed, chosen = set(), sorted(variants)
        for done, variant in enumerate(chosen, 1):
            self.stop_in_time()
            self.sides.progress(f"reading the code of both revisions, {done} of {len(chosen)} kernels")
            digests, hangs = [], []
            answers = processes.ask(do="digest", variant=variant, patience=self.sides.patience)
            for side, answer in answers.items():
                if isinstance(answer, Exception):
                    digests.append(f"{side}: {answer}")
                elif "hangs" in answer:
                    hangs.append(f"in {side}: {answer['hangs']}")
                elif answer["strays"]:
                    name = self.sides.revisions[side].name
                    raise CannotSetUp(f"{variant} of {name} would not be measured: {answer['strays'][0]}")
                else:
                    digests.append(answer["digest"])
            if hangs:
                self.judged |= self.failed(cells, variant, "; ".join(hangs))
            elif digests[0] != digests[1]:
                changed.add(variant)
        return changed

    def failed(self, cells: Sequence[str], variant: str, reason: str) -> dict[str, Judged]:
        """Those of the cells that need a variant which cannot be called."""
        return {
            cell: self.row(
                cell,
                "failed",
                reason if variant_of(cell) == variant else f"its reference {variant}: {reason}",
            )
            for cell in cells
            if variant in (variant_of(cell), *self.references(cell))
        }

    def stop_in_time(self) -> None:
        """Raise OutOfTime if the user's budget is used up."""
        budget = self.sides.budget
        if budget is not None and self.sides.elapsed > budget:
            raise OutOfTime(f"{budget:g} s went by while the revisions were read; give it a larger --budget")

    def hold(self, processes: Processes, cells: Sequence[str], same: set[str]) -> None:
        """Hold the cells against their references, and the references against each other.

        Those that are fit to be timed go to :attr:`timed`; not, but for ``--all``, those whose own code is the same.

        Raises:
            CannotSetUp: the disk is full.
            OutOfTime: the budget is used up.
        """
        by_workload: dict[str, list[str]] = {}
        for cell in cells:
            by_workload.setdefault(cell.partition("/")[0], []).append(cell)
        limit = (self.sides.budget or USUAL_BUDGET) / 40
        for done, (workload, here) in enumerate(by_workload.items(), 1):
            self.stop_in_time()
            self.sides.progress(
                f"holding workload {done} of {len(by_workload)}, {workload}, against its reference"
            )
            held: dict[str, dict[str, Any]] = {"base": {}, "head": {}}
            self._hold(processes, here, limit, held)
            # One by one in another process if that one was lost.
            for cell in [cell for cell in here if any(cell not in held[side] for side in held)]:
                self._hold(processes, [cell], limit, held)
            for cell in here:
                outcomes = {side: held[side].get(cell) or held[side]["lost"] for side in held}
                bad = [side for side in outcomes if outcomes[side]["status"] != "agrees"]
                if bad:
                    worst = outcomes[bad[-1]]
                    if worst["status"] == "no room":
                        raise CannotSetUp(no_room(worst["reason"]))
                    reason = "; ".join(f"in {side}: {outcomes[side]['reason']}" for side in bad)
                    self.judged[cell] = self.row(cell, worst["status"], self.sides.without_paths(reason))
                elif difference := self.difference(cell, held):
                    self.judged[cell] = self.row(cell, "changed", difference)
                elif cell in same and not self.sides.options.all:
                    self.judged[cell] = self.row(cell, "unchanged")
                else:
                    self.timed[cell] = self.to_time(cell)

    def _hold(
        self,
        processes: Processes,
        cells: Sequence[str],
        limit: float,
        held: dict[str, dict[str, Any]],
    ) -> None:
        requests = {}
        for side in self.sides.revisions:
            into = self.sides.folder / f"{side}-expected"
            into.mkdir(exist_ok=True)
            requests[side] = {
                "do": "check",
                "cells": list(cells),
                "limit": limit,
                "into": str(into),
                "patience": self.sides.patience,
            }
        for side, answer in processes.ask_each(requests).items():
            if isinstance(answer, Exception):
                held[side]["lost"] = {"status": "failed", "reason": str(answer)}
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
                np.load(self.sides.folder / "base-expected" / f"{each}.npz") as expected,
                np.load(self.sides.folder / "head-expected" / f"{each}.npz") as got,
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
        return Timed(cell, self.sides.tolerance_of(cell), parallel)

    def row(self, cell: str, word: str, reason: str = "") -> Judged:
        """A cell that is not timed."""
        return Judged(
            cell=cell,
            verdict=word,
            reason=reason,
            tolerance=self.sides.tolerance_of(cell),
            **self.texts(cell),
        )

    def texts(self, cell: str) -> dict[str, Any]:
        """The paths of a cell's files, and their texts where they differ."""
        files = {side: self.of(side, cell)["source"] for side in self.listed if self.of(side, cell)}
        sources = {side: self.source(side, cell) for side in files}
        return {"files": files, "sources": sources if len(set(sources.values())) > 1 else {}}


class UnknownPattern(CannotSetUp):
    """No cell fits a pattern of ``--cells``."""

    def __init__(self, pattern: str, known: Iterable[str]) -> None:
        # Of hundreds of cells the first two parts are enough to mend a pattern with.
        parts = dict.fromkeys("/".join(cell.split("/")[:2]) for cell in known)
        super().__init__(str(UnknownName("cell", pattern, parts)).replace("is named", "fits"))


def variant_of(cell: str) -> str:
    """The id of a cell's variant."""
    return cell.rpartition("/")[0]
