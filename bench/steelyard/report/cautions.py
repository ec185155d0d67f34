"""What a reader of a run must beware of, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from steelyard.report import numbers
from steelyard.report.comparison import Comparison, Result
from steelyard.report.outcome import enumeration
from steelyard.roofline import amount
from steelyard.runs import Run

NOISY = 0.05
"""Half the width of an interval, as a share of the time, from which a cell is called noisy."""

ONE_THREAD = 1.05
"""CPU seconds per second above which a cell that says nothing of threads has used several."""

SHARED_CORE = 0.6
"""CPU seconds per second and thread below which the threads of a parallel cell have waited for one another."""

NAMED = 3
"""Cells of a kind that are named, the worst ones."""

BUSY = 0.5
"""Load, as a share of the cores, from which a machine is called busy."""

UNSURE = 0.05
"""The doubt in a ceiling, as a share, from which it is told."""

STOLEN = 0.01
"""Share of the run in which the host ran other guests instead, from which it is told."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What is the matter, and what can be done."""

    text: str
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.cure}".rstrip()


def cautions(run: Run, comparison: Comparison) -> tuple[Caution, ...]:
    """All of a run: what it said itself, then what its figures show."""
    own = (Caution(warning) for warning in run.warnings)
    return (
        *own,
        *unpinned(comparison),
        *crowded(comparison),
        *noisy(comparison),
        *unsure(run, comparison),
        *busy(run),
        *stolen(run),
        *half_seen(comparison),
    )


def unpinned(comparison: Comparison) -> Iterator[Caution]:
    """Cells that run on one thread by their own account, and used more."""
    found = [
        result for result in comparison.results if not result.is_parallel and busyness(result) > ONE_THREAD
    ]
    if found:
        found.sort(key=lambda result: -busyness(result))
        names = some(
            f"{result.measurement.cell} ({busyness(result):.2f} s of CPU time a second)" for result in found
        )
        yield Caution(
            f"{len(found):,} cell{' runs' if len(found) == 1 else 's run'} on more than one thread without saying so: {names}.",
            "Name the variants in __parallel__, or keep them to one thread.",
        )


def crowded(comparison: Comparison) -> Iterator[Caution]:
    """Parallel cells whose threads were not all at work."""
    found = [
        result
        for result in comparison.results
        if result.is_parallel and 0 < busyness(result) < SHARED_CORE * threads(result)
    ]
    if found:
        found.sort(key=lambda result: busyness(result) / threads(result))
        names = some(
            f"{result.measurement.cell} ({busyness(result):.2f} s of CPU time a second on {threads(result):.0f} threads)"
            for result in found
        )
        yield Caution(
            f"The threads of {len(found):,} parallel cell{'s' * (len(found) > 1)} shared a core, or waited for one another: {names}.",
            "Their times are not those of all cores: end what else runs on the machine, or give each thread more to do.",
        )


def busyness(result: Result) -> float:
    """CPU seconds a second while a cell was timed; 0 if that was not recorded."""
    return amount(result.info, "cpu_per_wall")


def threads(result: Result) -> float:
    """The threads that a cell had; 0 if that was not recorded."""
    return amount(result.info, "threads")


def some(names: Iterable[str]) -> str:
    """The first few, and how many more."""
    known = list(names)
    more = len(known) - NAMED
    return f"{', '.join(known[:NAMED])} and {more:,} more" if more > 0 else enumeration(known)


def noisy(comparison: Comparison) -> Iterator[Caution]:
    """Cells whose interval is wide."""
    wide = [result for result in comparison.results if result.time.spread > NOISY]
    if not wide:
        return
    wide.sort(key=lambda result: -result.time.spread)
    names = some(f"{result.measurement.cell} (±{numbers.percent(result.time.spread)})" for result in wide)
    count = f"{len(wide):,} of {len(comparison.results):,} cells {'is' if len(wide) == 1 else 'are'} noisy"
    yield Caution(
        f"{count}, with intervals wider than ±{numbers.percent(NOISY)}: {names}.",
        "End what else runs on the machine, or sample for longer, such as with --benchmark-max-time 2.",
    )


def unsure(run: Run, comparison: Comparison) -> Iterator[Caution]:
    """Ceilings that could not be measured, or that were not found exactly."""
    found = run.details.get("ceilings")
    if isinstance(found, Mapping) and "reason" in found:
        yield Caution(comparison.no_ceilings, "No cell can be held against what the machine can do at most.")
    limits = comparison.ceilings.limits if comparison.ceilings else ()
    apart = [limit for limit in limits if limit.doubt > UNSURE]
    if apart:
        names = [
            f"{limit.name} of {'one core' if limit.threads == 1 else 'all cores'} (±{numbers.percent(limit.doubt)})"
            for limit in apart
        ]
        yield Caution(
            f"What the machine can do at most was not found to within {numbers.percent(UNSURE)}: {enumeration(names)}.",
            "End what else runs on the machine, and measure again.",
        )


def busy(run: Run) -> Iterator[Caution]:
    """A machine that had other work when the run began."""
    load, cores = state(run, "before").get("load"), run.machine.get("cores")
    if not (isinstance(load, list) and load and isinstance(load[0], int | float) and isinstance(cores, int)):
        return
    if cores and load[0] > BUSY * cores:
        yield Caution(
            f"The machine was busy when the run began: a load of {load[0]:.1f} on {cores} core{'s' if cores > 1 else ''}.",
            "Times may be too long; wait until it is idle, and measure again.",
        )


def stolen(run: Run) -> Iterator[Caution]:
    """A virtual machine whose host gave its time to others."""
    before, after = (state(run, when).get("steal_s") for when in ("before", "after"))
    try:
        seconds = (datetime.fromisoformat(str(run.details["ended"])) - run.started).total_seconds()
    except (KeyError, ValueError, TypeError):
        return
    cores = run.machine.get("cores")
    if (
        not all(isinstance(value, int | float) for value in (before, after, cores))
        or seconds <= 0
        or not cores
    ):
        return
    share = (after - before) / (seconds * cores)  # type: ignore[operator]
    if share > STOLEN:
        yield Caution(
            f"The host ran other guests for {numbers.percent(share)} of this machine's time during the run (steal time).",
            "Compare cells of this run with each other only, or measure on a machine of your own.",
        )


def half_seen(comparison: Comparison) -> Iterator[Caution]:
    """Memory that was told by tracemalloc, for want of memray."""
    told = [result for result in comparison.results if result.memory.get("tool") == "tracemalloc"]
    lacking = [result for result in comparison.results if result.memory.get("reason")]
    if told:
        without = (
            f", and {len(lacking):,} of {len(comparison.results):,} cells have no figure" if lacking else ""
        )
        yield Caution(
            f"Peak memory was told by tracemalloc, which sees what Python and NumPy allocate alone{without}.",
            "memray sees all: pip install 'steelyard[memory]', and measure again.",
        )


def state(run: Run, when: str) -> Mapping[str, Any]:
    """The machine's state before or after the run; empty if it was not recorded."""
    found = run.state.get(when)
    return found if isinstance(found, Mapping) else {}
