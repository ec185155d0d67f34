"""What the suites of a calibration have found: plain data, a line for each, and the summary that is made of them alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from steelyard.errors import CannotWrite, SteelyardError
from steelyard.judgement import Judgement
from steelyard.machine import Machine
from steelyard.verdict import Verdict

QUIET = 0.1
"""Other processes' share of the machine's cores up to which a suite counts as measured on a quiet machine."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell of one suite."""

    cell: str
    effect: float
    """The share more work that head does."""
    verdict: str
    ratio: float | None
    low: float | None
    high: float | None
    pairs: int
    reason: str
    log_ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """What one suite found."""

    kind: str
    """``same`` or ``slowed``."""
    neighbour: bool
    """Whether a process of ours burned a core in bursts beside it."""
    load: float
    """The share of the machine's cores that processes other than ours used meanwhile."""
    seconds: float
    budget: float
    tolerance: float
    started: str
    machine: str
    cells: tuple[Outcome, ...]

    @classmethod
    def from_judgement(
        cls,
        judgement: Judgement,
        kind: str,
        effects: dict[str, float],
        *,
        neighbour: bool,
        load: float,
        tolerance: float,
    ) -> Suite:
        """The record of one gate."""
        return cls(
            kind=kind,
            neighbour=neighbour,
            load=load,
            seconds=judgement.seconds,
            budget=judgement.budget or 0.0,
            tolerance=tolerance,
            started=judgement.started.isoformat(timespec="seconds"),
            machine=Machine.here().key,
            cells=tuple(
                Outcome(
                    cell.cell,
                    effects.get(cell.cell, 0.0),
                    cell.verdict,
                    cell.ratio,
                    cell.low,
                    cell.high,
                    cell.pairs,
                    cell.reason,
                    cell.log_ratios,
                )
                for cell in judgement.cells
            ),
        )

    @classmethod
    def from_json(cls, line: str) -> Suite:
        """The record in a line of the file.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        data = json.loads(line)
        cells = tuple(
            Outcome(**{**cell, "log_ratios": tuple(cell["log_ratios"])}) for cell in data.pop("cells")
        )
        return cls(**data, cells=cells)

    @property
    def quiet(self) -> bool:
        """Whether nothing else worked the machine."""
        return not self.neighbour and self.load <= QUIET


def append(path: Path, suite: Suite) -> None:
    """Add a suite to the file.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(suite)) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CannotWrite(path, error) from error


def read(path: Path) -> list[Suite]:
    """The suites in the file; a line that was cut short is passed over, and none is there before the first has ended.

    Raises:
        SteelyardError: it cannot be read.
    """
    suites = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SteelyardError(f"{path}: {error.strerror}") from None
    for line in lines:
        try:
            suites.append(Suite.from_json(line))
        except (ValueError, KeyError, TypeError):
            continue
    return suites


def summary(suites: Sequence[Suite]) -> str:
    """What the suites have shown, in words and counts with exact binomial intervals."""
    if not suites:
        return "no suite has ended yet"
    paragraphs = []
    for title, chosen in (
        ("on a quiet machine", [suite for suite in suites if suite.quiet]),
        ("with another process burning a core in bursts", [suite for suite in suites if suite.neighbour]),
        ("while other work went on", [suite for suite in suites if not suite.quiet and not suite.neighbour]),
    ):
        for budget, tolerance in sorted({(suite.budget, suite.tolerance) for suite in chosen}):
            same_conditions = [
                suite for suite in chosen if (suite.budget, suite.tolerance) == (budget, tolerance)
            ]
            paragraphs.append(
                "\n".join(
                    [
                        f"{title}, budget {budget:g} s, tolerance {100 * tolerance:g} %",
                        *lines_of(same_conditions),
                    ]
                )
            )
    return "\n\n".join(paragraphs)


def lines_of(suites: Sequence[Suite]) -> Iterator[str]:
    """The figures of suites that were measured under the same conditions."""
    kinds = {kind: [suite for suite in suites if suite.kind == kind] for kind in ("same", "slowed")}
    took = [suite.seconds for suite in suites]
    yield (
        f"  suites of the same code: {len(kinds['same'])}; with slowed cells: {len(kinds['slowed'])}; "
        f"{sum(took) / len(took):.0f} s each on average, {max(took):.0f} s at most"
    )
    alarm = (Verdict.SLOWER, Verdict.FASTER)
    if kinds["same"]:
        alarmed = sum(any(cell.verdict in alarm for cell in suite.cells) for suite in kinds["same"])
        yield f"  suites of the same code with a false alarm: {share_of(alarmed, len(kinds['same']))}"
    cells = [cell for suite in suites for cell in suite.cells]
    for effect in sorted({cell.effect for cell in cells}):
        here = [cell for cell in cells if cell.effect == effect]
        counts = {word: sum(cell.verdict == word for cell in here) for word in Verdict}
        failed = len(here) - sum(counts.values())
        name = "same code" if effect == 0 else f"+{100 * effect:g} %"
        yield f"  {name}:" + (f" ({failed} could not be judged)" if failed else "")
        for word, count in counts.items():
            yield f"    {word:<10} {share_of(count, len(here))}"
        with_interval = [cell for cell in here if cell.low is not None and cell.high is not None]
        covered = sum(cell.low <= 1 + effect <= cell.high for cell in with_interval)  # type: ignore[operator]
        yield f"    interval holds the nominal ratio: {share_of(covered, len(with_interval))}"


def share_of(count: int, whole: int) -> str:
    """``3 of 720 (0.4 %, 0.1 to 1.2 %)``: with the exact binomial interval of 95 % (Clopper & Pearson 1934)."""
    if not whole:
        return "0 of 0"
    from scipy import stats

    interval = stats.binomtest(count, whole).proportion_ci(0.95, method="exact")
    return f"{count} of {whole} ({100 * count / whole:.1f} %, {100 * interval.low:.1f} to {100 * interval.high:.1f} %)"
