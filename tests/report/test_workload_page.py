"""The page of a workload."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from steelyard.project import Project
from steelyard.report.comparison import Comparison
from steelyard.report.numbers import TIMES
from steelyard.report.workload_page import headline, pages
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            [("python/loops", 0.2, 1), ("numba/loops", 0.002, 1)],
            f"At size medium, numba is fastest: 2.00 ms per call, 100{TIMES} over python.",
        ),
        (
            [("python/loops", 0.2, 1), ("numba/loops", 0.002, 1), ("cython/parallel", 0.001, 2)],
            f"At size medium, numba is fastest on one thread: 2.00 ms per call, 100{TIMES} over python.",
        ),
        (
            [("python/loops", 0.2, 1), ("numba/loops", 0.002, 1), ("cython/typed", 0.002, 1)],
            f"At size medium, cython or numba is fastest: 2.00 ms per call, 100{TIMES} over python.",
        ),
        (
            [("python/loops", 0.2, 1), ("numpy/steps", 0.3, 1)],
            "At size medium, python is fastest: 200 ms per call.",
        ),
        ([("numba/loops", 0.002, 1)], "At size medium, only numba has a time: 2.00 ms per call."),
        ([], "No variant has a time."),
    ],
)
def test_the_first_sentence(
    cells: list[tuple[str, float, int]], expected: str, make: SimpleNamespace, load: Load
) -> None:
    """Which backend is fastest at the largest size, and by how much; of those that are even, all."""
    measured = [
        make.full(f"lif/{name}/medium", seconds, threads=threads, parallel=threads > 1)
        for name, seconds, threads in cells
    ]
    comparison = Comparison(load(make.run_data(measured, [make.missing("lif/c/d/small", "failed", "no")])))
    assert sorted_names(headline(comparison, "lif")) == sorted_names(expected)


def sorted_names(sentence: str) -> list[str]:
    """The words, for those that are even stand in any order."""
    return sorted(sentence.split())


def test_the_columns_are_explained_where_one_asks(
    usual: dict[str, Any], load: Load, project: Project
) -> None:
    """Folded, so that the table comes first."""
    run = load(usual)
    html = str(pages(run, project)[0].render(run, project))
    assert html.index('<p class="lead">') < html.index("<details>\n<summary>What the columns mean</summary>")
    assert html.index("pays back after calls</dt>") < html.index('<table class="variants')
