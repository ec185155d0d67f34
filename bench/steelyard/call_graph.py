"""Who called whom, and for how long: cProfile's statistics as plain data, and as frames that can be drawn.

A ``.prof`` file is marshal, which must never be loaded from a stranger; this is JSON, which may be. cProfile keeps the
calls between two functions and not whole stacks, so that the time of a function is apportioned among its callers.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import isfinite
from typing import Any

DEEPEST = 12
"""Calls below the root that are drawn at most."""

LEAST = 0.001
"""The share of the whole below which a frame is left out, as SnakeViz does."""

MOST = 400
"""Frames that are drawn at most, those with the most time."""

LARGEST = 10**15
"""Calls, or seconds, above which a number in a file is no profile's."""

Place = tuple[str, int, str]
"""File, line and name: how cProfile tells functions apart."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, and what all of its calls took together."""

    file: str
    line: int
    name: str
    calls: int
    own_s: float
    """Without what it calls."""
    cumulative_s: float
    """With what it calls; of calls within calls the outermost counts."""


@dataclass(frozen=True, slots=True)
class Call:
    """All calls of one function by another; both are places in :attr:`CallGraph.functions`."""

    caller: int
    callee: int
    calls: int
    seconds: float
    """With what the callee calls."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A function below the callers that lead to it, with the time apportioned to that way."""

    function: int
    above: int | None
    """The place of the caller's frame among the frames; None for the root."""
    seconds: float


@dataclass(frozen=True, slots=True)
class CallGraph:
    """A profile by cProfile."""

    name: str
    root: int
    """The function that has all the time."""
    functions: tuple[Function, ...]
    calls: tuple[Call, ...]

    @classmethod
    def of(
        cls, name: str, table: Mapping[Place, tuple[int, int, float, float, Mapping[Place, Any]]]
    ) -> CallGraph:
        """The graph in the table of :class:`pstats.Stats`, whose root is the row called ``name``.

        Without one, it is that with the most time.
        """
        numbers = {place: number for number, place in enumerate(table)}
        functions = tuple(
            Function(str(file), int(line), str(called), calls, own, cumulative)
            for (file, line, called), (_, calls, own, cumulative, _) in table.items()
        )
        calls = tuple(
            Call(numbers[caller], number, times, seconds)
            for number, (*_, callers) in enumerate(table.values())
            for caller, (times, _, _, seconds) in callers.items()
            if caller in numbers
        )
        by_importance = lambda number: (functions[number].name == name, functions[number].cumulative_s)  # noqa: E731
        return cls(name, max(range(len(functions)), key=by_importance), functions, calls)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "root": self.root,
            "functions": [[f.file, f.line, f.name, f.calls, f.own_s, f.cumulative_s] for f in self.functions],
            "calls": [[call.caller, call.callee, call.calls, call.seconds] for call in self.calls],
        }

    @classmethod
    def from_json(cls, data: Any) -> CallGraph:
        """The graph in a file's content.

        Raises:
            KeyError, TypeError, ValueError: :meth:`as_dict` did not make it.
        """
        functions = tuple(
            Function(text(file), whole(line), text(name), whole(calls), seconds(own), seconds(cumulative))
            for file, line, name, calls, own, cumulative in data["functions"]
        )
        graph = cls(
            name=text(data["name"]),
            root=whole(data["root"]),
            functions=functions,
            calls=tuple(
                Call(whole(caller), whole(callee), whole(times), seconds(took))
                for caller, callee, times, took in data["calls"]
            ),
        )
        known = range(len(functions))
        if not all(number in known for call in graph.calls for number in (call.caller, call.callee)):
            raise ValueError("a call is of a function that is not there")
        if graph.root not in known:
            raise ValueError("its root is a function that is not there")
        return graph

    @property
    def total_s(self) -> float:
        """What the root took."""
        return self.functions[self.root].cumulative_s

    def frames(self, deepest: int = DEEPEST, least: float = LEAST, most: int = MOST) -> Sequence[Frame]:
        """The root, and below each frame what it calls, the callers of a frame before it.

        A frame has that part of a call's time which its own time is of all the time of its function. A function does not
        stand below itself: what it calls of itself is its own time.

        Args:
            deepest: calls below the root at most.
            least: the share of the root's time below which a frame is left out.
            most: frames at most; those with the least time are left out.
        """
        below: dict[int, list[Call]] = {}
        for call in self.calls:
            below.setdefault(call.caller, []).append(call)
        frames: list[Frame] = []
        order = count()
        waiting: list[tuple[float, int, int, int | None, frozenset[int]]] = [
            (-self.total_s, next(order), self.root, None, frozenset())
        ]
        while waiting and len(frames) < most:
            negative, _, number, above, path = heapq.heappop(waiting)
            frames.append(Frame(number, above, -negative))
            if len(path) == deepest:
                continue
            here, path = len(frames) - 1, path | {number}
            for callee, took in self.apportioned(number, -negative, below.get(number, ()), path):
                if took >= least * self.total_s and took > 0:
                    heapq.heappush(waiting, (-took, next(order), callee, here, path))
        return frames

    def apportioned(
        self, number: int, took: float, calls: Sequence[Call], path: frozenset[int]
    ) -> Sequence[tuple[int, float]]:
        """What a function calls within ``took`` seconds of its time, and how long that takes of them."""
        whole_s = self.functions[number].cumulative_s
        share = min(1.0, took / whole_s) if whole_s else 0.0
        parts = [(call.callee, call.seconds * share) for call in calls if call.callee not in path]
        # Calls that recur count more than once: no function's calls take longer than itself.
        together = sum(part for _, part in parts)
        return [(callee, part * took / together) for callee, part in parts] if together > took else parts


def text(value: Any) -> str:
    """A text.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def whole(value: Any) -> int:
    """A number of calls or of a line.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    if not 0 <= value <= LARGEST:
        raise ValueError(f"a number is negative, or larger than {LARGEST:.0e}")
    return value


def seconds(value: Any) -> float:
    """A time.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no number")
    if not (isfinite(value) and 0 <= value <= LARGEST):
        raise ValueError(f"a time is negative, or longer than {LARGEST:.0e} s")
    return float(value)
