"""What a gate has found as text: a table for the terminal, and Markdown for the summary of a CI job."""

from __future__ import annotations

from collections.abc import Sequence

import click

from steelyard.judgement import UNJUDGED, Judged, Judgement, by_urgency
from steelyard.report import numbers
from steelyard.report.gate_outcome import capital, caveats, cures, interval, outcome, side_name
from steelyard.report.text import code, columns, printable, row_line, short, wrapped

COLOURS = {
    "slower": "red",
    "faster": "green",
    "same": None,
    "undecided": "yellow",
    **dict.fromkeys(UNJUDGED, "magenta"),
}
"""The colour of each verdict."""

HEADINGS = ("verdict", "cell", "change", "95 % interval", "pairs", "s")
"""The columns; where they do not fit, the last ones are left out first."""

NARROWEST, LEAST = 24, 8
"""Columns that a cell's name is given before other columns are left out, and before the change is, too."""

REASON_LINES = 4
"""Lines of a reason in the terminal; the page has all of it."""


def table(judgement: Judgement, width: int = 100, colour: bool = False) -> str:
    """The result for a terminal of ``width`` columns, ending in the outcome and what to do about it.

    Args:
        judgement: what the gate has found.
        width: columns that no line exceeds.
        colour: whether verdicts are coloured by ANSI codes.
    """
    shown = [cell for cell in by_urgency(judgement.cells) if cell.verdict != "unchanged"]
    lines = wrapped(
        f"{printable(side_name(judgement.head))} against {printable(side_name(judgement.base))}", width
    )
    if shown:
        lines += ["", *rows(shown, width, colour)]
    if unchanged := len(judgement.cells) - len(shown):
        lines += ["", *wrapped(f"{unchanged:,} unchanged in code and not timed", width)]
    for paragraph in (*judgement.notes, *caveats(judgement)):
        lines += ["", *wrapped(printable(paragraph), width)]
    sentence = wrapped(outcome(judgement, printable), width)
    lines += ["", *([click.style(line, bold=True) for line in sentence] if colour else sentence)]
    for cure in cures(judgement):
        lines += wrapped(cure, width, "  ")
    return "\n".join(lines)


def rows(cells: Sequence[Judged], width: int, colour: bool) -> list[str]:
    """The table itself, a line for each cell and those of its reason."""
    texts = [[printable(text) for text in texts_of(cell)] for cell in cells]
    widths = [max(columns(row[place]) for row in [HEADINGS, *texts]) for place in range(len(HEADINGS))]
    while len(widths) > 2 and room_for_names(widths, width) < min(
        NARROWEST if len(widths) > 3 else LEAST, widths[1]
    ):
        widths.pop()
    widths[1] = max(1, min(widths[1], room_for_names(widths, width)))
    lines = [row_line(HEADINGS, widths, 2)]
    for cell, row in zip(cells, texts, strict=True):
        line = row_line(row, widths, 2)
        verdict = click.style(cell.verdict, fg=COLOURS.get(cell.verdict), bold=cell.verdict == "slower")
        lines.append(verdict + line[len(cell.verdict) :] if colour else line)
        reason = wrapped(printable(cell.reason), width, "    ")
        if len(reason) > REASON_LINES:
            reason = [*reason[: REASON_LINES - 1], "    … (the report has all of it)"[:width]]
        lines += [click.style(line, dim=True) for line in reason] if colour else reason
    return lines


def room_for_names(widths: Sequence[int], width: int) -> int:
    """The columns that the others leave to the cells' names, with two between each."""
    return width - sum(widths) + widths[1] - 2 * (len(widths) - 1)


def texts_of(cell: Judged) -> tuple[str, ...]:
    """What stands in each column."""
    ratio = interval(cell)
    return (
        cell.verdict,
        cell.cell,
        numbers.change(ratio) if ratio else "–",
        numbers.change_range(ratio) if ratio else "–",
        f"{cell.pairs:,}" if cell.pairs else "–",
        f"{cell.seconds:,.1f}" if cell.seconds else "–",
    )


def markdown(judgement: Judgement) -> str:
    """The result for ``$GITHUB_STEP_SUMMARY``, ending in a line break."""
    shown = [cell for cell in by_urgency(judgement.cells) if cell.verdict != "unchanged"]
    blocks = [
        f"## {heading(judgement)}",
        outcome(judgement, code),
        f"Head {code(side_name(judgement.head))} against base {code(side_name(judgement.base))}"
        f"{f', in {numbers.duration(judgement.seconds)}' if judgement.paired else ''}.",
        *(f"**{caveat}**" for caveat in caveats(judgement)),
    ]
    if shown:
        head = ["| verdict | cell | change | 95 % interval | pairs | s |", "|:--|:--|--:|--:|--:|--:|"]
        blocks.append("\n".join([*head, *(markdown_row(cell) for cell in shown)]))
    reasons = [
        f"- {code(cell.cell)}, {cell.verdict}: {code(short(cell.reason))}" for cell in shown if cell.reason
    ]
    if reasons:
        blocks.append("\n".join(reasons))
    if unchanged := len(judgement.cells) - len(shown):
        blocks.append(f"{unchanged:,} unchanged in code and not timed.")
    more = [
        *(f"- {code(cure)}" for cure in cures(judgement)),
        *(f"- {code(note)}" for note in judgement.notes),
    ]
    if more:
        blocks.append("\n".join(more))
    return "\n\n".join(blocks) + "\n"


def heading(judgement: Judgement) -> str:
    """The outcome in a few words, without names."""
    if judgement.interrupted:
        return "Gate: interrupted"
    counts = judgement.counts
    found = [f"{counts[verdict]:,} {verdict}" for verdict in counts if verdict not in ("same", "unchanged")]
    compared = "Gate" if judgement.paired else "Two saved runs"
    return f"{compared}: {capital(', '.join(found)) or 'nothing is slower'}"


def markdown_row(cell: Judged) -> str:
    """A row of the table; what is slower stands out."""
    verdict, name, *others = texts_of(cell)
    shown = f"**{verdict}**" if verdict == "slower" else verdict
    return f"| {shown} | {code(name)} | {' | '.join(others)} |"
