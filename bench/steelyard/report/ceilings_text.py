"""What a machine can do at most, as a table for a terminal."""

from __future__ import annotations

from steelyard.ceilings import Ceilings
from steelyard.report import numbers
from steelyard.report.roofline_page import capacity, counts, rows
from steelyard.report.text import columns, printable, row_line


def table(ceilings: Ceilings, processor: str) -> str:
    """A line for each limit, with what it is for one core and for all, and how the former was reached; ends in a line break."""
    threads = counts(ceilings)
    head = [
        printable(processor),
        *("one core" if count == 1 else f"all {count} cores" for count in threads),
        "one core's way",
    ]
    body = [
        [
            f"{limit.title}{f', {numbers.size_of_bytes(limit.size)}' if limit.size else ''}",
            *(capacity(by_threads[count]) if count in by_threads else "–" for count in threads),
            f"{limit.way}; ±{numbers.percent(limit.doubt)}",
        ]
        for limit, by_threads in rows(ceilings)
    ]
    widths = [max(columns(row[place]) for row in (head, *body)) for place in range(len(head) - 1)]
    lines = [f"{row_line(row[:-1], widths, 1)}  {row[-1]}" for row in (head, *body)]
    return "\n".join([*lines, "", f"float64; measured in {numbers.duration(ceilings.seconds)}", ""])
