"""The functions of a profile as a table: how often each was called, and what it took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from steelyard.call_graph import CallGraph

BUILT_IN = "~"
"""What cProfile calls the file of a function that has none."""

REPEATING = "calling it again and again, by the harness"
"""What the row of a cell stands for where its kernel has a row of its own: the loop around it, and what cProfile costs."""


@dataclass(frozen=True, slots=True)
class CalledFunction:
    """A row of cProfile's table."""

    name: str
    place: str
    calls: int
    own_s: float
    cumulative_s: float
    share: float
    """Its own time, of all functions' own time."""
    cumulative_share: float
    """Its time with what it calls, of the root's."""
    is_repeating: bool = False
    """Whether this is the harness at work, and no part of the kernel: it has no share."""

    @property
    def step(self) -> int:
        """The share in tenths, for its bar."""
        return tenths(self.share)


def called_functions(
    graph: CallGraph, own: str | None, most: int, least: float = 0.0
) -> tuple[CalledFunction, ...]:
    """The functions with the most time of their own, the first so many.

    Shares are of the kernel's time: without what the harness takes to call it again and again, if that is known.

    Args:
        graph: the profile.
        own: the kernel's own file, relative to the project's root.
        most: how many.
        least: the share of the root's time, with what it calls, below which a function is left out.
    """
    harness = graph.root if sees_kernel(graph) else None
    total = kernel_s(graph)
    own_total = (
        sum(function.own_s for number, function in enumerate(graph.functions) if number != harness) or 1.0
    )
    rows = [
        CalledFunction(
            name=REPEATING if number == harness else function.name,
            place="" if number == harness else place(function.file, function.line, own),
            calls=function.calls,
            own_s=function.own_s,
            cumulative_s=function.cumulative_s,
            share=0.0 if number == harness else function.own_s / own_total,
            cumulative_share=min(1.0, function.cumulative_s / total) if total else 0.0,
            is_repeating=number == harness,
        )
        for number, function in enumerate(graph.functions)
    ]
    shown = [row for row in rows if row.cumulative_share >= least]
    return tuple(sorted(shown, key=lambda row: (-row.own_s, row.name, row.place))[:most])


def sees_kernel(graph: CallGraph) -> bool:
    """Whether the kernel has a row beside the one that has the cell's name; compiled ones mostly have none."""
    variant = graph.name.split("/")[2:3]
    return any(
        call.caller == graph.root and [graph.functions[call.callee].name] == variant for call in graph.calls
    )


def kernel_s(graph: CallGraph) -> float:
    """What all calls of the kernel took, without the harness's loop around them if that is told apart."""
    harness_s = graph.functions[graph.root].own_s if sees_kernel(graph) else 0.0
    return max(0.0, graph.total_s - harness_s)


def tenths(share: float) -> int:
    """A share in steps of a tenth."""
    return min(10, max(0, round(10 * share)))


def place(file: str, line: int, own: str | None) -> str:
    """A place in a file, as far as it means something to a reader; of what is built in, none.

    Args:
        file: as the profiler knows it.
        line: from 1; 0 if there is none.
        own: the kernel's own file, relative to the project's root.
    """
    if not line or file == BUILT_IN:
        return ""
    if own and is_end_of(own, file):
        return f"{own}:{line}"
    parts = PurePosixPath(file).parts
    package = len(parts) - parts[::-1].index("site-packages") if "site-packages" in parts else -2
    return f"{'/'.join(parts[package:])}:{line}"


def is_end_of(path: str, file: str) -> bool:
    """Whether a relative path is the end of a longer one."""
    return file == path or file.endswith(f"/{path}")
