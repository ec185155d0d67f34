"""What a gate has found as text: a table for the terminal, and Markdown for the summary of a CI job.

Names and reasons come from anybody's repository. In the terminal they cannot move the cursor or break a line; in
Markdown they stand in ``<code>`` with all that means something to Markdown as character references.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import click

from steelyard.judgement import UNJUDGED, Judged, Judgement, by_urgency
from steelyard.report import numbers
from steelyard.report.forest import shortened
from steelyard.report.gate_outcome import capital, caveats, cures, interval, outcome, side_name

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

LONGEST_REASON = 300
"""Characters of a reason in Markdown."""

HARMLESS = frozenset(" /-,")
"""What is not a letter or digit and yet stands for itself in Markdown."""


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
    lines = [row_line(HEADINGS, widths)]
    for cell, row in zip(cells, texts, strict=True):
        line = row_line(row, widths)
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


def row_line(texts: Sequence[str], widths: Sequence[int]) -> str:
    """A line of the table: words to the left, numbers to the right."""
    parts = []
    for place, (text, width) in enumerate(zip(texts, widths, strict=False)):
        fitting = text
        while columns(fitting) > width:
            fitting = shortened(fitting, len(fitting) - 1) if len(fitting) > 2 else fitting[1:]
        space = " " * (width - columns(fitting))
        parts.append(fitting + space if place < 2 else space + fitting)
    return "  ".join(parts).rstrip()


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


def code(text: str) -> str:
    """A text that Markdown shows as it is: no markup, mention, link or cell of a table comes of it."""
    visible = printable(text) or " "
    harmless = "".join(
        char if char.isalnum() or char in HARMLESS or ord(char) > 127 else f"&#{ord(char)};"
        for char in visible
    )
    return f"<code>{harmless}</code>"


def short(text: str) -> str:
    """A reason without line breaks, as far as there is room for it."""
    joined = " ".join(text.split())
    return joined if len(joined) <= LONGEST_REASON else f"{joined[: LONGEST_REASON - 1]}…"


def printable(text: str) -> str:
    """A text in one line in which nothing commands a terminal: a mark stands for what cannot be printed."""
    joined = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in joined)


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A text in lines of no more than ``width`` columns, broken between words where that is possible."""
    room = max(2, width - len(indent))
    lines: list[str] = []
    line = ""
    for word in pieces(text.replace(" %", "\N{NO-BREAK SPACE}%").split(" "), room):
        if line and columns(line) + 1 + columns(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [indent + line.replace("\N{NO-BREAK SPACE}", " ") for line in [*lines, line] if line]


def pieces(words: Iterable[str], room: int) -> Iterable[str]:
    """Words, those that are too long for a line in parts."""
    for word in words:
        part = ""
        for char in word:
            if columns(part + char) > room:
                yield part
                part = ""
            part += char
        yield part


def columns(text: str) -> int:
    """How many columns of a terminal a printable text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
