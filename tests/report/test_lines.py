"""Tables of lines."""

from __future__ import annotations

from steelyard.report.lines import LONGEST_FUNCTION, followed_functions, listing


def test_a_long_function_is_cut() -> None:
    """A file that claims a thousand million lines does not make as many rows."""
    entry = {"file": "f", "line": 1, "name": "n", "lines": [[10**9, 1, 1]]}
    (function,) = followed_functions({"unit_s": 1.0, "functions": [entry]}, lambda file: {}, None)
    assert len(function.lines) == LONGEST_FUNCTION + 1


def test_lines_are_read_out_of_what_the_profiler_printed() -> None:
    """Those of the file that is asked for, whatever they hold."""
    head = "Line #      Hits  Line Contents\n===============================\n"
    printed = (
        f"File: /a.py\nFunction: f at line 3\n\n{head}"
        f"     3            def f():\n     4         1      return 1\n\nFile: /b.py\n{head}     3            def g():\n"
    )
    assert listing(printed, "/a.py") == {3: "def f():", 4: "    return 1"}
    assert listing(printed, "/b.py") == {3: "def g():"}
    assert listing("", "/a.py") == {}
