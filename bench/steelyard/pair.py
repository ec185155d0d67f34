"""A pair of processes, one for each revision, that take turns on one core."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import psutil

from steelyard.alternation import Token
from steelyard.revision import CannotSetUp
from steelyard.sides import Sides
from steelyard.verdict import pair_log_ratio
from steelyard.worker import PEER_LOST, NoAnswer, RequestFailed, Worker, WorkerLost

BLOCK = 2.5e-3
"""Seconds that a block should last: shorter than most disturbances, longer than changing processes takes."""

FEWEST_QUADS = 3
"""Quads that a cell is measured for in a pair however slow it is."""

SIDES = {"base": "A", "head": "B"}
"""The letter of each side in an order of blocks."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a cell is measured in each pair."""

    calls: int
    """Calls in a block, the same for both sides."""
    quads: int
    """``ABBA`` or ``BAAB`` in each setup."""
    setups: int

    @classmethod
    def for_cell(cls, seconds_per_call: float, seconds: float) -> Plan:
        """A plan that takes about ``seconds``, but for cells that are too slow for it."""
        calls = max(1, round(BLOCK / seconds_per_call))
        quad = 4 * calls * seconds_per_call
        quads = max(FEWEST_QUADS, round(seconds / quad))
        setups = min(12, max(FEWEST_QUADS, quads // 2))
        return cls(calls, max(1, round(quads / setups)), setups)

    def seconds(self, seconds_per_call: float) -> float:
        """What it takes, but for laying out the inputs."""
        return 4 * self.calls * self.quads * self.setups * seconds_per_call


class SideFailed(Exception):
    """A side of a pair, ``base``, ``head`` or ``both``, could not load or run a cell, or its process was lost."""

    def __init__(self, cell: str, side: str, reason: str) -> None:
        self.cell, self.side, self.reason = cell, side, reason
        super().__init__(f"{cell}, {side}: {reason}")


class Pair:
    """Two processes, started afresh; to be closed."""

    def __init__(self, sides: Sides, rng: random.Random) -> None:
        """Start both; ``rng`` decides the layout of their memory, which is the same for both as far as it can be."""
        self.rng, self.patience = rng, sides.patience
        self.workers: dict[str, Worker] = {}
        # The size of the environment moves the stack; the seed of hashes the order of sets and names.
        luck = {
            "STEELYARD_PADDING": "x" * rng.randrange(8192),
            "PYTHONHASHSEED": str(rng.randrange(2**32)),
        }
        seed = rng.randrange(2**32)
        (base_takes, head_gives), (head_takes, base_gives) = os.pipe(), os.pipe()
        tokens = {"base": Token(base_gives, base_takes), "head": Token(head_gives, head_takes)}
        try:
            for side, revision in sides.revisions.items():
                log = sides.folder / f"{side}.log"
                log.unlink(missing_ok=True)
                self.workers[side] = Worker.start(
                    revision,
                    sides.repository.root,
                    log,
                    {**sides.variables(side), **luck},
                    tokens[side],
                    seed,
                )
        except BaseException:
            self.close()
            raise
        finally:  # or else neither process could tell that the other has ended
            for end in (base_takes, head_gives, head_takes, base_gives):
                os.close(end)

    def load(self, cells: Sequence[str], *, timed: bool) -> dict[str, dict[str, float]]:
        """Load cells on both sides at once; if ``timed``, roughly the seconds that a call takes, by cell and side.

        Raises:
            SideFailed: a cell cannot be loaded or called.
            CannotSetUp: a process has loaded a module of the repository that is not of its revision.
        """
        found = {}
        for cell in cells:
            for worker in self.workers.values():
                worker.send(do="load", cell=cell, timed=timed)
            found[cell] = self._answers(cell, self.patience)
        for worker in self.workers.values():
            worker.send(do="strays")
        for side, strays in self._answers(cells[-1], self.patience).items():
            if strays:
                raise CannotSetUp(f"{side} would not be measured: {strays[0]}")
        return found

    def bind(self, core: int | None) -> None:
        """Bind both processes to one core; None leaves them all that there are."""
        for worker in self.workers.values():
            try:
                process = psutil.Process(worker.process.pid)
                if hasattr(process, "cpu_affinity"):
                    process.cpu_affinity(sorted(os.sched_getaffinity(0)) if core is None else [core])
            except (psutil.Error, OSError):
                continue  # a process that has ended is told of where its answer is missed

    def measure(self, cell: str, plan: Plan, patience: float) -> tuple[float, dict[str, float]]:
        """The log ratio of a cell in this pair, and the seconds per call of each side.

        Args:
            cell: its id.
            plan: how to measure it.
            patience: seconds after which it counts as hanging.

        Raises:
            SideFailed: a process died, hung, or its kernel raised.
        """
        orders = [
            "".join(self.rng.choice(("ABBA", "BAAB")) for _ in range(plan.quads)) for _ in range(plan.setups)
        ]
        seeds = [self.rng.randrange(2**32) for _ in orders]
        for side, worker in self.workers.items():
            worker.send(
                do="measure", cell=cell, side=SIDES[side], calls=plan.calls, orders=orders, seeds=seeds
            )
        blocks = self._answers(cell, patience)
        try:
            ratio = pair_log_ratio(blocks["base"], blocks["head"])
        except ValueError as error:
            raise SideFailed(cell, "both", str(error)) from None
        return ratio, {side: median(itertools.chain(*setups)) for side, setups in blocks.items()}

    def _answers(self, cell: str, patience: float) -> dict[str, Any]:
        """What both sides answer; the blame for a failure goes to the one that did not merely wait for the other."""
        answers, problems = {}, {}
        deadline = time.monotonic() + patience
        for side, worker in self.workers.items():
            try:
                answers[side] = worker.receive(max(0.1, deadline - time.monotonic()))
            except RequestFailed as error:
                problems[side] = str(error)
            except NoAnswer:
                problems[side] = ""
            except WorkerLost as error:
                raise SideFailed(cell, side, str(error)) from None
        for side, problem in problems.items():
            if problem and problem != PEER_LOST:
                raise SideFailed(cell, side, problem)
        if problems:
            busy = [side for side in problems if self.workers[side].is_busy()]
            side = busy[0] if len(busy) == 1 else "both"
            raise SideFailed(cell, side, f"did not answer within {patience:.0f} s")
        return answers

    def close(self) -> None:
        """End both processes."""
        for worker in self.workers.values():
            worker.close()

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def quietest_core() -> int | None:
    """The core, of those that we may use, that has done least since we last asked; None where none can be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    use = psutil.cpu_percent(percpu=True)
    return min(sorted(os.sched_getaffinity(0)), key=lambda core: use[core] if core < len(use) else 0.0)
