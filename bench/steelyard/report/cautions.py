"""What a reader of a run must beware of, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from steelyard.report import numbers
from steelyard.report.comparison import Comparison
from steelyard.report.outcome import enumeration
from steelyard.runs import Run

NOISY = 0.05
"""Half the width of an interval, as a share of the time, from which a cell is called noisy."""

NAMED = 3
"""Noisy cells that are named, those with the widest intervals."""

BUSY = 0.5
"""Load, as a share of the cores, from which a machine is called busy."""

UNSURE = 0.05
"""How far the best three turns of a ceiling may be apart, as a share, before it is told."""

STOLEN = 0.01
"""Share of the run in which the host ran other guests instead, from which it is told."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What is the matter, and what can be done."""

    text: str
    cure: str = ""


def cautions(run: Run, comparison: Comparison) -> tuple[Caution, ...]:
    """All of a run: what it said itself, then what its figures show."""
    own = (Caution(warning) for warning in run.warnings)
    return (
        *own,
        *noisy(comparison),
        *unsure(comparison),
        *busy(run),
        *stolen(run),
        *half_seen(comparison),
    )


def noisy(comparison: Comparison) -> Iterator[Caution]:
    """Cells whose interval is wide."""
    wide = [result for result in comparison.results if result.time.spread > NOISY]
    if not wide:
        return
    wide.sort(key=lambda result: -result.time.spread)
    names = [f"{result.measurement.cell} (±{numbers.percent(result.time.spread)})" for result in wide[:NAMED]]
    more = f" and {len(wide) - NAMED:,} more" if len(wide) > NAMED else ""
    count = f"{len(wide):,} of {len(comparison.results):,} cells {'is' if len(wide) == 1 else 'are'} noisy"
    yield Caution(
        f"{count}, with intervals wider than ±{numbers.percent(NOISY)}: {enumeration(names) if not more else ', '.join(names)}{more}.",
        "End what else runs on the machine, or sample for longer, such as with --benchmark-max-time 2.",
    )


def unsure(comparison: Comparison) -> Iterator[Caution]:
    """Ceilings whose best turns do not agree."""
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
