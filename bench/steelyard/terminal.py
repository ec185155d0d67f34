"""What a measuring test run says in the terminal, beside what pytest and pytest-benchmark say."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from steelyard.progress import Bar, Forecast
from steelyard.runs import Missing


class Terminal:
    """pytest's terminal, silent where pytest is."""

    def __init__(self, config: pytest.Config) -> None:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        self._reporter: Any = reporter if reporter and reporter.verbosity >= 0 else None
        self._tests_write = config.getoption("capture") == "no"
        self._bar = Bar()
        self.forecast = Forecast()

    def say(self, line: str, **markup: bool) -> None:
        """Print a line of its own."""
        if self._reporter:
            self.clear()
            self._reporter.ensure_newline()
            self._reporter.write_line(f"steelyard: {line}", **markup)

    def progress(self, what: str, done: int, whole: int) -> None:
        """Show how far the run is and how long it will take yet, where there is somebody to see it."""
        self.forecast.step(what, done, whole)
        if self._shows_progress:
            self.clear()
            self._reporter.ensure_newline()
            self._draw(below=False)

    def progress_of_tests(self, what: str, done: int, whole: int) -> None:
        """The same below the line in which pytest shows its tests; not where what they print goes to the terminal."""
        self.forecast.step(what, done, whole)
        if self._shows_progress and not self._tests_write:
            self._draw(below=True)

    def clear(self) -> None:
        """Take the progress away before somebody else writes."""
        self._bar.erase(sys.stdout)

    @property
    def _shows_progress(self) -> bool:
        return bool(self._reporter) and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

    def _draw(self, *, below: bool) -> None:
        try:
            "━─".encode(sys.stdout.encoding or "ascii")
            glyphs = ("━", "─")
        except (UnicodeEncodeError, LookupError):
            glyphs = ("#", "-")
        width = shutil.get_terminal_size().columns - 1  # a full line may wrap
        self._bar.draw(sys.stdout, self.forecast.line(width, *glyphs), below=below)


def summarise(
    reporter: Any,
    overview: Iterable[str],
    missing: Sequence[Missing],
    warnings: Iterable[str],
    problems: Iterable[str],
    written: Mapping[str, Path],
) -> None:
    """Print what is how fast, what has no time and why, the warnings, what went wrong, and where to look next."""
    reporter.section("steelyard")
    for line in overview:
        reporter.write_line(line)
    for status, lines in grouped(missing).items():
        for line in lines:
            reporter.write_line(f"{status}: {line}", red=status == "failed", yellow=status != "failed")
    for warning in warnings:
        reporter.write_line(f"warning: {warning}", yellow=True)
    for problem in problems:
        reporter.write_line(f"error: {problem}", red=True)
    if "profiles" in written:
        reporter.write_line(f"profiles: snakeviz {shown(written['profiles'])}")
    if "report" in written:
        reporter.write_line(f"report:   {shown(written['report'])}")


def grouped(missing: Sequence[Missing]) -> dict[str, list[str]]:
    """The reasons by status, a line each, with the first cell that has it and how many more."""
    cells: dict[tuple[str, str], list[str]] = {}
    for row in missing:
        cells.setdefault((row.status, row.reason.splitlines()[0]), []).append(row.cell)
    lines: dict[str, list[str]] = {}
    for (status, reason), those in sorted(cells.items()):
        more = f" and {len(those) - 1} more" if len(those) > 1 else ""
        lines.setdefault(status, []).append(f"{those[0]}{more}: {reason}")
    return lines


def shown(path: Path) -> str:
    """A path as short as it can be typed from here."""
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
