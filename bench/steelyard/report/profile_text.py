"""What ``steelyard profile`` prints: which functions and which lines have the time, and what is in which file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from steelyard.call_graph import CallGraph
from steelyard.report.functions import called_functions
from steelyard.report.lines import followed_functions, listing
from steelyard.report.profiles import UNREADABLE
from steelyard.report.text import printable

FUNCTIONS, LINES = 5, 3
"""How many functions and lines are printed, those with the most time."""

WORDS: Mapping[str, str] = {
    "profile": "functions, for SnakeViz",
    "profile_data": "functions, as JSON",
    "lines": "lines, as text",
    "lines_data": "lines, as JSON",
    "callgrind": "lines, for KCachegrind",
    "compiler_data": "the compiler's words, as JSON",
}
"""What the harness's own kinds of files are called; one of a project's own profiler has its own name."""


def summary(files: Mapping[str, Path]) -> str:
    """What the files that profiling one subject wrote say, and where each is; nothing if there are none."""
    blocks = [list(functions(files)), list(lines(files)), list(places(files))]
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks if block)


def functions(files: Mapping[str, Path]) -> Iterator[str]:
    """The functions with the most time of their own, a line each; nothing if there is no profile."""
    try:
        graph = CallGraph.from_json(json.loads(files["profile_data"].read_text("utf-8")))
    except UNREADABLE:
        return
    yield "Functions with the most time of their own:"
    for function in called_functions(graph, None, FUNCTIONS):
        place = f"  {printable(function.place)}" if function.place else ""
        yield f"{100 * function.share:5.0f} %  {printable(function.name)}{place}"


def lines(files: Mapping[str, Path]) -> Iterator[str]:
    """The lines with the most time, a line each; if there are none, what is to be known of that."""
    try:
        record = json.loads(files["lines_data"].read_text("utf-8"))
        text = files["lines"].read_text("utf-8") if "lines" in files else ""
        followed = followed_functions(record, lambda file: listing(text, file), None)
    except UNREADABLE:
        return
    all_lines = [(line, function) for function in followed for line in function.lines if line.seconds]
    all_lines.sort(key=lambda found: -found[0].seconds)
    if all_lines:
        yield "Lines with the most time, as a share of their function's:"
    for line, function in all_lines[:LINES]:
        place = f"{function.place.rpartition(':')[0]}:{line.number}"
        yield f"{100 * line.share:5.0f} %  {printable(place)}  {printable(line.text)}"
    if record["note"]:
        yield printable(str(record["note"]))


def places(files: Mapping[str, Path]) -> Iterator[str]:
    """Where each file is, and what opens the profile."""
    width = max((len(WORDS.get(kind, kind)) for kind in files), default=0)
    for kind, path in files.items():
        yield f"{WORDS.get(kind, kind):<{width}}  {path}"
        if kind == "profile":
            yield f"{'':<{width}}  snakeviz {path}"
