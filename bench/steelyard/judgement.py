"""What a gate has found: plain data, from which every table and page is made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from steelyard.errors import SteelyardError
from steelyard.runs import write_atomically

FORMAT = 1
"""The version of the file."""

TIMED = ("slower", "faster", "same", "undecided")
"""The verdicts of cells that were measured; :mod:`steelyard.verdict` says what they mean."""

UNJUDGED = {
    "vanished": "it is in base alone",
    "renamed": "it has another name in head",
    "new": "it is in head alone",
    "changed": "it computes something else: inputs, sizes, tolerances or results differ",
    "disagrees": "it does not agree with its own revision's reference",
    "unavailable": "its backend cannot run here",
    "failed": "it could not be loaded, crashed or hung",
    "too slow": "one call takes more than the budget allows",
    "not run": "the gate ended before it was measured",
}
"""Verdicts of cells that could not be compared, and what they mean. Any but an accepted one is exit code 2."""

VERDICTS = (*TIMED, "unchanged", *UNJUDGED)
"""Every verdict, the measured ones first. ``unchanged`` means the same code, not timed."""


class UnreadableJudgement(SteelyardError):
    """A file that should hold what a gate found does not."""

    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One cell, judged. Times are seconds, ratios head over base."""

    cell: str
    verdict: str
    reason: str = ""
    """Why there is no ratio, or what an undecided one would take."""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    seconds: float = 0.0
    """What measuring it took."""
    tolerance: float = 0.0
    """The relative change that counts as the same."""
    smallest_change: float | None = None
    """The relative slowdown that a cell as noisy as this would have shown in four of five cases."""
    base_s: float | None = None
    """Median seconds of a call."""
    head_s: float | None = None
    log_ratios: tuple[float, ...] = ()
    """The natural logarithm of the ratio in each pair of processes, in order."""
    fresh: tuple[float, ...] = ()
    """Those of the pairs that a suspect was measured again with; they are among ``log_ratios``."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The kernel file's text by side, ``base`` and ``head``, where the two differ."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The kernel file's path in the repository by side."""
    profiles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By side the profiles by kind (``profile``, ``lines``, ``lines_data``), paths relative to the reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one gate has found."""

    id: str
    started: datetime
    base: Mapping[str, Any]
    """``name``, ``commit``, ``changed``, ``dependencies``; of a saved run ``name`` and ``commit``."""
    head: Mapping[str, Any]
    cells: tuple[Judged, ...]
    machine: Mapping[str, Any]
    budget: float | None
    seconds: float
    strict: bool = False
    accepted: tuple[str, ...] = ()
    """The verdicts without a comparison that the user has said are meant."""
    notes: tuple[str, ...] = ()
    """What must be known to read the result."""
    interrupted: bool = False
    paired: bool = True
    """False where two saved runs were compared: weaker, since nothing tells the commit from the hour."""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many cells there are of each verdict that occurs, in the order of :data:`VERDICTS`."""
        found = [cell.verdict for cell in self.cells]
        return {verdict: found.count(verdict) for verdict in VERDICTS if verdict in found}

    @property
    def exit_code(self) -> int:
        """0, nothing is slower; 1, something is; 2, something could not be judged; 130, interrupted."""
        counts = self.counts
        if self.interrupted:
            return 130
        if counts.get("slower"):
            return 1
        unjudged = set(counts) & set(UNJUDGED) - set(self.accepted)
        return 2 if unjudged or (self.strict and counts.get("undecided")) else 0

    def save(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            CannotWrite: the disk is full or the folder read-only.
        """
        data = {"format": FORMAT, **asdict(self), "started": self.started.isoformat()}
        write_atomically(path, json.dumps(data, indent=1))

    @classmethod
    def load(cls, path: Path) -> Judgement:
        """Read what :meth:`save` wrote.

        Raises:
            UnreadableJudgement: it is absent, cut short, or of another format.
        """
        try:
            data = json.loads(path.read_text("utf-8"))
            if data.pop("format") != FORMAT:
                raise ValueError("another version of steelyard wrote it")
            data["started"] = datetime.fromisoformat(data["started"])
            for name in ("accepted", "notes"):
                data[name] = tuple(data[name])
            data["cells"] = tuple(judged(cell) for cell in data["cells"])
            return cls(**data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise UnreadableJudgement(f"{path} does not hold what a gate found: {why}") from None

    def as_list(self) -> list[dict[str, Any]]:
        """A list of objects, one a cell, for other programs; no samples, sources or profiles."""
        left_out = {"log_ratios", "fresh", "sources", "files", "profiles"}
        return [
            {key: value for key, value in asdict(cell).items() if key not in left_out} for cell in self.cells
        ]


def judged(data: Mapping[str, Any]) -> Judged:
    """A cell as it was saved."""
    return Judged(**{**data, "log_ratios": tuple(data["log_ratios"]), "fresh": tuple(data["fresh"])})


def by_urgency(cells: Sequence[Judged]) -> list[Judged]:
    """Cells as a reader wants them: what is slower first, the unchanged last."""
    order = ["slower", *UNJUDGED, "undecided", "faster", "same", "unchanged"]
    return sorted(cells, key=lambda cell: (order.index(cell.verdict), -(cell.ratio or 0.0), cell.cell))
