"""Make cells ready to be timed: build, first calls, agreement; what cannot be timed gets its reason.

Everything that compiles does so here, two at a time, before anything is timed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard import cython_build, first_call, threads
from steelyard.agreement import Checked, Referee, TooSlow
from steelyard.cell import Cell, Variant
from steelyard.errors import SteelyardError
from steelyard.first_call import FirstCall
from steelyard.registry import Registry
from steelyard.runs import Missing, Status

BUILDERS = 2
"""How many files are compiled, or called for the first time, at once."""

Progress = Callable[[str, int, int], None]
"""``progress(what, done, all)`` is told how far a step is."""


@dataclass(slots=True)
class Start:
    """What is known of a variant before it is loaded here."""

    problem: tuple[Status, str] | None = None
    first_call: FirstCall | None = None
    build_s: float | None = None
    """Seconds that compiling the .pyx took, whenever it was done."""


@dataclass(slots=True)
class Suite:
    """The cells of one run on their way to being timed."""

    registry: Registry
    cells: Sequence[Cell]
    rounds: int = 6
    """The fewest rounds that a cell must have."""
    budget: float = float("inf")
    """Seconds that these rounds may take, else the cell is over budget."""
    starts: dict[Variant, Start] = field(default_factory=dict)

    def start(self, progress: Progress, *, first_calls: bool = True, traced: bool = False) -> None:
        """Build what is Cython, with ``traced`` also for line profiles, and measure the first calls."""
        by_file: dict[Path, list[Variant]] = {}
        for variant in dict.fromkeys(cell.variant for cell in self.cells):
            self.starts[variant] = Start()
            if reason := self.registry.backends[variant.backend].unavailable():
                self.starts[variant].problem = ("unavailable", reason)
            else:
                by_file.setdefault(variant.path, []).append(variant)
        # The longest jobs first, lest one of them be left alone at the end.
        files = sorted(by_file, key=lambda path: (path.suffix != ".pyx", "numba" not in path.stem))
        with ThreadPoolExecutor(BUILDERS) as pool, dropping_the_rest(pool):
            jobs = [pool.submit(self._start_file, by_file[path], first_calls) for path in files]
            if traced and cython_build.TRACEABLE:
                jobs += [pool.submit(build_quietly, path) for path in files if path.suffix == ".pyx"]
            for done, job in enumerate(as_completed(jobs), 1):
                job.result()
                progress("building", done, len(jobs))

    def _start_file(self, variants: Sequence[Variant], first_calls: bool) -> None:
        path = variants[0].path
        build_s = None
        try:
            if path.suffix == ".pyx":
                build_s = cython_build.build(path).seconds
        except SteelyardError as error:
            for variant in variants:
                self.starts[variant].problem = ("failed", str(error))
            return
        for variant in variants:
            start = self.starts[variant]
            start.build_s = build_s
            if first_calls:
                try:
                    start.first_call = first_call.measure(self.registry.project, variant)
                except SteelyardError as error:
                    start.problem = ("failed", str(error))

    def check(self, doing: Callable[[Cell], None], progress: Progress) -> dict[Cell, Checked | Missing]:
        """Hold every cell against its reference; those that cannot be timed come with their reason.

        ``doing`` is told of each cell before it is called, in case it takes the process with it.
        """
        referee = Referee(self.registry)
        outcomes: dict[Cell, Checked | Missing] = {}
        for done, cell in enumerate(self.cells, 1):
            progress("checking", done, len(self.cells))
            doing(cell)
            start = self.starts.get(cell.variant, Start())
            if start.problem:
                outcomes[cell] = Missing(cell.id, *start.problem)
                continue
            try:
                with threads.limited_to(threads.cores() if cell.variant.parallel else 1):
                    outcomes[cell] = referee.check(cell, limit=self.budget / self.rounds)
            except TooSlow as slow:
                outcomes[cell] = Missing(cell.id, "over budget", self._over_budget(slow.seconds))
            except SteelyardError as error:
                outcomes[cell] = Missing(cell.id, "failed", str(error))
        return outcomes

    def record(self, cell: Cell, checked: Checked, threads_in_force: int) -> dict[str, Any]:
        """What is saved with a cell's samples."""
        workload = self.registry.workload(cell.variant.workload)
        parameters = dict(workload.sizes[cell.size])
        start = self.starts[cell.variant]
        return {
            "cell": cell.id,
            "workload": cell.variant.workload,
            "backend": cell.variant.backend,
            "variant": cell.variant.name,
            "size": cell.size,
            "parameters": parameters,
            "work": workload.work(**parameters),
            "unit": workload.unit,
            "operations": workload.operations(**parameters),
            "bytes": workload.bytes(**parameters),
            "workload_version": workload.version,
            "reference": self.registry.reference(cell.variant.workload).id,
            "threads": threads_in_force,
            "parallel": cell.variant.parallel,
            "first_call_s": start.first_call.call_s if start.first_call else None,
            "load_s": start.first_call.load_s if start.first_call else None,
            "build_s": start.build_s,
            "agreement": checked.agreement.as_dict(),
        }

    def _over_budget(self, seconds: float) -> str:
        need = seconds * self.rounds
        return (
            f"one call takes about {seconds:,.3g} s, so {self.rounds} rounds need {need:,.3g} s, "
            f"more than the budget of {self.budget:g} s; --budget {math.ceil(need * 1.5)} gives it the time"
        )


@contextmanager
def dropping_the_rest(pool: ThreadPoolExecutor) -> Iterator[None]:
    """Drop what the pool has not begun if the block is left by an exception, such as Ctrl-C."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def build_quietly(path: Path) -> None:
    """Make the traced build; a source that does not compile is told of elsewhere."""
    try:
        cython_build.build(path, traced=True)
    except SteelyardError:
        return
