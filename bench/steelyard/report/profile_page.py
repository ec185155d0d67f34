"""A page for each variant that was profiled: where its time goes, by function and by line, and what its compiler says."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import Markup

from steelyard.call_graph import LEAST, CallGraph
from steelyard.measurement import Measurement
from steelyard.project import Project
from steelyard.report import call_figures, sources
from steelyard.report.comparison import Comparison
from steelyard.report.cython_words import CythonWords
from steelyard.report.environment import TEMPLATES
from steelyard.report.figures import Figure
from steelyard.report.functions import CalledFunction, called_functions, is_end_of
from steelyard.report.lines import FollowedFunction, followed_functions, listing
from steelyard.report.numba_words import NumbaWords
from steelyard.report.numbers import percent
from steelyard.report.outcome import enumeration
from steelyard.report.page import Page, slug
from steelyard.report.profiles import (
    UNREADABLE,
    NotRecorded,
    Profiles,
    page_name,
    section_id,
    unreadable,
)
from steelyard.report.workload_page import by_backend
from steelyard.report.workload_page import page_name as workload_page_name
from steelyard.runs import Run

SHOWN = 25
"""How many functions are shown, those with the most time of their own."""

NAMED = 0.1
"""The share of the time from which a function is named in the outcome."""


def pages(run: Run, project: Project) -> tuple[Page, ...]:
    """A page for each variant of which a run has profiles."""
    profiles, comparison = Profiles.of(run, project), Comparison(run, project.backends)
    variants: dict[str, list[Measurement]] = {}
    for workload in comparison.workloads:
        found = [result for size in comparison.sizes_of(workload) for result in comparison.at(workload, size)]
        for measurement in by_backend(found, comparison):
            if measurement.cell in profiles.files:
                variants.setdefault(page_name(measurement), []).append(measurement)
    return tuple(
        Page(
            name,
            f"{comparison.title(cells[0].workload)}: {cells[0].backend} {cells[0].variant}, profiles",
            under=workload_page_name(cells[0].workload),
            render=partial(render, cells, profiles),
        )
        for name, cells in variants.items()
    )


ITSELF = "the kernel itself, into which cProfile does not see"
"""What the row of a cell stands for, if the kernel has none of its own."""


@dataclass(frozen=True, slots=True)
class CellProfile:
    """What cProfile found of one size of a variant."""

    measurement: Measurement
    id: str
    """Of its section."""
    graph: CallGraph | None
    problem: str
    """Why there is no graph, if there is none."""
    functions: tuple[CalledFunction, ...]
    figures: Sequence[Figure]
    command: str | None
    links: Mapping[str, str]

    @classmethod
    def of(cls, measurement: Measurement, profiles: Profiles, own: str | None) -> CellProfile:
        """What is recorded of a cell."""
        anchor = section_id(measurement.size)
        graph, problem = None, ""
        try:
            graph = graph_of(profiles, measurement.cell)
        except NotRecorded as error:
            problem = str(error)
        return cls(
            measurement=measurement,
            id=anchor,
            graph=graph,
            problem=problem,
            functions=called_functions(graph, own, SHOWN, LEAST) if graph else (),
            figures=call_figures.drawn(graph, measurement.size, anchor, own, measurement.backend)
            if graph
            else (),
            command=profiles.command(measurement.cell),
            links=profiles.links(measurement.cell),
        )

    @property
    def left_out(self) -> int:
        """How many functions the table does not show."""
        return len(self.graph.functions) - len(self.functions) if self.graph else 0

    @property
    def outcome(self) -> str:
        """Which functions have the kernel's time, in a sentence; empty if that is not known."""
        named = [
            f"{ITSELF if row.name == self.measurement.cell else row.name} ({percent(row.share)})"
            for row in [row for row in self.functions if not row.is_repeating][:3]
            if row.share >= NAMED
        ]
        return f"At size {self.measurement.size} the time is spent in {enumeration(named)}." if named else ""


@dataclass(frozen=True)
class VariantProfile:
    """What is recorded of a variant as a whole, whichever of its sizes that was found with."""

    cells: Sequence[Measurement]
    profiles: Profiles
    source: Mapping[str, Any]

    @property
    def own(self) -> str | None:
        """Its file, relative to the project's root."""
        file = self.source.get("file")
        return file if isinstance(file, str) and file else None

    def cell_with(self, kind: str) -> str:
        """The first of its cells that has a file of a kind; the first of all if none has."""
        named = [cell.cell for cell in self.cells if kind in self.profiles.files.get(cell.cell, {})]
        return named[0] if named else self.cells[0].cell

    @property
    def lines_size(self) -> str:
        """The size at which its lines were followed; empty if they were not."""
        return next(
            (cell.size for cell in self.cells if "lines_data" in self.profiles.files.get(cell.cell, {})), ""
        )

    def lines(self) -> tuple[Sequence[FollowedFunction], str]:
        """The functions whose lines were followed, and what must be known to read them, or why there are none."""
        cell = self.cell_with("lines_data")
        if self.cells[0].backend == "numba" and "lines_data" not in self.profiles.files.get(cell, {}):
            return (
                (),
                "Compiled code has no lines that could be followed; those of the function as plain Python are had by",
            )
        try:
            record = self.profiles.read(cell, "lines_data")
            try:
                note = str(record.get("note") or "")
                return followed_functions(record, partial(self.texts, cell), self.own), note
            except UNREADABLE as error:
                raise unreadable(self.profiles.files[cell]["lines_data"], error) from None
        except NotRecorded as error:
            return (), f"No lines. {error}"

    def texts(self, cell: str, file: str) -> Mapping[int, str]:
        """The lines of a file by number: of the variant's own as the run recorded it, else as the profiler saw it."""
        text = self.source.get("text")
        if self.own and isinstance(text, str) and is_end_of(self.own, file):
            return dict(enumerate(text.split("\n"), 1))
        return listing(self.profiles.text(cell, "lines"), file)

    def compiler(self, followed: Sequence[FollowedFunction]) -> CythonWords | NumbaWords | str:
        """What its compiler said, or why that is not known; empty if it has none."""
        cell = self.cell_with("compiler_data")
        if "compiler_data" not in self.profiles.files.get(cell, {}):
            return ""
        try:
            record = self.profiles.read(cell, "compiler_data")
            try:
                if reason := record.get("reason"):
                    return f"{record['compiler']} says nothing of it: {reason}"
                if record["compiler"] == "Cython":
                    return CythonWords.from_json(record, self.cells[0].variant, self.own, followed)
                return NumbaWords.from_json(record, self.own)
            except UNREADABLE as error:
                raise unreadable(self.profiles.files[cell]["compiler_data"], error) from None
        except NotRecorded as error:
            return f"What its compiler said is not known. {error}"


def graph_of(profiles: Profiles, cell: str) -> CallGraph:
    """The call graph that was recorded of a cell.

    Raises:
        NotRecorded: there is none, or its file holds something else.
    """
    data = profiles.read(cell, "profile_data")
    try:
        return CallGraph.from_json(data)
    except UNREADABLE as error:
        raise unreadable(profiles.files[cell]["profile_data"], error) from None


def render(cells: Sequence[Measurement], profiles: Profiles, run: Run, project: Project) -> Markup:
    """The body of a variant's page."""
    variant = VariantProfile(cells, profiles, sources.recorded(run, cells[0]))
    sections = [CellProfile.of(cell, profiles, variant.own) for cell in cells]
    followed, note = variant.lines()
    words = variant.compiler(followed)
    cython = words if isinstance(words, CythonWords) else None
    numba = words if isinstance(words, NumbaWords) else None
    outcomes = [sections[-1].outcome, words.outcome if not isinstance(words, str) else ""]
    annotated = {function.place for function in cython.functions} if cython else set()
    html = TEMPLATES.get_template("profile.html").render(
        first=cells[0],
        workload_page=workload_page_name(cells[0].workload),
        outcome=" ".join(filter(None, outcomes)),
        sections=sections,
        note=call_figures.NOTE,
        # Cython's own lines stand in one table with what they call of Python.
        followed=[function for function in followed if function.place not in annotated],
        lines_note=note,
        lines_size=variant.lines_size,
        lines_command=f"steelyard profile --with lines {shlex.quote(cells[0].cell)}"
        if cells[0].backend == "numba" and not followed
        else "",
        cython=cython,
        numba=numba,
        no_words=words if isinstance(words, str) else "",
        source=f"source-{slug(variant.own)}"
        if variant.own and isinstance(variant.source.get("text"), str)
        else "",
    )
    return Markup(html)
