"""How near a cell comes to what its machine can do, and what holds it back.

The roofline model: a call that does W floating-point operations and moves Q bytes takes at least max(W / P, Q / B)
seconds, with P the peak of the arithmetic and B the bandwidth of the memory that holds the data. The greater of the two
binds. S. Williams, A. Waterman and D. Patterson, Communications of the ACM 52(4), 2009, 65-76. W and Q are those of the
workload's cost model, the same for every variant: a variant that does more than it must is further from its ceiling.
The data, a call's inputs and outputs, are held by the smallest level that has room for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.ceilings import MEMORY, Ceiling, Ceilings
from steelyard.measurement import Interval, ratio


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a cell is under its roof."""

    ceiling: Ceiling
    """The one that binds."""
    share: Interval
    """Of what that ceiling allows; the doubt in either is in it."""

    @property
    def binding(self) -> str:
        """The ceiling by name: ``arithmetic``, ``L2 bandwidth``, ``memory bandwidth, all cores``."""
        return f"{self.ceiling.title}{', all cores' * (self.ceiling.threads > 1)}"


def reached(ceilings: Ceilings, info: Mapping[str, Any], time: Interval) -> Reached | None:
    """Where a cell is that takes ``time`` seconds a call; None where its costs, or the ceilings for them, are not known.

    Args:
        ceilings: the machine's.
        info: what was recorded with the cell: ``operations``, ``bytes`` and ``footprint`` of a call, ``parallel``.
        time: seconds per call, with their interval.
    """
    operations, moved, footprint = (amount(info, name) for name in ("operations", "bytes", "footprint"))
    limits = ceilings.of(2 if info.get("parallel") else 1)
    least = [
        (operations / limit.per_second, limit)
        for limit in limits
        if limit.kind == "arithmetic" and operations
    ]
    if moved:
        level = level_of(limits, footprint) if footprint else None
        if level is None:
            return None
        least.append((moved / level.per_second, level))
    if not least:
        return None
    seconds, binding = max(least, key=lambda found: found[0])
    doubt = min(binding.doubt, 0.9)
    return Reached(binding, ratio(Interval(seconds, seconds * (1 - doubt), seconds * (1 + doubt)), time))


def level_of(limits: Sequence[Ceiling], footprint: float) -> Ceiling | None:
    """The bandwidth of the smallest level that holds so many bytes; None if the caches of the machine are not known."""
    levels = [limit for limit in limits if limit.kind == "bandwidth"]
    if all(limit.level == MEMORY for limit in levels):
        return None
    fitting = [limit for limit in levels if limit.size is None or limit.size >= footprint]
    return min(fitting, key=lambda limit: limit.size or float("inf"), default=None)


def amount(info: Mapping[str, Any], name: str) -> float:
    """A number that was recorded with a cell; 0 if it was not."""
    value = info.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
