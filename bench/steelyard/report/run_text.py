"""A run as text: the overview for a terminal and as Markdown, and every row of its tables as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from steelyard.measurement import Interval
from steelyard.project import Project
from steelyard.report import numbers
from steelyard.report.cautions import cautions
from steelyard.report.comparison import PYTHON, Absence, Comparison, Result, by_reason
from steelyard.report.outcome import outcome
from steelyard.report.sources import recorded
from steelyard.report.text import code, columns, printable, row_line, short, wrapped
from steelyard.roofline import Reached
from steelyard.runs import Run

NOTHING = "–"

COLOURS = {
    "slower": "red",
    "even": "yellow",
    "faster": "green",
    "failed": "red",
    "unavailable": "yellow",
    "over budget": "yellow",
}
"""By what a speed-up's shade begins with, or by the status of what has no time."""

FIELDS = (
    *("cell", "workload", "backend", "variant", "size", "status"),
    *("time_s", "time_low_s", "time_high_s", "samples"),
    *("baseline", "speedup", "speedup_low", "speedup_high"),
    *("rate_per_s", "unit", "first_call_s", "load_s", "build_s", "pays_back_calls"),
    *("operations_per_s", "bytes_per_s", "ceiling", "share_of_ceiling"),
    *("memory_peak_bytes", "memory_allocations", "memory_tool", "memory_reason"),
    *("parallel", "threads", "lines_of_code"),
    *("held_against", "largest_difference", "probes", "laws", "subnormals", "reason"),
)
"""The keys of a row, and the columns of the CSV file."""


def table(run: Run, project: Project, width: int = 100, colour: bool = False) -> str:
    """The overview for a terminal of ``width`` columns: a table for each size, the outcome, and what has no time.

    Args:
        run: what was measured.
        project: knows the backends that it has added.
        width: columns that no line exceeds.
        colour: whether speed-ups are coloured by ANSI codes.
    """
    comparison = Comparison(run, project.backends)
    lines = overview(comparison, width, colour)
    for absence, *_ in by_reason(comparison.absences):
        reason = f"{absence.row.status}: {absence.row.cell}: {absence.row.reason}"
        lines += wrapped(printable(reason), width, "  ")
    for warning in cautions(run, comparison):
        lines += wrapped(printable(f"warning: {warning}"), width, "  ")
    sentence = wrapped(printable(outcome(comparison)), width)
    bold = [click.style(line, bold=True) for line in sentence] if colour else sentence
    return "\n".join([*lines, *([""] if lines and lines[-1] else []), *bold])


def overview(comparison: Comparison, width: int, colour: bool) -> list[str]:
    """The lines of a table for each size, an empty one after each."""
    lines: list[str] = []
    for size in comparison.sizes:
        if not lines:
            lines += [*wrapped(explained(comparison), width), ""]
        lines += [f"size {printable(size)}"[:width], *matrix(comparison, size, width, colour), ""]
    return lines


def explained(comparison: Comparison) -> str:
    """What the figures of the overview are."""
    return f"speed-up over {baselines(comparison)}, time per call; each backend's best on one thread"


def baselines(comparison: Comparison) -> str:
    """What the overview's speed-ups are over."""
    if comparison.over_python:
        return "the python reference"
    rows = {(result.measurement.workload, result.measurement.size) for result in comparison.results}
    marked = {
        (name, size)
        for name, size in rows
        for backend in comparison.backends
        if any(best.is_baseline for best in comparison.of(name, backend, size)[:1])
    }
    if marked == rows:
        return f"each row's baseline, marked by 1{numbers.TIMES}"
    if any(result.baseline.measurement.backend == PYTHON for result in comparison.results):
        return "the python reference, or where that has no time over each row's slowest variant"
    return "each row's slowest variant"


def matrix(comparison: Comparison, size: str, width: int, colour: bool) -> Iterator[str]:
    """Workloads by backends at one size; backends that do not fit into a line follow below."""
    names = comparison.workloads_at(size)
    figures = {
        (name, backend): figure(comparison, name, backend, size)
        for name in names
        for backend in comparison.backends
    }
    first = max(columns(printable(name)) for name in ["workload", *names])
    left = list(comparison.backends)
    while left:
        shown: list[str] = []
        widths = [min(first, width // 2)]
        while left:
            broad = max(
                columns(text) for text in [printable(left[0]), *(figures[name, left[0]][0] for name in names)]
            )
            if shown and sum(widths) + broad + 2 * len(widths) > width:
                break
            widths.append(min(broad, width - widths[0] - 2))
            shown.append(left.pop(0))
        yield row_line(["workload", *map(printable, shown)], widths, 1)
        for name in names:
            here = [figures[name, backend] for backend in shown]
            line = row_line([printable(name), *(text for text, _ in here)], widths, 1)
            yield coloured(line, widths, [shade for _, shade in here]) if colour else line
        if left:
            yield ""


def coloured(line: str, widths: Sequence[int], shades: Sequence[str]) -> str:
    """A line of the table with its figures in their colours."""
    end = widths[0]
    parts = [line[:end]]
    for width, shade in zip(widths[1:], shades, strict=True):
        parts.append(click.style(line[end : end + 2 + width], fg=COLOURS.get(shade)))
        end += 2 + width
    return "".join(parts)


def figure(comparison: Comparison, workload: str, backend: str, size: str) -> tuple[str, str]:
    """What stands for a backend, and what its colour is told from."""
    if results := comparison.of(workload, backend, size):
        best = results[0]
        speedup = numbers.times(best.speedup) if best.speedup else f"1{numbers.TIMES}"
        threads = " (parallel)" if best.is_parallel else ""
        return f"{speedup} {numbers.time(best.time)}{threads}", numbers.shade(best.speedup).partition("-")[0]
    if absent := comparison.absent(workload, size, backend):
        return absent[0].row.status, absent[0].row.status
    return NOTHING, ""


def markdown(run: Run, project: Project) -> str:
    """The outcome, the overview of each size, every variant's row, and what has no time; ends in a line break."""
    comparison = Comparison(run, project.backends)
    blocks = [code(outcome(comparison)), f"{explained(comparison).capitalize()}."]
    for size in comparison.sizes:
        head = ["workload", *map(code, comparison.backends)]
        body = [
            [code(name), *(figure(comparison, name, backend, size)[0] for backend in comparison.backends)]
            for name in comparison.workloads_at(size)
        ]
        blocks += [f"### Size {code(size)}", markdown_table(head, body, words=1)]
    variants = [
        [form(result, recorded(run, result.measurement)) for _, form in VARIANT_COLUMNS]
        for name in comparison.workloads
        for result in of_workload(comparison, name)
    ]
    if variants:
        headings = [heading for heading, _ in VARIANT_COLUMNS]
        blocks += ["### Every variant", markdown_table(headings, variants, words=1)]
    if comparison.absences:
        lines = [
            f"- {code(a.row.cell)}, {a.row.status}: {code(short(a.row.reason))}" for a in comparison.absences
        ]
        blocks += ["### What has no time", "\n".join(lines)]
    if warnings := cautions(run, comparison):
        blocks += ["### Warnings", "\n".join(f"- {code(str(warning))}" for warning in warnings)]
    return "\n\n".join(blocks) + "\n"


def of_workload(comparison: Comparison, workload: str) -> Iterator[Result]:
    """Its results, size by size, the fastest first."""
    for size in comparison.sizes_of(workload):
        yield from comparison.at(workload, size)


def rates(result: Result) -> str:
    """The workload's units a second, and what its cost model says of operations and bytes."""
    amounts = [("work", code(str(result.info.get("unit", "units")))), ("operations", "FLOP"), ("bytes", "B")]
    found = [(result.per_second(amount), unit) for amount, unit in amounts]
    return ", ".join(numbers.rate(rate, unit) for rate, unit in found if rate) or NOTHING


def under_the_roof(reached: Reached) -> str:
    """What share of its ceiling a cell reaches, and which that is."""
    return f"{numbers.part(reached.share)}, {reached.binding}"


def start(result: Result) -> str:
    """The first call, and what comes before it."""
    parts = [
        f"{word} {numbers.seconds(result.info[key])}"
        for word, key in (("load", "load_s"), ("build", "build_s"))
        if result.info.get(key)
    ]
    return ", ".join([printed(result.measurement.first_call, numbers.seconds), *parts])


def memory_text(result: Result) -> str:
    """The peak of a call, with the number of its allocations and who counted; or why there is none."""
    memory = result.memory
    if not isinstance(memory.get("peak"), int | float):
        return code(short(str(memory["reason"]))) if memory.get("reason") else NOTHING
    allocations = memory.get("allocations")
    known = [f"{allocations:,} allocations"] if isinstance(allocations, int) else []
    tool = [code(str(memory["tool"]))] if memory.get("tool") else []
    return ", ".join([numbers.size_of_bytes(memory["peak"]), *known, *tool])


def held_against(result: Result) -> str:
    """What the output was held against, and how well it agreed."""
    agreement = result.agreement
    if not agreement:
        return NOTHING
    difference = agreement.get("largest_difference")
    within = "" if difference is None else " to the bit" if difference == 0 else f" within {difference:.1e}"
    counts = [
        f"{count:,} {word}{'s' if count > 1 else ''}"
        for word in ("probe", "law")
        if (count := len(agreement.get(f"{word}s") or ()))
    ]
    subnormals = [f"{agreement['subnormals']:,} subnormals"] if agreement.get("subnormals") else []
    return ", ".join([code(str(agreement.get("reference", ""))) + within, *counts, *subnormals])


VARIANT_COLUMNS: Sequence[tuple[str, Callable[[Result, Mapping[str, Any]], str]]] = (
    ("cell", lambda result, source: code(result.measurement.cell)),
    (
        "time, 95 % interval",
        lambda result, source: f"{numbers.time(result.time)} ({numbers.time_range(result.time)})",
    ),
    ("rate", lambda result, source: rates(result)),
    ("of its ceiling", lambda result, source: printed(result.reached, under_the_roof)),
    (
        "speed-up, 95 % interval",
        lambda result, source: printed(
            result.speedup, lambda speedup: f"{numbers.times(speedup)} ({numbers.times_range(speedup)})"
        ),
    ),
    ("first call", lambda result, source: start(result)),
    ("pays back after calls", lambda result, source: printed(result.pays_back, numbers.count)),
    ("peak memory", lambda result, source: memory_text(result)),
    ("threads", lambda result, source: whole(result.info.get("threads"))),
    ("lines of code", lambda result, source: whole(source.get("lines"))),
    ("held against", lambda result, source: held_against(result)),
)
"""The table of all variants: each column's heading, and its text of a result and its variant's recorded source.

The columns are those of a workload's page, which a test holds."""


def printed(value: Any, form: Callable[[Any], str]) -> str:
    """A figure in its form, or a dash if there is none."""
    return NOTHING if value is None else form(value)


def whole(value: Any) -> str:
    """A number of things, or a dash if it is none."""
    return f"{value:,}" if isinstance(value, int) else NOTHING


def markdown_table(head: Sequence[str], body: Sequence[Sequence[str]], words: int) -> str:
    """A table whose first columns are words, and the others numbers."""
    rule = [":--" if place < words else "--:" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def rows(run: Run, project: Project) -> list[dict[str, Any]]:
    """Every cell as plain data with the keys :data:`FIELDS`: seconds, ratios, calls; None where there is no figure."""
    comparison = Comparison(run, project.backends)
    timed = [result for name in comparison.workloads for result in of_workload(comparison, name)]
    return [
        *(row_of_result(result, recorded(run, result.measurement)) for result in timed),
        *map(row_of_absence, comparison.absences),
    ]


def row_of_result(result: Result, source: Mapping[str, Any]) -> dict[str, Any]:
    """A cell that was timed, and its variant's recorded source."""
    measurement = result.measurement
    baseline = result.baseline.measurement
    return blank() | {
        **{name: getattr(measurement, name) for name in ("cell", "workload", "backend", "variant", "size")},
        "status": "timed",
        **bounds("time{}_s", result.time),
        "samples": len(measurement.samples),
        "baseline": baseline.cell,
        **bounds("speedup{}", result.speedup),
        "rate_per_s": result.rate.value if result.rate else None,
        "unit": result.info.get("unit"),
        **{name: result.info.get(name) for name in ("first_call_s", "load_s", "build_s")},
        # JSON knows no infinity: what never pays back has the text.
        "pays_back_calls": "never" if result.pays_back == math.inf else result.pays_back,
        **{
            f"{amount}_per_s": rate.value
            for amount in ("operations", "bytes")
            if (rate := result.per_second(amount))
        },
        "ceiling": result.reached.binding if result.reached else None,
        "share_of_ceiling": result.reached.share.value if result.reached else None,
        "memory_peak_bytes": result.memory.get("peak"),
        **{f"memory_{key}": result.memory.get(key) for key in ("allocations", "tool", "reason")},
        "parallel": result.is_parallel,
        "threads": result.info.get("threads"),
        "lines_of_code": source.get("lines"),
        "held_against": result.agreement.get("reference"),
        **{key: result.agreement.get(key) for key in ("largest_difference", "subnormals")},
        **{key: len(result.agreement.get(key) or ()) for key in ("probes", "laws")},
    }


def row_of_absence(absence: Absence) -> dict[str, Any]:
    """A cell that has no time."""
    parts = {name: getattr(absence, name) or None for name in ("workload", "backend", "variant", "size")}
    return (
        blank()
        | parts
        | {"cell": absence.row.cell, "status": absence.row.status, "reason": absence.row.reason}
    )


def blank() -> dict[str, Any]:
    """A row without a figure."""
    return dict.fromkeys(FIELDS)


def bounds(name: str, interval: Interval | None) -> dict[str, float]:
    """An estimate and its limits."""
    if interval is None:
        return {}
    return {
        name.format(""): interval.value,
        name.format("_low"): interval.low,
        name.format("_high"): interval.high,
    }


def as_json(run: Run, project: Project) -> str:
    """The rows as a list of objects, ending in a line break."""
    return json.dumps(rows(run, project), indent=1, allow_nan=False) + "\n"


def as_csv(run: Run, project: Project) -> str:
    """The rows with a line of headings; what might be taken for a formula by a spreadsheet begins with an apostrophe."""
    file = io.StringIO()
    writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows(run, project):
        writer.writerow({name: harmless(value) for name, value in row.items()})
    return file.getvalue()


def harmless(value: Any) -> Any:
    """A text that no spreadsheet runs."""
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )


FORMATS: Mapping[str, Callable[[Run, Project], str]] = {"markdown": markdown, "csv": as_csv, "json": as_json}
"""What ``steelyard show`` can write beside the table for the terminal."""
