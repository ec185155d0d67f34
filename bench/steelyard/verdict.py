"""What the times of two revisions mean: slower, faster, same, or not to be told.

**Method.** The unit of the test is the pair of processes: one gives one number, the logarithm of head's time
over base's. Within a pair, short blocks of calls alternate; neighbours in time are compared, and the log
ratios of all neighbours are averaged without their highest and lowest three tenths (:func:`pair_log_ratio`):
what disturbs for longer than a block hits both, what is shorter falls to the trimming. Pairs are taken to be
independent draws around the true log ratio, from a distribution that is about symmetrical; nothing is assumed
of the samples within a pair, which are anything but independent.

**Interval.** The mean of the pairs, trimmed by :data:`TRIM` at either end, with Student's t on the
winsorised variance (Tukey & McLaughlin, Sankhya A 25 (1963), 331-352; Yuen, Biometrika 61 (1974), 165-170): a
process that is unlucky with its memory is an outlier, and must neither decide nor widen all. The data are
looked at after :data:`LOOKS` pairs, and each look spends its share of the 5 % once, so that the intervals of all
looks together cover with 95 % (Bonferroni's inequality, which needs no more than the looks' single levels).

**The whole suite.** A cell whose interval lies above 1 is a suspect, no more: of m cells that are the same,
m * 2.5 % would look slower by chance, and as many faster. It is measured again, and only the fresh pairs may
convict: their number is fixed when the suspicion arises (:func:`fresh_pairs`), and then they alone, in one look,
must lie on the suspected side of 1 by a one-sided t test at :func:`conviction_level`. A suspect that is not convicted
goes on being measured, with an interval over all its pairs; it may be found the same, or be suspected again, and tried
by fresh pairs again, but no more than as often as there are :data:`TRIALS`. The levels are chosen such that m times
the product of the first stage's level and the sum of the trials' is at most :data:`SUITE_LEVEL`. The pairs of a trial are independent
of all that led to it, so that product bounds the chance that a cell is convicted without cause, and by Bonferroni's
inequality the sum over the cells bounds it for the suite, whatever their number and however they depend on each other. With so few
pairs Student's t is an approximation for a trimmed mean: of normal pairs, simulated, it errs up to 1.7 times as often
as it should, of pairs with heavy tails less; hence a level of 2 % where 5 % are promised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

TRIM = 0.2
"""The share of pairs that is trimmed at either end."""

LOOKS = (6, 9, 13, 19, 28, 41, 60, 90)
"""After how many pairs a cell is judged."""

SPENT = (0.10, 0.15, 0.20, 0.20, 0.15, 0.10, 0.06, 0.04)
"""The share of the error that each look may spend; their sum is 1."""

COVERAGE = 0.95
"""With what probability the intervals of all looks cover."""

SUITE_LEVEL = 0.02
"""The chance that any cell of a suite is called slower or faster without being so, but for the t approximation."""

TRIALS = (0.6, 0.3, 0.1)
"""The share of the conviction level that each trial of a cell may spend; their sum is 1."""

FRESH = 6
"""The fewest pairs that a suspect is measured again with."""

WIDEST = 300.0
"""No logarithm of a ratio is taken to be further from 0, so that its exponential is a number."""


class Verdict(StrEnum):
    """What can come of a cell that was timed."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "same"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Estimate:
    """Head's time over base's, with its interval."""

    ratio: float
    low: float
    high: float
    pairs: int
    quantile: float
    """Half the interval's width in standard errors."""

    @property
    def half_width(self) -> float:
        """Half the interval's width, on the logarithm: about the relative change that it can tell from none."""
        return (math.log(self.high) - math.log(self.low)) / 2

    def verdict(self, tolerance: float) -> Verdict:
        """What the interval says, for a tolerance such as 0.02: being the same takes precedence."""
        if 1 / (1 + tolerance) <= self.low and self.high <= 1 + tolerance:
            return Verdict.SAME
        if self.low > 1:
            return Verdict.SLOWER
        if self.high < 1:
            return Verdict.FASTER
        return Verdict.UNDECIDED


def pair_log_ratio(base: Sequence[Sequence[float]], head: Sequence[Sequence[float]]) -> float:
    """The logarithm of head's time over base's, of one pair of processes.

    Args:
        base: seconds per call of base's blocks, by setup.
        head: the same of head.

    Raises:
        ValueError: no two neighbouring blocks both took any time, as if the clock had stood still.
    """
    ratios = [
        math.log(after / before)
        for theirs, ours in zip(base, head, strict=True)
        for before, after in zip(theirs, ours, strict=True)
        if before > 0 and after > 0
    ]
    if not ratios:
        raise ValueError("the clock did not go forward")
    return float(stats.trim_mean(ratios, 0.3))


def estimate(logs: Sequence[float], error: float) -> Estimate:
    """The ratio of all pairs with an interval that errs with probability ``error``.

    Pairs that are all equal have an interval of no width: they tell of no noise.

    Raises:
        ValueError: there are less than two pairs.
    """
    center, standard_error, freedom = trimmed(logs)
    quantile = float(stats.t.ppf(1 - error / 2, freedom))
    half = quantile * standard_error
    low, ratio, high = (
        math.exp(max(-WIDEST, min(WIDEST, log))) for log in (center - half, center, center + half)
    )
    return Estimate(ratio, low, high, len(logs), quantile)


def at_look(logs: Sequence[float], look: int | None = None) -> Estimate:
    """The estimate of all pairs with an interval that allows for the looks.

    Args:
        logs: two pairs or more.
        look: which of :data:`LOOKS` it is, from 0; if None, the first that does not come before this many pairs.
    """
    if look is None:
        look = next((i for i, pairs in enumerate(LOOKS) if len(logs) <= pairs), len(LOOKS) - 1)
    return estimate(logs, (1 - COVERAGE) * SPENT[min(look, len(LOOKS) - 1)])


def trimmed(logs: Sequence[float]) -> tuple[float, float, int]:
    """The trimmed mean, its standard error and its degrees of freedom (Tukey & McLaughlin 1963).

    Raises:
        ValueError: there are less than two values.
    """
    values = np.sort(np.asarray(logs, dtype=float))
    n = len(values)
    if n < 2:
        raise ValueError(f"{n} pairs tell nothing of how much they differ")
    cut = int(TRIM * n)
    kept = n - 2 * cut
    winsorised = np.clip(values, values[cut], values[n - 1 - cut])
    deviation = float(np.std(winsorised, ddof=1))
    return float(values[cut : n - cut].mean()), deviation * math.sqrt(n) / kept, kept - 1


def fresh_pairs(pairs: int) -> int:
    """How many fresh pairs are to convict a cell that was suspected after so many.

    Fewer than it took to suspect it, since their level is laxer, but not so few that a change that was just found
    would mostly be let go again.
    """
    return max(FRESH, math.ceil(0.75 * pairs))


def conviction_level(cells: int, trial: int = 0) -> float:
    """The one-sided level at which fresh pairs convict, in a suite of so many timed cells; of a cell's first trial or a later one."""
    return min(0.25, SUITE_LEVEL * TRIALS[trial] / (cells * (1 - COVERAGE)))


def convicts(fresh: Sequence[float], verdict: Verdict, cells: int, trial: int = 0) -> bool:
    """Whether fresh pairs alone confirm that a cell is slower, or faster."""
    center, standard_error, freedom = trimmed(fresh)
    if standard_error == 0:
        return center > 0 if verdict is Verdict.SLOWER else center < 0
    t = center / standard_error if verdict is Verdict.SLOWER else -center / standard_error
    return bool(stats.t.sf(t, freedom) < conviction_level(cells, trial))


def smallest_change(found: Estimate) -> float:
    """The relative slowdown that a cell as noisy as this one would have shown, in about four of five cases.

    Its interval must lie above 1, which it does in nine of ten cases if the change is 1.28 standard errors more
    than half the interval's width; some of these are not confirmed.
    """
    return math.expm1(found.half_width * (1 + 1.28 / found.quantile))


def width_needed(found: Estimate, tolerance: float) -> float:
    """Half the width, on the logarithm, that the interval must have to say something if it stays where it is.

    Either it lies within the tolerance then, or apart from 1.
    """
    off = abs(math.log(found.ratio))
    return max(math.log1p(tolerance) - off, off)


def seconds_needed(found: Estimate, tolerance: float, seconds: float) -> float:
    """About how long a cell must be measured until its interval is as narrow as :func:`width_needed`.

    Reckoned from what it took so far: the width goes down with the square root of the pairs.
    """
    return seconds * max(1.0, (found.half_width / width_needed(found, tolerance)) ** 2)
