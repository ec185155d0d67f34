"""How far a run is, and how long it will take yet, in one line of a terminal.

The time left is reckoned whenever a step ends, from what the phase's steps have taken so far and from what was
planned for the phases to come. Nothing is drawn at any other moment: no thread refreshes the line, which would
disturb what is being timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TextIO

from steelyard.report import numbers

DOUBT = 2
"""Steps for which the plan counts against what the steps have really taken."""

LONGEST, SHORTEST = 40, 10
"""Columns of the bar; where there is room for fewer than the shortest, there is none."""

BELOW = "\x1bD\x1b[A\x1b7\x1b[B"
"""To the line below, which is made by scrolling if there is none, with a way back: :data:`BACK`."""

BACK = "\x1b8"
CLEAR = "\r\x1b[2K"


@dataclass(slots=True)
class Phase:
    """One kind of work of a run, in so many like steps."""

    planned: float
    """Seconds for all of it."""
    whole: int = 1
    done: int = 0
    began: float | None = None
    """When; None as long as it has not."""

    def left(self, now: float) -> float:
        """Seconds that it will take yet."""
        if self.began is None:
            return self.planned
        planned_step = self.planned / self.whole
        step = (now - self.began + DOUBT * planned_step) / (self.done + DOUBT)
        return step * (self.whole - self.done)


@dataclass(slots=True)
class Forecast:
    """The phases of a run, in their order."""

    clock: Callable[[], float] = time.monotonic
    phases: dict[str, Phase] = field(default_factory=dict)
    current: str = ""
    began: float | None = None
    _share: float = 0.0

    def plan(self, seconds: Mapping[str, float]) -> None:
        """Expect phases to take so many seconds; those that have begun stay as they are."""
        for name, planned in seconds.items():
            phase = self.phases.setdefault(name, Phase(planned))
            if phase.began is None:
                phase.planned = planned

    def step(self, name: str, done: int, whole: int) -> None:
        """So many of a phase's steps are done; the phases before it are over, whatever was left of them."""
        now = self.clock()
        self.began = now if self.began is None else self.began
        phase = self.phases.setdefault(name, Phase(0.0))
        if phase.began is None:
            phase.began = now
        self.current, phase.done, phase.whole = name, done, max(whole, 1)

    @property
    def left(self) -> float:
        """Seconds until the end of the last phase."""
        now, names = self.clock(), list(self.phases)
        return sum(self.phases[name].left(now) for name in names[names.index(self.current) :])

    @property
    def share(self) -> float:
        """The part of the run that is over, from 0 to 1: it never goes back, even where the run takes longer than planned."""
        if self.began is None:
            return 0.0
        spent, left = self.clock() - self.began, self.left
        self._share = max(self._share, spent / (spent + left) if spent + left else 1.0)
        return self._share

    def line(self, width: int, full: str = "━", empty: str = "─") -> str:
        """``steelyard: timing 12/106 ━━━━━━──────── 23 %, 1 min 20 s left``, in no more than ``width`` columns."""
        phase = self.phases[self.current]
        share = self.share
        head = f"steelyard: {self.current} {phase.done}/{phase.whole}"
        tail = f"{100 * share:.0f} %, {rounded(self.left)} left"
        room = min(LONGEST, width - len(head) - len(tail) - 2)
        if room >= SHORTEST:
            done = round(share * room)
            return f"{head} {full * done}{empty * (room - done)} {tail}"
        return f"{head}, {tail}"[:width]


def rounded(seconds: float) -> str:
    """A time to wait, no more exact than it can be foretold: ``8 s``, ``40 s``, ``1 min 25 s``."""
    whole = 5 * round(seconds / 5) if seconds > 20 else max(1, round(seconds))
    return numbers.duration(whole) if whole >= 10 else f"{whole} s"


@dataclass(slots=True)
class Bar:
    """A line of a terminal that is drawn over and over, and gone before anything else is written."""

    below: bool | None = None
    """Whether it stands on the line below the cursor, or on the cursor's own; None while it is not there."""

    def draw(self, stream: TextIO, text: str, *, below: bool) -> None:
        """Show the text in place of what was there; ``below`` leaves the cursor's own line as it is."""
        self.erase(stream)
        stream.write(f"{BELOW}{CLEAR}{text}{BACK}" if below else f"{CLEAR}{text}")
        stream.flush()
        self.below = below

    def erase(self, stream: TextIO) -> None:
        """Leave no trace of it, with the cursor where it was."""
        if self.below is not None:
            stream.write(f"{BELOW}{CLEAR}{BACK}" if self.below else CLEAR)
            stream.flush()
        self.below = None
