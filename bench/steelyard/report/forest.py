"""Where everything stands in a forest plot: a row for each timed cell, its ratio and interval on a log axis.

Positions across are per cent of the figure's width and positions down are pixels, so that a figure of any width
keeps the size of its letters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from steelyard.judgement import Judged, by_urgency
from steelyard.measurement import Interval
from steelyard.report import numbers
from steelyard.report.gate_outcome import interval

WIDEST = math.log(4)
"""How far the axis goes at most to either side, as a logarithm; what lies beyond ends in an arrow."""

MARGIN = 5.0
"""Per cent of the width that is left free at either side, for the labels of the axis."""

APART = 15.0
"""Per cent of the width that two labels of the axis need between them."""

ROW, TOP = 38, 28
"""Pixels of a row, and of what stands above the first."""

LONGEST = 34
"""Characters of a cell's name; a longer one is cut in its middle, and stands whole in the table."""

STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""How far the labels of the axis may be apart; where none fits they double."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """A cell of the plot."""

    cell: Judged
    name: str
    change: str
    y: int
    """The row's upper edge."""
    x: float
    low: float
    high: float
    is_cut_low: bool
    """Whether the interval goes on beyond the axis."""
    is_cut_high: bool
    band: tuple[float, float]
    """From where to where a ratio counts as the same."""


@dataclass(frozen=True)
class Forest:
    """The cells with a ratio, as a plot."""

    cells: Sequence[Judged]

    @cached_property
    def shown(self) -> tuple[tuple[Judged, Interval], ...]:
        """The cells that have a ratio, with it, urgent ones first."""
        found = [(cell, interval(cell)) for cell in by_urgency(self.cells)]
        return tuple(
            (cell, ratio)
            for cell, ratio in found
            if ratio
            and all(math.isfinite(value) and value > 0 for value in (ratio.value, ratio.low, ratio.high))
        )

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The logarithms at which the axis begins and ends; there is room for twice the tolerance."""
        least = [math.log1p(2 * max(cell.tolerance, 0.0005)) for cell, _ in self.shown]
        low = min(-max(least), *(math.log(ratio.low) for _, ratio in self.shown))
        high = max(*least, *(math.log(ratio.high) for _, ratio in self.shown))
        return max(low, -WIDEST), min(high, WIDEST)

    def x(self, log_ratio: float) -> float:
        """The position of a logarithm; that of the axis's end if it lies beyond."""
        low, high = self.ends
        inside = min(max(log_ratio, low), high)
        return round(MARGIN + (100 - 2 * MARGIN) * (inside - low) / (high - low), 2)

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return TOP + ROW * len(self.shown) + 4

    @property
    def zero(self) -> float:
        """Where both take the same time."""
        return self.x(0.0)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The cells, from the top."""
        low, high = self.ends
        return tuple(
            Row(
                cell=cell,
                name=shortened(cell.cell, LONGEST),
                change=numbers.change(ratio),
                y=TOP + ROW * place,
                x=self.x(math.log(ratio.value)),
                low=self.x(math.log(ratio.low)),
                high=self.x(math.log(ratio.high)),
                is_cut_low=math.log(ratio.low) < low,
                is_cut_high=math.log(ratio.high) > high,
                band=(self.x(-math.log1p(cell.tolerance)), self.x(math.log1p(cell.tolerance))),
            )
            for place, (cell, ratio) in enumerate(self.shown)
        )

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """The labels of the axis: changes in even steps, or doublings if the axis is long."""
        low, high = (math.expm1(end) for end in self.ends)
        for step in STEPS if high - low < 1.5 else ():
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first <= 100 / APART and (
                ticks := self.spaced([step * k for k in range(first, last + 1)])
            ):
                return ticks
        return self.spaced(
            [change for change in (-0.75, -0.5, 0.0, 1.0, 3.0) if low - 1e-9 <= change <= high + 1e-9], 0.0
        )

    def spaced(self, changes: Sequence[float], apart: float = APART) -> tuple[Tick, ...]:
        """Labels at these changes, or none if some are too close to each other."""
        ticks = [Tick(self.x(math.log1p(change)), label(change)) for change in changes]
        close = any(after.x - before.x < apart for before, after in pairwise(ticks))
        return () if close else tuple(ticks)


def label(change: float) -> str:
    """``+2 %``, ``0``, ``−0.5 %``."""
    per_cent = round(100 * change, 1)
    if not per_cent:
        return "0"
    return f"{'+' if per_cent > 0 else numbers.MINUS}{abs(per_cent):g} %"


def shortened(text: str, longest: int) -> str:
    """A text that is cut in its middle if it is too long."""
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[: longest - 1 - half]}…{text[len(text) - half :]}"
