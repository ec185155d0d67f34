"""What a gate has found in one sentence, what weakens it, and what to do about cells that were not judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steelyard.judgement import TIMED, UNJUDGED, Judged, Judgement, by_urgency
from steelyard.measurement import Interval
from steelyard.report import numbers
from steelyard.report.outcome import enumeration

NAMED = 3
"""How many cells of a verdict the sentence names; the others are counted."""

CURES = {
    "vanished": "--accept {} if that is meant",
    "renamed": "--accept {} if that is meant",
    "new": "--accept {} if that is meant",
    "changed": "--accept {} if that is meant",
    "disagrees": "steelyard check says where; mend the kernel, or --accept {}",
    "unavailable": "install what the reason names, leave them out with --cells, or --accept {}",
    "failed": "mend what the reason names, leave them out with --cells, or --accept {}",
    "too slow": "a larger --budget, or a smaller size with --cells",
    "not run": "a larger --budget, or fewer --cells",
    "undecided": "a larger --budget, or a larger --tolerance; without --strict they are let pass",
}
"""What to do about cells that make a gate end with 2; what can be meant takes the verdicts that occur."""

Name = Callable[[str], str]
"""How the name of a cell is written."""


def outcome(judgement: Judgement, name: Name = str) -> str:
    """``2 of 12 cells are slower: a by 4.1 % and b by 3 %; 9 are the same to within 2 %; 1 could not be judged (new).``.

    Args:
        judgement: what the gate has found.
        name: how the name of a cell is written, so that it does no harm where the sentence stands.
    """
    counts, total = judgement.counts, len(judgement.cells)
    if not total:
        return f"{'Interrupted before any cell was judged' if judgement.interrupted else 'There is no cell to compare'}."
    slower, faster = (
        [cell for cell in by_urgency(judgement.cells) if cell.verdict == verdict]
        for verdict in ("slower", "faster")
    )
    if slower:
        sentence = [f"{len(slower):,} of {cells(total)} {be(len(slower))} slower: {changes(slower, name)}"]
    elif any(counts.get(verdict) for verdict in (*TIMED, "unchanged")):
        sentence = [
            "the one cell is not seen to be slower"
            if total == 1
            else f"of {cells(total)} none is seen to be slower"
        ]
    else:
        sentence = [
            f"none of {cells(total)} could be compared" if total > 1 else "the one cell could not be compared"
        ]
    if faster:
        sentence.append(
            f"{len(faster):,} {be(len(faster))} faster, taking less time: {changes(faster[::-1], name)}"
        )
    for verdict, clause in (
        ("same", f"the same {within(judgement)}"),
        ("unchanged", "unchanged in code"),
        ("undecided", "undecided"),
    ):
        if n := counts.get(verdict):
            sentence.append(f"{n:,} {be(n)} {clause}")
    open_ends = {verdict: n for verdict, n in counts.items() if verdict in UNJUDGED}
    meant = {verdict: n for verdict, n in open_ends.items() if verdict in judgement.accepted}
    for found, clause in (
        ({verdict: n for verdict, n in open_ends.items() if verdict not in meant}, "could not be judged"),
        (meant, "not judged, as accepted"),
    ):
        if found:
            n = sum(found.values())
            kinds = [verdict if len(found) == 1 else f"{many:,} {verdict}" for verdict, many in found.items()]
            sentence.append(f"{n:,} {f'{be(n)} ' if found is meant else ''}{clause} ({', '.join(kinds)})")
    text = "; ".join(sentence)
    return f"{'Interrupted: until then ' if judgement.interrupted else ''}{text if judgement.interrupted else capital(text)}."


def caveats(judgement: Judgement) -> tuple[str, ...]:
    """What weakens the result as a whole, in sentences."""
    found = []
    if judgement.interrupted:
        found.append(
            "It was interrupted: cells were measured less than they would have been, or not at all, and this result "
            "passes nothing."
        )
    if not judgement.paired:
        found.append(
            "This is weaker than a gate: two saved runs of different hours are compared, and nothing tells the commit "
            "from the hour. To measure both revisions side by side: steelyard gate BASE HEAD."
        )
    return tuple(found)


def cures(judgement: Judgement) -> tuple[str, ...]:
    """For each sort of cell that makes the gate end with 2, how many there are and what to do about them."""
    if judgement.interrupted:
        return ()
    counts = judgement.counts
    open_ends = [verdict for verdict in UNJUDGED if counts.get(verdict) and verdict not in judgement.accepted]
    if judgement.strict and counts.get("undecided"):
        open_ends.append("undecided")
    by_cure: dict[str, list[str]] = {}
    for verdict in open_ends:
        by_cure.setdefault(CURES[verdict], []).append(verdict)
    return tuple(
        f"{enumeration([f'{counts[verdict]:,} {verdict}' for verdict in verdicts])}: "
        + cure.format(",".join(verdicts))
        for cure, verdicts in by_cure.items()
    )


def interval(cell: Judged) -> Interval | None:
    """The ratio of a cell with its limits; None if it has none, or what is in the file is no number."""
    if cell.ratio is None or cell.low is None or cell.high is None:
        return None
    limits = (cell.ratio, cell.low, cell.high)
    return Interval(*limits) if all(math.isfinite(limit) for limit in limits) else None


def side_name(side: Mapping[str, Any]) -> str:
    """``origin/main (1a2b3c4d5e)``, and whether there are changes on top."""
    name, commit = str(side.get("name") or "no name"), str(side.get("commit") or "")[:10]
    more = [
        part
        for part in (
            "" if commit == name[:10] else commit,
            "with uncommitted changes" * bool(side.get("changed")),
        )
        if part
    ]
    return f"{name} ({' '.join(more)})" if more else name


def changes(found: Sequence[Judged], name: Name) -> str:
    """``a by 4.1 %, b by 3 % and 7 more``."""
    named = [
        f"{name(cell.cell)} by {numbers.size_of_change(ratio)}"
        if (ratio := interval(cell))
        else name(cell.cell)
        for cell in found[:NAMED]
    ]
    return enumeration([*named, f"{len(found) - NAMED:,} more"] if len(found) > NAMED else named)


def within(judgement: Judgement) -> str:
    """``to within 2 %``, if all cells that are the same are held to one tolerance."""
    tolerances = {cell.tolerance for cell in judgement.cells if cell.verdict == "same"}
    return (
        f"to within {numbers.percent(tolerances.pop())}"
        if len(tolerances) == 1
        else "to within their tolerances"
    )


def cells(count: int) -> str:
    """``1 cell``, ``12 cells``."""
    return f"{count:,} cell{'s' * (count != 1)}"


def be(count: int) -> str:
    """``is`` or ``are``."""
    return "is" if count == 1 else "are"


def capital(text: str) -> str:
    """With a capital letter at the beginning."""
    return text[:1].upper() + text[1:]
