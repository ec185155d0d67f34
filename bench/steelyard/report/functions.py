"""The functions of a profile as a table: how often each was called, and what it took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from steelyard.call_graph import CallGraph

BUILT_IN = "~"
"""What cProfile calls the file of a function that has none."""


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

    @property
    def step(self) -> int:
        """The share in tenths, for its bar."""
        return tenths(self.share)


def called_functions(
    graph: CallGraph, own: str | None, most: int, least: float = 0.0
) -> tuple[CalledFunction, ...]:
    """The functions with the most time of their own, the first so many.

    Args:
        graph: the profile.
        own: the kernel's own file, relative to the project's root.
        most: how many.
        least: the share of the root's time, with what it calls, below which a function is left out.
    """
    own_total = sum(function.own_s for function in graph.functions) or 1.0
    rows = [
        CalledFunction(
            name=function.name,
            place=place(function.file, function.line, own),
            calls=function.calls,
            own_s=function.own_s,
            cumulative_s=function.cumulative_s,
            share=function.own_s / own_total,
            cumulative_share=min(1.0, function.cumulative_s / graph.total_s) if graph.total_s else 0.0,
        )
        for function in graph.functions
    ]
    shown = [row for row in rows if row.cumulative_share >= least]
    return tuple(sorted(shown, key=lambda row: (-row.own_s, row.name, row.place))[:most])


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
