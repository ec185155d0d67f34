"""The page of a gate: two revisions, which cells differ, by how much, and where in the code."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markupsafe import Markup

from steelyard.judgement import TIMED, UNJUDGED, Judged, Judgement, by_urgency
from steelyard.measurement import Interval
from steelyard.project import Project
from steelyard.report import gate_outcome, numbers
from steelyard.report.environment import TEMPLATES
from steelyard.report.forest import Forest
from steelyard.report.index import pairs
from steelyard.report.page import Link
from steelyard.report.side_profile import SideProfile

LINK = Link("gate", "Gate")
"""How other pages name this one."""

CONTEXT = 3
"""Lines of a diff that are shown around what differs."""


def last(project: Project) -> Path:
    """Where the last judgement of a project's reports is, if there is one."""
    return project.reports / "gate" / "last.json"


def render(judgement: Judgement, project: Project) -> Markup:
    """The body of the page."""
    html = TEMPLATES.get_template("gate.html").render(
        judgement=judgement,
        shown=Shown(judgement, project),
        outcome=gate_outcome.outcome(judgement).replace(" %", "\N{NO-BREAK SPACE}%"),
        compared=compared(judgement),
        caveats=gate_outcome.caveats(judgement),
        cures=gate_outcome.cures(judgement),
        facts=facts(judgement),
        meanings=UNJUDGED,
    )
    return Markup(html)


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a unified diff, with the class of its colour."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A cell that became slower or faster, with its code and its profiles."""

    cell: Judged
    id: str
    diff: tuple[DiffLine, ...]
    same_as: Section | None
    """The section above that shows the same diff."""
    sides: tuple[SideProfile, ...]


@dataclass(frozen=True)
class Shown:
    """A judgement arranged for reading."""

    judgement: Judgement
    project: Project

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """An anchor for each cell, the same whenever the page is made of the same cells."""
        found: dict[str, str] = {}
        taken = set()
        for cell in self.judgement.cells:
            stem = f"cell-{re.sub(r'[^A-Za-z0-9_.]+', '-', cell.cell)}"
            anchor, number = stem, 1
            while anchor in taken:
                number += 1
                anchor = f"{stem}-{number}"
            taken.add(anchor)
            found[cell.cell] = anchor
        return found

    @property
    def timed(self) -> Sequence[Judged]:
        """The cells that were measured."""
        return [cell for cell in by_urgency(self.judgement.cells) if cell.verdict in TIMED]

    @property
    def unchanged(self) -> Sequence[Judged]:
        """The cells whose code is the same."""
        return [cell for cell in by_urgency(self.judgement.cells) if cell.verdict == "unchanged"]

    @property
    def unjudged(self) -> Mapping[str, Sequence[Judged]]:
        """The cells that could not be compared, by verdict."""
        groups: dict[str, list[Judged]] = {}
        for cell in by_urgency(self.judgement.cells):
            if cell.verdict in UNJUDGED:
                groups.setdefault(cell.verdict, []).append(cell)
        return groups

    @cached_property
    def forest(self) -> Forest:
        """The plot."""
        return Forest(self.timed)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The cells that became slower or faster."""
        return tuple(self._sections())

    def _sections(self) -> Iterator[Section]:
        by_sources: dict[tuple[str | None, ...], Section] = {}
        for cell in by_urgency(self.judgement.cells):
            if cell.verdict not in ("slower", "faster"):
                continue
            key = tuple(where.get(side) for where in (cell.files, cell.sources) for side in ("base", "head"))
            lines = diff(cell)
            section = Section(
                cell=cell,
                id=f"code-{self.ids[cell.cell]}",
                diff=lines,
                same_as=by_sources.get(key) if lines else None,
                sides=tuple(SideProfile(cell, side, self.project) for side in ("base", "head")),
            )
            by_sources.setdefault(key, section)
            yield section

    def leads_to(self, cell: Judged) -> str:
        """The anchor of a cell's code and profiles, or of its own row."""
        return next((section.id for section in self.sections if section.cell is cell), self.ids[cell.cell])

    @staticmethod
    def interval(cell: Judged) -> Interval | None:
        """The ratio of a cell with its limits."""
        return gate_outcome.interval(cell)

    @staticmethod
    def per_call(seconds: float | None) -> str:
        """Seconds of a call, in three digits; a dash if they are not known or no number."""
        return (
            "–"
            if seconds is None or not math.isfinite(seconds)
            else numbers.time(Interval(seconds, seconds, seconds))
        )


def diff(cell: Judged) -> tuple[DiffLine, ...]:
    """In what head's file differs from base's; nothing if it does not, or was not kept."""
    if not cell.sources:
        return ()
    # Not by splitlines: it takes a form feed for the end of a line.
    base, head = (cell.sources.get(side, "").split("\n") for side in ("base", "head"))
    names = [str(cell.files.get(side) or "no file") for side in ("base", "head")]
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = difflib.unified_diff(base, head, f"base {names[0]}", f"head {names[1]}", n=CONTEXT, lineterm="")
    return tuple(
        DiffLine("file" if number < 2 else kinds.get(line[:1], "kept"), line)
        for number, line in enumerate(lines)
    )


def compared(judgement: Judgement) -> str:
    """What stood against what, and how long it took."""
    sides = f"Head, {gate_outcome.side_name(judgement.head)}, against base, {gate_outcome.side_name(judgement.base)}"
    if not judgement.paired:
        return f"{sides}."
    budget = f" of a budget of {numbers.duration(judgement.budget)}" if judgement.budget is not None else ""
    return f"{sides}; {numbers.duration(judgement.seconds)}{budget}."


def facts(judgement: Judgement) -> Mapping[str, str]:
    """What was compared, how long it took and where, by name; what is not known is left out."""
    machine = judgement.machine
    known = {
        "base": gate_outcome.side_name(judgement.base),
        "head": gate_outcome.side_name(judgement.head),
        "budget": numbers.duration(judgement.budget) if judgement.budget is not None else None,
        "took": numbers.duration(judgement.seconds) if judgement.paired else None,
        "started": f"{judgement.started:%Y-%m-%d %H:%M} {judgement.started.tzname() or ''}".strip(),
        "cells chosen": ", ".join(str(pattern) for pattern in judgement.options.get("patterns") or ()),
        "accepted": ", ".join(judgement.accepted),
        "strict": "undecided cells do not pass" if judgement.strict else None,
        "exit code": judgement.exit_code,
        "processor": machine.get("cpu"),
        "cores": machine.get("cores"),
        "caches": pairs(machine.get("caches")),
        "memory": f"{machine['memory'] / 2**30:.0f} GiB" if machine.get("memory") else None,
        "system": machine.get("system"),
        "interpreter": machine.get("python"),
        "compiler": machine.get("compiler"),
        "libraries": pairs(machine.get("libraries")),
        "gate": judgement.id,
    }
    return {name: str(value) for name, value in known.items() if value not in (None, "")}
