"""Make cells ready to be timed: build, first calls, agreement; what cannot be timed gets its reason.

Everything that compiles does so here, two at a time, before anything is timed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from steelyard import cython_build, first_call, threads
from steelyard.agreement import Agreement, call, collect
from steelyard.cell import Cell, Variant
from steelyard.child import ChildFailed, each_in_child
from steelyard.errors import SteelyardError, described
from steelyard.first_call import FirstCall
from steelyard.picture import Picture
from steelyard.referee import Checked, Referee, TooSlow
from steelyard.registry import Registry
from steelyard.runs import Missing, Status

BUILDERS = 2
"""How many files are compiled, or called for the first time, at once."""

PATIENCE = 120.0
"""Seconds after which a cell that is checked apart counts as hanging, if ten calls at the budget take no longer."""

SOON = 1.0
"""Seconds that a call may take that is made for a picture."""

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
        by_source: dict[Path, list[Variant]] = {}
        callable_now: list[Variant] = []
        for variant in dict.fromkeys(cell.variant for cell in self.cells):
            self.starts[variant] = Start()
            if reason := self.registry.backends[variant.backend].unavailable():
                self.starts[variant].problem = ("unavailable", reason)
            elif variant.path.suffix == ".pyx":
                by_source.setdefault(variant.path, []).append(variant)
            else:
                callable_now.append(variant)
        with ThreadPoolExecutor(BUILDERS) as pool, dropping_the_rest(pool):
            # The longest jobs first, lest one of them be left alone at the end.
            builds = {pool.submit(cython_build.build, source): source for source in by_source}
            pending: set[Future[Any]] = set(builds)
            if first_calls:
                callable_now.sort(key=lambda variant: not self.registry.backends[variant.backend].compiles)
                pending |= {pool.submit(self._call_first, variant) for variant in callable_now}
            if traced and cython_build.TRACEABLE:
                pending |= {pool.submit(build_traced, source) for source in by_source}
            done, whole = 0, len(pending) + (sum(map(len, by_source.values())) if first_calls else 0)
            progress("building", done, whole)
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for job in finished:
                    done += 1
                    progress("building", done, whole)
                    if job not in builds:
                        job.result()
                    elif self._built(job, by_source[builds[job]]) and first_calls:
                        pending |= {
                            pool.submit(self._call_first, variant) for variant in by_source[builds[job]]
                        }

    def _built(self, job: Future[cython_build.Build], variants: Sequence[Variant]) -> bool:
        """Note what came of a build for the variants in it; say whether they can be called."""
        try:
            build_s = job.result().seconds
        except SteelyardError as error:
            for variant in variants:
                self.starts[variant].problem = ("failed", str(error))
            return False
        for variant in variants:
            self.starts[variant].build_s = build_s
        return True

    def _call_first(self, variant: Variant) -> None:
        try:
            self.starts[variant].first_call = first_call.measure(self.registry.project, variant)
        except SteelyardError as error:
            self.starts[variant].problem = ("failed", str(error))

    def check(
        self, doing: Callable[[Cell], None], progress: Progress
    ) -> Iterator[tuple[Cell, Checked | Missing]]:
        """Hold every cell against its reference; those that cannot be timed come with their reason.

        ``doing`` is told of each cell before it is called, in case it takes the process with it.
        """
        referee = Referee(self.registry)
        for done, cell in enumerate(self.cells, 1):
            progress("checking", done, len(self.cells))
            doing(cell)
            yield cell, self._outcome(cell, referee)

    def check_apart(self, progress: Progress) -> Iterator[tuple[Cell, Agreement | Missing]]:
        """Hold every cell against its reference in a child of this process; one that crashes or hangs fails alone.

        No kernel is called here: a child that is forked where OpenMP has had several threads waits for them for ever.
        """
        referee = Referee(self.registry)
        checks = [partial(self._plain_outcome, cell, referee) for cell in self.cells]
        with closing(each_in_child(checks, max(PATIENCE, 10 * self.budget))) as outcomes:
            for done, cell in enumerate(self.cells, 1):
                progress("checking", done, len(self.cells))
                found = next(outcomes)
                if isinstance(found, ChildFailed):
                    yield cell, Missing(cell.id, "failed", f"{cell.id}: while it was checked, {found}")
                else:
                    yield cell, Missing(**found) if "reason" in found else Agreement(**found)

    def _plain_outcome(self, cell: Cell, referee: Referee) -> dict[str, Any]:
        """How a cell agrees, or why it has no time, as plain data."""
        outcome = self._outcome(cell, referee)
        return asdict(outcome) if isinstance(outcome, Missing) else outcome.agreement.as_dict()

    def _outcome(self, cell: Cell, referee: Referee) -> Checked | Missing:
        start = self.starts.get(cell.variant, Start())
        if start.problem:
            return Missing(cell.id, *start.problem)
        try:
            with threads.limited_to(threads.count_for(parallel=cell.variant.parallel)):
                return referee.check(cell, limit=self.budget / self.rounds)
        except TooSlow as slow:
            return Missing(cell.id, "over budget", self._over_budget(slow))
        except SteelyardError as error:
            return Missing(cell.id, "failed", str(error))
        except Exception as error:  # a workload is anybody's code: its cells fail, the others go on
            return Missing(cell.id, "failed", f"could not be checked: {described(error)}")

    def pictures(self, outcomes: Mapping[Cell, Checked | Missing]) -> dict[str, Any]:
        """For each workload that has a picture, that of a cell which agreed, as plain data, or why there is none.

        It shows the largest size that is called within :data:`SOON`, computed by the variant that does it soonest.
        """
        drawn: dict[str, Any] = {}
        for workload in dict.fromkeys(cell.variant.workload for cell in self.cells):
            if self.registry.workload(workload).picture:
                agreed = [
                    (cell, checked)
                    for cell, checked in outcomes.items()
                    if cell.variant.workload == workload and isinstance(checked, Checked)
                ]
                try:
                    drawn[workload] = self._picture(agreed)
                except SteelyardError as error:
                    drawn[workload] = {"reason": str(error)}
        return drawn

    def _picture(self, agreed: Sequence[tuple[Cell, Checked]]) -> dict[str, Any]:
        """The picture of the most telling of some cells of one workload."""
        if not agreed:
            return {"reason": "no cell agrees with its reference"}
        sizes = self.registry.workload(agreed[0][0].variant.workload).sizes
        order = list(sizes)
        soon = [found for found in agreed if found[1].seconds < SOON] or [
            min(agreed, key=lambda found: found[1].seconds)
        ]
        largest = max(order.index(cell.size) for cell, _ in soon)
        cell, checked = min(
            (found for found in soon if order.index(found[0].size) == largest),
            key=lambda found: found[1].seconds,
        )
        workload, name = self.registry.workload(cell.variant.workload), cell.variant.workload
        with threads.limited_to(threads.count_for(parallel=cell.variant.parallel)):
            result = call(checked.kernel, checked.arguments, "picture")
        outputs = collect(checked.kernel, workload, "picture", result)
        picture = Picture.draw(
            workload, self.registry.init_of(name), self.registry.inputs(name, cell.size), outputs
        )
        assert picture is not None
        return {"cell": cell.id, "figure": picture.figure, "caption": picture.caption}

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
            "footprint": checked.footprint,
            "workload_version": workload.version,
            "reference": self.registry.reference(cell.variant.workload).id,
            "threads": threads_in_force,
            "parallel": cell.variant.parallel,
            "first_call_s": start.first_call.call_s if start.first_call else None,
            "load_s": start.first_call.load_s if start.first_call else None,
            "build_s": start.build_s,
            "agreement": checked.agreement.as_dict(),
        }

    def _over_budget(self, slow: TooSlow) -> str:
        need = slow.seconds * self.rounds
        rounds = f", so {self.rounds} rounds need {need:,.3g} s" if self.rounds > 1 else ""
        return (
            f"{slow}{rounds}, "
            f"more than the budget of {self.budget:g} s; --budget {math.ceil(need * 1.5)} gives it the time"
        )


@contextmanager
def dropping_the_rest(pool: ThreadPoolExecutor) -> Iterator[None]:
    """End what the pool has begun, and drop the rest, if the block is left by an exception such as Ctrl-C."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
        raise


def build_traced(path: Path) -> None:
    """Make the traced build; a source that does not compile is told of elsewhere."""
    try:
        cython_build.build(path, traced=True)
    except SteelyardError:
        return
