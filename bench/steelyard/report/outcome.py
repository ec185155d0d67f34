"""The outcome of a run in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from steelyard.report import numbers
from steelyard.report.comparison import Comparison

NOT_RUN = "not run"
"""The status of a cell whose turn did not come."""


def outcome(comparison: Comparison) -> str:
    """Which backend is fastest where, at the largest size that has a time, and how many cells have none.

    Of a run that was cut short, that comes first.
    """
    if any(absence.row.status == NOT_RUN for absence in comparison.absences):
        others = statuses(comparison, but=NOT_RUN)
        stopped = f"Stopped before the end: {timed(comparison)}{f', {others}' if others else ''}."
        return f"{stopped} {fastest(comparison)}." if comparison.results else stopped
    if not comparison.results:
        lacking = statuses(comparison)
        return f"Nothing has a time: {lacking}." if lacking else "This run holds no cells: none was selected."
    return f"{fastest(comparison)}; {coverage(comparison)}."


def fastest(comparison: Comparison) -> str:
    """``At the largest size measured, numba is fastest for lif (48x over python) and gibbs (95x)``.

    Backends near the fastest share its place: ``cython or numba``; the speed-up is that of the fastest.
    """
    backends = {result.measurement.backend for result in comparison.results}
    if len(backends) == 1:
        return f"Only {backends.pop()} has times, so it is compared with nothing but itself"
    groups: dict[str, list[str]] = {}
    over = ""
    for workload in comparison.workloads:
        if leaders := comparison.fastest(workload):
            won = workload
            if speedup := leaders[0].speedup:
                baseline = leaders[0].baseline.measurement.backend
                won += f" ({numbers.times(speedup)}{f' over {baseline}' if baseline != over else ''})"
                over = baseline  # said again only when it changes
            backends_there = {result.measurement.backend for result in leaders}
            names = enumeration([name for name in comparison.backends if name in backends_there], "or")
            groups.setdefault(names, []).append(won)
    clauses = [
        f"{names}{' is fastest' if not place else ''} for {enumeration(won)}"
        for place, (names, won) in enumerate(groups.items())
    ]
    where = "At the largest size measured" if len(comparison.sizes) > 1 else f"At size {comparison.sizes[0]}"
    return f"{where}, {', '.join(clauses)}"


def coverage(comparison: Comparison) -> str:
    """``of 40 cells 2 failed``, or that every cell was timed."""
    if not comparison.absences:
        return "every cell was timed"
    return f"of {len(comparison.results) + len(comparison.absences):,} cells {statuses(comparison)}"


def timed(comparison: Comparison) -> str:
    """``6 of 18 cells were timed``."""
    count = len(comparison.results)
    return f"{count:,} of {count + len(comparison.absences):,} cells {'was' if count == 1 else 'were'} timed"


def statuses(comparison: Comparison, but: str = "") -> str:
    """``2 failed and 1 is over budget``, leaving out the status ``but``; nothing if every cell has a time."""
    counts = Counter(absence.row.status for absence in comparison.absences if absence.row.status != but)
    return enumeration(
        [
            f"{n:,} {'' if status == 'failed' else 'is ' if n == 1 else 'are '}{status}"
            for status, n in counts.most_common()
        ]
    )


def enumeration(items: Sequence[str], word: str = "and") -> str:
    """``a, b and c``."""
    *most, last = items or [""]
    return f"{', '.join(most)} {word} {last}" if most else last
