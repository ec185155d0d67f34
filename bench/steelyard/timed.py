"""A cell while a gate measures it: what its pairs gave, what is suspected of it, and what is left to do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from steelyard import verdict
from steelyard.judgement import Judged
from steelyard.pair import SideFailed
from steelyard.verdict import Verdict

FEWEST = 3
"""Pairs without which nothing is said."""


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
    acquittals: int = 0
    """How often it was suspected and could not be convicted."""
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
                convicted = verdict.convicts(self.fresh, self.suspicion, cells, self.acquittals)
                if convicted and self.found() is self.suspicion:
                    self.final = self.suspicion
                else:
                    self.acquittals += 1
                self.suspicion = None
            return
        due = len(self.logs) >= verdict.LOOKS[self.looks] or (now and len(self.logs) >= FEWEST)
        if not due:
            return
        found = self.found()
        self.looks += 1
        if found is Verdict.SAME:
            self.final = found
        elif found is not Verdict.UNDECIDED and self.acquittals < len(verdict.TRIALS):
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
            pairs = "1 pair was" if len(self.logs) == 1 else f"{len(self.logs)} pairs were"
            return replace(row, reason=f"only {pairs} measured; give it a larger --budget")
        estimate = self.estimate()
        found = self.final or estimate.verdict(self.tolerance)
        reason = ""
        if self.final is None and found in (Verdict.SLOWER, Verdict.FASTER):
            unseen = "there was no time for fresh pairs to confirm it; give it a larger --budget"
            reason = f"looks {found}, but {'fresh pairs did not confirm it' if self.acquittals else unseen}"
            found = Verdict.UNDECIDED
        elif found is Verdict.UNDECIDED:
            reason = f"±{100 * math.expm1(estimate.half_width):.2g} % after {duration(elapsed)}; "
            if self.is_open:
                needed = verdict.seconds_needed(estimate, self.tolerance, elapsed)
                width = 100 * math.expm1(verdict.width_needed(estimate, self.tolerance))
                budget = math.ceil(needed / 10) * 10
                reason += f"about {duration(needed)} for ±{width:.2g} %, which would tell: --budget {budget}"
            else:
                reason += f"no more than {len(self.logs)} pairs are measured: give it a larger --tolerance"
        return replace(
            row,
            verdict=str(found),
            reason=reason,
            ratio=estimate.ratio,
            low=estimate.low,
            high=estimate.high,
            smallest_change=verdict.smallest_change(estimate),
        )


def middle(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return float(np.median(values)) if values else None


def duration(seconds: float) -> str:
    """``40 s``, ``4 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.2g} h"
