"""The samples of one cell, in seconds per call, and what is derived from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with a 95 % confidence interval."""

    value: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """Half the interval's width, as a share of the value."""
        return (self.high - self.low) / 2 / self.value if self.value else 0.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one cell."""

    cell: str
    workload: str
    backend: str
    variant: str
    size: str
    samples: tuple[float, ...]
    """Seconds per call, one a round, in the order in which they were taken."""
    iterations: int
    """Calls in one round."""
    info: Mapping[str, Any]
    """The rest of what was recorded with the cell: parameters, work, first call, threads, agreement."""

    @classmethod
    def from_benchmark(cls, benchmark: Mapping[str, Any]) -> Measurement:
        """The measurement in one entry of pytest-benchmark's JSON.

        Raises:
            KeyError, TypeError, ValueError: the entry was not written by this harness with its samples.
        """
        info = benchmark["extra_info"]
        samples = tuple(float(sample) for sample in benchmark["stats"]["data"])
        if not samples or not all(math.isfinite(sample) and sample > 0 for sample in samples):
            raise ValueError("has no samples, or samples that are no times")
        return cls(
            cell=str(info["cell"]),
            workload=str(info["workload"]),
            backend=str(info["backend"]),
            variant=str(info["variant"]),
            size=str(info["size"]),
            samples=samples,
            iterations=int(benchmark["stats"]["iterations"]),
            info=info,
        )

    @property
    def time(self) -> Interval:
        """Seconds per call: the median and its interval."""
        return median_interval(self.samples)

    @property
    def first_call(self) -> float | None:
        """Seconds of the variant's first call in a fresh process, compilation included; None if unknown."""
        value = self.info.get("first_call_s")
        return None if value is None else float(value)

    @property
    def start(self) -> float | None:
        """Seconds until the first call has returned: building a .pyx, importing file and backend, and the call."""
        if self.first_call is None:
            return None
        return self.first_call + sum(float(self.info.get(part) or 0.0) for part in ("build_s", "load_s"))

    @property
    def seconds_per_unit(self) -> float:
        """Median seconds for one natural unit of the workload: a point, a pair."""
        return self.time.value / float(self.info["work"])


def median_interval(samples: Sequence[float]) -> Interval:
    """The median with a distribution-free 95 % interval, from order statistics.

    Between the k-th smallest and k-th largest of n samples lies the median with probability
    1 - 2 P(Binomial(n, 1/2) < k); k is the largest for which that is at least 0.95. Below six samples
    not even their extremes reach it; they are given all the same. Source: David & Nagaraja, Order
    Statistics, 3rd ed., section 7.1. The samples of one process are not quite independent, so the
    interval speaks of this process, not of the next.
    """
    ordered = sorted(samples)
    k = max(order_statistic(len(ordered)), 1)
    return Interval(median(ordered), ordered[k - 1], ordered[len(ordered) - k])


@lru_cache(maxsize=1024)
def order_statistic(n: int) -> int:
    """The largest k with 2 P(Binomial(n, 1/2) < k) <= 0.05; 0 where there is none."""
    below, k = 0.0, 0
    while k < n:
        below += math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
        if 2 * below > 0.05:
            return k
        k += 1
    return k


def ratio(numerator: Interval, denominator: Interval) -> Interval:
    """The ratio of two independent estimates with its 95 % interval, by the method of variance estimates recovery.

    On the logarithms: with d their difference, the lower limit is d - sqrt((m1-l1)^2 + (u2-m2)^2), the upper
    one its mirror image. Source: Zou & Donner, Statistics in Medicine 27 (2008), 1693-1702.
    """
    m1, l1, u1 = (math.log(x) for x in (numerator.value, numerator.low, numerator.high))
    m2, l2, u2 = (math.log(x) for x in (denominator.value, denominator.low, denominator.high))
    d = m1 - m2
    return Interval(
        math.exp(d),
        math.exp(d - math.hypot(m1 - l1, u2 - m2)),
        math.exp(d + math.hypot(u1 - m1, m2 - l2)),
    )


def break_even(start: float, steady: float, other_start: float, other_steady: float) -> int | None:
    """After how many calls a slower start has paid back; None if it never does.

    Either way n calls take ``start + n * steady`` seconds in all.
    """
    if steady >= other_steady:
        return None
    return max(1, math.ceil((start - other_start) / (other_steady - steady)))
