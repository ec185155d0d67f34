"""Why it is so: cProfile, line_profiler, pprofile, and what compilers say of their work.

A profiler is one entry of :data:`PROFILERS`: a function of a subject and the reports folder, which returns
the files that it wrote. Only one may be on at a time, and none while anything is timed: on Python 3.12 and
later a line profiler that stays on slows everything many times over.
"""

from __future__ import annotations

import cProfile
import json
import marshal
import os
import pstats
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import repeat
from pathlib import Path
from types import FunctionType
from typing import Any

from steelyard.call_graph import CallGraph
from steelyard.errors import CannotWrite
from steelyard.project import Project
from steelyard.runs import write_atomically
from steelyard.subject import Subject

LEAST = 0.02
"""Seconds that a profiled row is repeated for at least: SnakeViz leaves out what takes a thousandth."""

ROOT = ("steelyard", 0, "suite")
"""The one root of the merged profile."""

Profiler = Callable[[Subject, Path], dict[str, Path]]
"""``profiler(subject, reports)`` returns the files that it wrote by what they hold."""


def profile_calls(subject: Subject, reports: Path) -> dict[str, Path]:
    """cProfile's call graph, for SnakeViz and as JSON: ``profiles/NAME.prof`` and ``NAME.calls.json``."""
    return write_calls(subject, called_repeatedly(subject, LEAST), reports)


def profile_lines(subject: Subject, reports: Path) -> dict[str, Path]:
    """line_profiler's hits and time of each line, as text and as JSON: ``lines/NAME.txt`` and ``.json``.

    Written as JSON, not as line_profiler's own pickle, which must never be loaded from a stranger. Where lines cannot be
    had the JSON says why.
    """
    folder = reports / "lines"
    paths = {
        "lines": folder / f"{file_stem(subject)}.txt",
        "lines_data": folder / f"{file_stem(subject)}.json",
    }
    if subject.trace is None:
        nothing: dict[str, Any] = {"name": subject.name, "note": subject.note, "unit_s": 1.0, "functions": []}
        write_atomically(paths["lines_data"], json.dumps(nothing))
        return {"lines_data": paths["lines_data"]}
    import line_profiler

    profiler: Any = line_profiler.LineProfiler()
    try:
        subject.trace(profiler)
    finally:
        while profiler.enable_count:
            profiler.disable_by_count()
    stats = profiler.get_stats()
    text = StringIO()
    line_profiler.show_text(stats.timings, stats.unit, stream=text, stripzeros=True)
    functions = [
        {"file": file, "line": line, "name": name, "lines": [list(row) for row in rows]}
        for (file, line, name), rows in stats.timings.items()
        if rows
    ]
    record = {"name": subject.name, "note": subject.note, "unit_s": stats.unit, "functions": functions}
    write_atomically(paths["lines"], f"{subject.name}\n{subject.note}\n\n{text.getvalue()}")
    write_atomically(paths["lines_data"], json.dumps(record))
    return paths


def profile_callgrind(subject: Subject, reports: Path) -> dict[str, Path]:
    """pprofile's line and call counts, for KCachegrind or speedscope: ``profiles/NAME.callgrind``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports pipes
        import pprofile

    profiler = pprofile.Profile()
    with profiler():
        subject.call()
    text = StringIO()
    profiler.callgrind(text, relative_path=False)
    path = reports / "profiles" / f"{file_stem(subject)}.callgrind"
    write_atomically(path, text.getvalue())
    return {"callgrind": path}


def profile_compiler(subject: Subject, reports: Path) -> dict[str, Path]:
    """What Cython or Numba says of the code that it made: ``profiles/NAME.compiler.json``."""
    if subject.explain is None:
        return {}
    path = reports / "profiles" / f"{file_stem(subject)}.compiler.json"
    write_atomically(path, json.dumps({"name": subject.name, **subject.explain()}))
    return {"compiler_data": path}


PROFILERS: Mapping[str, Profiler] = {
    "cprofile": profile_calls,
    "lines": profile_lines,
    "pprofile": profile_callgrind,
    "compiler": profile_compiler,
}


def profilers_of(project: Project | None) -> Mapping[str, Profiler]:
    """The profilers of the harness and those that a project's configuration adds."""
    added = project.profilers if project else {}
    return {**PROFILERS, **{name: project.load(target) for name, target in added.items() if project}}


def called_repeatedly(subject: Subject, seconds: float) -> pstats.Stats:
    """cProfile's statistics of calls that together take ``seconds``, under a row of the subject's name.

    What is not pure is called once. The row is a Python function of that name, so that a compiled kernel,
    which cProfile does not see, has its time there.
    """
    call = subject.call

    def calls(count: int) -> None:
        for _ in repeat(None, count):
            call()

    named = FunctionType(
        code=calls.__code__.replace(
            co_name=subject.name, co_filename=str(subject.file), co_firstlineno=subject.line
        ),
        globals=globals(),
        name=subject.name,
        closure=calls.__closure__,
    )
    # Doubled until it has lasted, not reckoned from one call: that one has to fetch its data and code.
    profile = cProfile.Profile()
    count, end = 1, time.perf_counter() + seconds
    profile.runcall(named, count)
    while subject.pure and time.perf_counter() < end:
        count *= 2
        profile.runcall(named, count)
    stats = pstats.Stats(profile)
    table: dict[Any, Any] = stats.stats  # type: ignore[attr-defined]
    table.pop(("~", 0, "<method 'disable' of '_lsprof.Profiler' objects>"), None)
    return stats


def write_calls(subject: Subject, stats: pstats.Stats, reports: Path) -> dict[str, Path]:
    """Write a subject's statistics for SnakeViz, and for the report as JSON: marshal is never loaded.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    stem = reports / "profiles" / file_stem(subject)
    paths = {
        "profile": stem.with_name(f"{stem.name}.prof"),
        "profile_data": stem.with_name(f"{stem.name}.calls.json"),
    }
    dump(stats, paths["profile"])
    graph = CallGraph.of(subject.name, stats.stats)  # type: ignore[attr-defined]
    write_atomically(paths["profile_data"], json.dumps(graph.as_dict()))
    return paths


def dump(stats: pstats.Stats, path: Path) -> None:
    """Write statistics as cProfile does, whole or not at all.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    part = path.with_name(f".{path.name[:40]}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            marshal.dump(stats.stats, file)  # type: ignore[attr-defined]
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CannotWrite(path, error) from error


def merged(parts: Sequence[tuple[str, pstats.Stats]]) -> pstats.Stats:
    """One profile of many: every named row hangs under one root, whose time is theirs together."""
    whole = pstats.Stats()
    for _, stats in parts:
        whole.add(stats)
    table: dict[Any, Any] = whole.stats  # type: ignore[attr-defined]
    total = 0.0
    names = {name for name, _ in parts}
    for row, (primitive, calls, own, cumulative, callers) in list(table.items()):
        if row[2] in names:
            table[row] = (
                primitive,
                calls,
                own,
                cumulative,
                {**callers, ROOT: (primitive, calls, own, cumulative)},
            )
            total += cumulative
    table[ROOT] = (1, 1, 0.0, total, {})
    return whole


@dataclass(frozen=True, slots=True)
class Profiled:
    """The files that profiling wrote, and what could not be profiled."""

    files: Mapping[str, Mapping[str, Path]]
    """By cell, then by what they hold: profile, lines, callgrind."""
    problems: tuple[str, ...]


def profile(subject: Subject, reports: Path, profilers: Mapping[str, Profiler]) -> Profiled:
    """Run each of the profilers over one subject.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    files: dict[str, Path] = {}
    problems = []
    for name, profiler in profilers.items():
        try:
            files |= profiler(subject, reports)
        except CannotWrite:
            raise
        except Exception as error:
            problems.append(f"{subject.name}: {name}: {type(error).__name__}: {error}")
    return Profiled({subject.name: files}, tuple(problems))


def profile_suite(
    cells: Sequence[tuple[Subject, float]],
    closely: Sequence[tuple[Subject, Mapping[str, Profiler]]],
    reports: Path,
    run_id: str,
    progress: Callable[[str, int, int], None] = lambda what, done, whole: None,
) -> Profiled:
    """cProfile for every cell and, all in one, ``reports/suite.prof``; the other profilers for some.

    Args:
        cells: each with the seconds that one call takes.
        closely: some, each with the other profilers that are run over it.
        run_id: the run that the profiles belong to; ``profiles/profiles.json`` says so.
        progress: is told how far it is.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    for old in [*(reports / "profiles").glob("*"), *(reports / "lines").glob("*")]:
        if old.is_file():
            old.unlink()
    # A row must last for a visible share of the whole, which the slowest cells decide.
    least = max(LEAST, sum(max(LEAST, seconds) for _, seconds in cells) / 300)
    parts: list[tuple[str, pstats.Stats]] = []

    def profile_part(subject: Subject, reports: Path) -> dict[str, Path]:
        stats = called_repeatedly(subject, least)
        parts.append((subject.name, stats))
        return write_calls(subject, stats, reports)

    files: dict[str, dict[str, Path]] = {}
    problems: list[str] = []
    jobs = [(subject, {"cprofile": profile_part}) for subject, _ in cells]
    for done, (subject, chosen) in enumerate([*jobs, *closely]):
        progress("profiling", done, len(cells) + len(closely))
        outcome = profile(subject, reports, chosen)
        files.setdefault(subject.name, {}).update(outcome.files[subject.name])
        problems += outcome.problems
    if parts:
        dump(merged(parts), reports / "suite.prof")
    index = {
        cell: {kind: path.relative_to(reports).as_posix() for kind, path in made.items()}
        for cell, made in files.items()
    }
    write_atomically(
        reports / "profiles" / "profiles.json", json.dumps({"run": run_id, "cells": index}, indent=1)
    )
    return Profiled(files, tuple(problems))


def file_stem(subject: Subject) -> str:
    """A file name for what belongs to a subject."""
    return "".join(char if char.isalnum() or char in "._" else "-" for char in subject.name)
