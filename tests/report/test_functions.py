"""Tables of functions."""

from __future__ import annotations

import profiles_made as made
import pytest
from steelyard.call_graph import CallGraph
from steelyard.report.functions import called_functions, place


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("/home/me/kernels/a/a_numpy.py", 3, "kernels/a/a_numpy.py:3"),
        ("/home/me/.venv/lib/python3.13/site-packages/numpy/_core/x.py", 9, "numpy/_core/x.py:9"),
        ("/usr/lib/python3.13/threading.py", 90, "python3.13/threading.py:90"),
        ("~", 0, ""),
        ("<string>", 4, "<string>:4"),
    ],
)
def test_places_are_short(file: str, line: int, expected: str) -> None:
    """As far as they mean something on another machine, and no folder of anybody's home."""
    assert place(file, line, "kernels/a/a_numpy.py") == expected


def test_functions_by_their_own_time() -> None:
    """The first so many, and none that hardly took any."""
    graph = CallGraph.from_json(made.calls("cell"))
    assert [row.name for row in called_functions(graph, None, 2)] == ["<built-in method numpy.copy>", "loops"]
    assert len(called_functions(graph, None, 99)) == 35
    assert len(called_functions(graph, None, 99, least=0.001)) == 5
    assert sum(row.share for row in called_functions(graph, None, 99)) == pytest.approx(1)
