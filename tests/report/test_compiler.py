"""What compilers said, read back."""

from __future__ import annotations

import profiles_made as made
import pytest
from steelyard.report.compiler import MEANINGS, CythonWords, NumbaWords, loops_by_indentation, reached, reason


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


def test_vectorised_loops_are_counted() -> None:
    """Of the innermost ones; loops over prange are shared out instead."""
    words = NumbaWords.from_json(made.numba("x"), None)
    assert words.outcome == (
        "Compiled by Numba, 1 of 3 innermost loops is vectorised, up to 8 elements at a time; "
        "1 loop over prange is shared out."
    )
    assert [loop.outcome for loop in words.loops] == [
        *("holds other loops", "vectorised, 8 at a time", "not vectorised", "nothing said"),
        "shared out among threads",
    ]


@pytest.mark.parametrize("start", MEANINGS)
def test_reasons_are_explained(start: str) -> None:
    """Each in words of Python; what LLVM advises to authors of C is left out."""
    found = reason(f"{start}. Use #pragma clang loop distribute(enable) to allow")
    assert found.words == start
    assert found.meaning == MEANINGS[start]
    assert reason("quite new").meaning == ""
