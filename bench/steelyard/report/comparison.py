"""A run arranged for reading: what stands beside what, and what each time is compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from steelyard import roofline
from steelyard.backends import BACKENDS
from steelyard.ceilings import Ceilings
from steelyard.measurement import Interval, Measurement, break_even, ratio
from steelyard.roofline import Reached
from steelyard.runs import Missing, Run

PYTHON = "python"

NEAR = 1.2
"""How many times as long a backend may take and still share the first place: between two runs of the same code times move by
as much, whatever the intervals of one run say."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A measurement with its time, which is computed once."""

    measurement: Measurement
    time: Interval


@dataclass(frozen=True, slots=True)
class Result:
    """A measurement beside its baseline."""

    measurement: Measurement
    time: Interval
    baseline: Timed
    reached: Reached | None = None
    """Where it is under the machine's roof; None if that is not known."""

    @property
    def is_baseline(self) -> bool:
        """Whether the others are compared with this one."""
        return self.measurement is self.baseline.measurement

    @property
    def is_parallel(self) -> bool:
        """Whether the variant uses several threads, on purpose."""
        return bool(self.info.get("parallel"))

    @property
    def speedup(self) -> Interval | None:
        """How many times faster than the baseline; None for the baseline itself."""
        return None if self.is_baseline else quotient(self.baseline.time, self.time)

    @property
    def rate(self) -> Interval | None:
        """The workload's units a second."""
        return self.per_second("work")

    def per_second(self, amount: str) -> Interval | None:
        """An amount of the workload's cost model a second: its units, ``operations`` or ``bytes``."""
        value = self.info.get(amount)
        if not value:
            return None
        return Interval(value / self.time.value, value / self.time.high, value / self.time.low)

    @property
    def pays_back(self) -> float | None:
        """After how many calls what it costs to start has paid back; infinite if never, None if unknown.

        First calls are measured at a small size, so that what they take is the cost of starting alone: the
        calls of the size at hand come on top of it, here and in the baseline.
        """
        mine, others = self.measurement.start, self.baseline.measurement.start
        if self.is_baseline or mine is None or others is None:
            return None
        calls = break_even(mine, self.time.value, others, self.baseline.time.value)
        return math.inf if calls is None else calls

    @property
    def info(self) -> Mapping[str, Any]:
        """What else was recorded with the measurement."""
        return self.measurement.info

    @property
    def memory(self) -> Mapping[str, Any]:
        """Peak and allocations of one call, or the reason why they are not known; empty if not recorded."""
        found = self.info.get("memory")
        return found if isinstance(found, Mapping) else {}

    @property
    def agreement(self) -> Mapping[str, Any]:
        """What the cell was held against; empty if that was not recorded."""
        return self.info.get("agreement") or {}


@dataclass(frozen=True, slots=True)
class Absence:
    """A cell without a time, its id taken apart; ``number`` is its row among the reasons, from 1."""

    number: int
    row: Missing
    workload: str = ""
    backend: str = ""
    variant: str = ""
    size: str = ""

    @classmethod
    def from_row(cls, number: int, row: Missing) -> Absence:
        """An id that is not ``workload/backend/variant/size`` leaves the parts empty."""
        parts = row.cell.split("/")
        return cls(number, row, *parts) if len(parts) == 4 else cls(number, row)


def by_reason(absences: Iterable[Absence]) -> list[tuple[Absence, ...]]:
    """What has no time, together where status and reason are the same: one error may befall many cells."""
    found: dict[tuple[str, str], list[Absence]] = {}
    for absence in absences:
        found.setdefault((absence.row.status, absence.row.reason), []).append(absence)
    return [tuple(group) for group in found.values()]


class Comparison:
    """The results and absences of one run, in display order."""

    def __init__(self, run: Run, added_backends: Iterable[str] = ()) -> None:
        self.absences = tuple(Absence.from_row(number, row) for number, row in enumerate(run.missing, 1))
        self.ceilings, self.no_ceilings = ceilings_of(run)
        self.results = tuple(compared(run.measurements, self.ceilings))
        self.titles = run.titles
        placed: list[Measurement | Absence] = [
            *run.measurements,
            *(absence for absence in self.absences if absence.workload),
        ]
        self.workloads = ordered({item.workload for item in placed}, run.titles)
        self.backends = ordered({item.backend for item in placed}, (*BACKENDS, *added_backends))
        self.sizes = ordered({item.size for item in placed}, by_work(run.measurements))

    def title(self, workload: str) -> str:
        """What a person calls a workload; its name if the run does not say."""
        return self.titles.get(workload, workload)

    def at(self, workload: str, size: str) -> list[Result]:
        """The results of a workload at a size, the fastest first."""
        found = (
            result
            for result in self.results
            if (result.measurement.workload, result.measurement.size) == (workload, size)
        )
        return sorted(found, key=lambda result: result.time.value)

    def of(self, workload: str, backend: str, size: str) -> list[Result]:
        """The same of one backend, variants that use several threads last: backends compare on one."""
        here = [result for result in self.at(workload, size) if result.measurement.backend == backend]
        return sorted(here, key=lambda result: result.is_parallel)

    def absent(self, workload: str, size: str, backend: str | None = None) -> list[Absence]:
        """What has no time there, of one backend or of all."""
        return [
            absence
            for absence in self.absences
            if (absence.workload, absence.size) == (workload, size) and backend in (None, absence.backend)
        ]

    def workloads_at(self, size: str) -> list[str]:
        """Those with anything to tell at a size."""
        return [name for name in self.workloads if self.at(name, size) or self.absent(name, size)]

    def sizes_of(self, workload: str) -> list[str]:
        """Those at which there is anything to tell of a workload."""
        return [size for size in self.sizes if self.at(workload, size) or self.absent(workload, size)]

    def fastest(self, workload: str) -> list[Result]:
        """The fastest backend's best at the largest size that has a time, and those near it.

        On one thread, if any variant runs on one.
        """
        for size in reversed(self.sizes):
            if results := self.at(workload, size):
                best: dict[str, Result] = {}
                for result in sorted(results, key=lambda result: result.is_parallel):
                    best.setdefault(result.measurement.backend, result)
                leaders = sorted(best.values(), key=lambda result: (result.is_parallel, result.time.value))
                first = leaders[0]
                return [
                    result
                    for result in leaders
                    if result.is_parallel == first.is_parallel
                    and quotient(result.time, first.time).low <= NEAR
                ]
        return []

    @cached_property
    def over_python(self) -> bool:
        """Whether every baseline is the python backend's."""
        return all(result.baseline.measurement.backend == PYTHON for result in self.results)


def ceilings_of(run: Run) -> tuple[Ceilings | None, str]:
    """What the machine of a run can do at most; None, and why, if that is not known."""
    found = run.details.get("ceilings")
    if not isinstance(found, Mapping) or not found:
        return None, "They were not measured."
    if "reason" in found:
        return None, str(found["reason"])
    try:
        return Ceilings.from_dict(found), ""
    except (KeyError, TypeError, ValueError, AttributeError):
        return None, "What the run holds of them cannot be read."


def compared(measurements: Sequence[Measurement], ceilings: Ceilings | None = None) -> Iterable[Result]:
    """Each measurement beside the baseline of its workload and size, and under its machine's roof."""
    groups: dict[tuple[str, str], list[Timed]] = {}
    for measurement in measurements:
        timed = Timed(measurement, measurement.time)
        groups.setdefault((measurement.workload, measurement.size), []).append(timed)
    for group in groups.values():
        baseline = baseline_of(group)
        for timed in group:
            measurement, time = timed.measurement, timed.time
            roof = roofline.reached(ceilings, measurement.info, time) if ceilings else None
            yield Result(measurement, time, baseline, roof)


def baseline_of(group: Sequence[Timed]) -> Timed:
    """The python backend's reference; its first by alphabet if that has no time; the slowest if none has.

    Not the first in the file: the cells of a run are shuffled.
    """
    python = [timed for timed in group if timed.measurement.backend == PYTHON]
    for timed in python:
        measurement = timed.measurement
        if measurement.info.get("reference") == f"{measurement.workload}/{PYTHON}/{measurement.variant}":
            return timed
    if python:
        return min(python, key=lambda timed: timed.measurement.variant)
    return max(group, key=lambda timed: timed.time.value)


def quotient(numerator: Interval, denominator: Interval) -> Interval:
    """A ratio, without an interval if one of the two has none: half of the doubt is not the doubt."""
    if numerator.spread and denominator.spread:
        return ratio(numerator, denominator)
    value = numerator.value / denominator.value
    return Interval(value, value, value)


def ordered(names: Iterable[str], order: Iterable[str]) -> list[str]:
    """Names in a given order, those it does not know at the end, by alphabet."""
    known = {name: place for place, name in enumerate(order)}
    return sorted(names, key=lambda name: (known.get(name, len(known)), name))


def by_work(measurements: Iterable[Measurement]) -> list[str]:
    """Sizes from the least work to the most, as each workload has them, woven into one order."""
    work: dict[str, dict[str, float]] = {}
    for measurement in measurements:
        work.setdefault(measurement.workload, {})[measurement.size] = measurement.info.get("work", 0.0)
    woven: list[str] = []
    for sizes in sorted(work.values(), key=len, reverse=True):
        place = 0
        for size in sorted(sizes, key=sizes.__getitem__):
            if size not in woven:
                woven.insert(place, size)
            place = woven.index(size) + 1
    return woven
