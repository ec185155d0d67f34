"""What Cython said, read back."""

from __future__ import annotations

import profiles_made as made
from steelyard.report.cython_words import CythonWords, loops_by_indentation, reached


def test_lines_that_call_python_are_counted() -> None:
    """Of the variant's function without its head, and which of them are in a loop."""
    words = CythonWords.from_json(made.cython("x"), "loops", None, ())
    assert (
        words.outcome == "Of loops, compiled by Cython, 3 of 4 lines still call Python, 1 of them in a loop."
    )
    assert [function.name for function in words.functions] == ["loops", "half"]
    assert words.functions[1].outcome == "no line of 1 calls Python"


def test_only_what_a_function_mentions_is_shown() -> None:
    """At the top of the file, also by way of another; itself once."""
    source = "def a(x):\n    return b(x)\n\ncdef b(x):\n    return a(x) + c(x)\n\ncdef c(x):\n    pass\n\ndef d():\n    pass"
    assert [name for name, _, _ in reached(source.split("\n"), "a")] == ["a", "b", "c"]
    assert reached(["x = 1"], "a") == []


def test_loops_are_told_by_indentation() -> None:
    """Blank lines are in none, and a comment that is indented is."""
    lines = [
        "def f():",
        "    for i in x:",
        "        a",
        "",
        "        while b:",
        "            c",
        "        d",
        "    e",
    ]
    assert loops_by_indentation(lines) == [False, False, True, False, True, True, True, False]
