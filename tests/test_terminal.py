"""What is said at the end fits on a terminal, and is one line each in a log."""

import pytest
from screens import Screen
from steelyard.runs import Missing
from steelyard.terminal import summarise


class Reporter:
    def __init__(self, screen):
        self.screen = screen

    def section(self, title):
        self.write_line(f"== {title} ==")

    def write_line(self, line, **markup):
        self.screen.write(f"{line}\n")


WARNING = (
    "double/numba/f/small used 1.30 s of CPU time per second: " + "it runs on more than one thread; " * 3
)


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_said_at_the_end(terminal, monkeypatch):
    """A warning is broken between words where somebody reads it, and whole where something searches it."""
    screen = Screen(50, lines=20, terminal=terminal)
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", "50")
    missing = [Missing(f"double/numba/f/{size}", "failed", "wrong\nat length") for size in ("small", "large")]
    summarise(Reporter(screen), ["overview"], missing, [WARNING.strip()], ["it is lost"], {})
    lines = screen.getvalue().splitlines()
    assert " ".join(lines) == (
        f"== steelyard == overview failed: double/numba/f/small and 1 more: wrong warning: {WARNING.strip()} error: it is lost"
    )
    assert (max(map(len, lines)) <= 50) == terminal
    assert (f"warning: {WARNING.strip()}" in lines) != terminal
