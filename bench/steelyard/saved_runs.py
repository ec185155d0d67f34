"""Two saved runs compared, where that is all there is: weaker than a gate, and it says so.

Each run saw one process a cell, in an hour of its own, so that nothing in them tells the commit from the hour. How
far the hours differ is taken from the runs themselves: as the spread of all cells' log ratios around 0, by its
median, on the assumption that at least half of the cells are the same. It widens every interval, together with
what the samples of either run give; the errors are shared out among the cells (Bonferroni's inequality).
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from statistics import NormalDist, median

from steelyard.judgement import Judged, Judgement
from steelyard.measurement import Measurement, ratio
from steelyard.project import GateSettings
from steelyard.revision import CannotSetUp
from steelyard.runs import Run, new_id
from steelyard.verdict import Estimate, Verdict, smallest_change

FEWEST = 8
"""Cells in common without which their spread tells nothing of the hours."""

LEVEL = 0.05
"""The chance, at most, that any cell is called slower or faster without being so."""


def compare(
    base: Run, head: Run, settings: GateSettings, *, strict: bool, accepted: tuple[str, ...]
) -> Judgement:
    """Judge each cell of two runs.

    Raises:
        CannotSetUp: the runs are of different machines, interpreters or libraries.
    """
    began = time.monotonic()
    expect_same_machine(base, head)
    before, after = ({row.cell: row for row in run.measurements} for run in (base, head))
    common = [cell for cell in before if cell in after]
    rows = [
        unmatched(cell, base, head, settings)
        for cell in dict.fromkeys([*before, *after])
        if cell not in common
    ]
    changed = [cell for cell in common if definition(before[cell]) != definition(after[cell])]
    comparable = [cell for cell in common if cell not in changed]
    rows += [
        Judged(
            cell=cell,
            verdict="changed",
            reason=what_changed(before[cell], after[cell]),
            tolerance=settings.of(cell),
        )
        for cell in changed
    ]
    ratios = {cell: ratio(after[cell].time, before[cell].time) for cell in comparable}
    spread = median(
        [abs(math.log(found.value)) for found in ratios.values()] or [0.0]
    ) / NormalDist().inv_cdf(0.75)
    for cell, found in ratios.items():
        log = math.log(found.value)
        own = (math.log(found.high) - math.log(found.low)) / 2 / NormalDist().inv_cdf(0.975)
        quantile = NormalDist().inv_cdf(1 - LEVEL / len(ratios) / 2)
        half = quantile * math.hypot(own, spread)
        estimate = Estimate(found.value, math.exp(log - half), math.exp(log + half), 1, quantile)
        verdict, reason = estimate.verdict(settings.of(cell)), ""
        if len(ratios) < FEWEST:
            verdict = Verdict.UNDECIDED
            reason = f"with fewer than {FEWEST} cells in common nothing tells how far the two hours differ"
        rows.append(
            Judged(
                cell=cell,
                verdict=str(verdict),
                reason=reason,
                ratio=estimate.ratio,
                low=estimate.low,
                high=estimate.high,
                pairs=1,
                tolerance=settings.of(cell),
                smallest_change=smallest_change(estimate),
                base_s=before[cell].time.value,
                head_s=after[cell].time.value,
                log_ratios=(log,),
            )
        )
    return Judgement(
        id=new_id(),
        started=datetime.now(UTC),
        base=as_revision(base),
        head=as_revision(head),
        cells=tuple(rows),
        machine=head.machine,
        budget=None,
        seconds=time.monotonic() - began,
        strict=strict,
        accepted=accepted,
        notes=(
            f"two saved runs, {base.started:%Y-%m-%d %H:%M} and {head.started:%Y-%m-%d %H:%M}: one process a cell in "
            f"either, so a process that was lucky with its memory, or a busy hour, can look like a change; between "
            f"these two, cells differ by {100 * spread:.2g} % (median, as a standard deviation), which is in the "
            f"intervals. To know, measure side by side: steelyard gate BASE",
        ),
        paired=False,
    )


def expect_same_machine(base: Run, head: Run) -> None:
    """Raise CannotSetUp if the two runs were not measured with the same."""
    differ = [
        f"{name} ({base.machine.get(name)} and {head.machine.get(name)})"
        for name in sorted({*base.machine, *head.machine})
        if base.machine.get(name) != head.machine.get(name)
    ]
    if differ:
        raise CannotSetUp(
            f"{base.path} and {head.path} cannot be compared: they differ in {'; '.join(differ)}. "
            f"Measure both revisions here: steelyard gate BASE"
        )


def definition(measurement: Measurement) -> tuple[object, ...]:
    """What a cell computes, as far as a run tells."""
    names = ("workload_version", "parameters", "reference", "threads")
    return tuple(measurement.info.get(name) for name in names)


def what_changed(before: Measurement, after: Measurement) -> str:
    """In which of its definitions a cell differs."""
    names = ("workload_version", "parameters", "reference", "threads")
    return "; ".join(
        f"{name}: {before.info.get(name)} in base, {after.info.get(name)} in head"
        for name in names
        if before.info.get(name) != after.info.get(name)
    )


def unmatched(cell: str, base: Run, head: Run, settings: GateSettings) -> Judged:
    """A cell that has a time in one of the runs only."""
    words = {
        "failed": "failed",
        "unavailable": "unavailable",
        "over budget": "too slow",
        "not run": "not run",
    }
    in_base = any(row.cell == cell for row in base.measurements)
    side, other = ("head", head) if in_base else ("base", base)
    for row in other.missing:
        if row.cell == cell:
            return Judged(
                cell=cell,
                verdict=words[row.status],
                reason=f"in {side}: {row.reason}",
                tolerance=settings.of(cell),
            )
    verdict = "vanished" if in_base else "new"
    return Judged(cell=cell, verdict=verdict, reason=f"{side} has no such cell", tolerance=settings.of(cell))


def as_revision(run: Run) -> dict[str, object]:
    """What a judgement says of a run."""
    return {
        "name": run.path.name,
        "commit": str(run.commit.get("id") or ""),
        "changed": bool(run.commit.get("dirty")),
    }
