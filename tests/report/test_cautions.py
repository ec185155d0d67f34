"""What a reader is warned of."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from steelyard.report.cautions import cautions
from steelyard.report.comparison import Comparison
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]


def texts(run: Run) -> list[str]:
    return [caution.text for caution in cautions(run, Comparison(run))]


def test_a_quiet_run_has_none(make: SimpleNamespace, load: Load) -> None:
    """Nothing is the matter, and nothing is said."""
    assert texts(load(make.run_data([make.full("lif/numba/loops/small", 0.001)]))) == []


def test_noisy_cells_are_named(make: SimpleNamespace, load: Load) -> None:
    """The worst three, and how many there are."""
    cells = [make.full(f"lif/numba/v{n}/small", 0.001, spread=0.1 * n) for n in range(6)]
    (text,) = texts(load(make.run_data(cells)))
    assert text.startswith("5 of 6 cells are noisy")
    assert "lif/numba/v5/small (±" in text
    assert text.endswith("and 2 more.")


def test_what_the_run_said_comes_first(make: SimpleNamespace, load: Load) -> None:
    """As it said it."""
    assert texts(load(make.run_data([], warnings=["beware"]))) == ["beware"]


def test_memory_that_was_not_told_by_memray(make: SimpleNamespace, load: Load) -> None:
    """It is said who told it, how much is lacking, and what brings the rest."""
    reason, use = {"reason": "not seen"}, {"peak": 1, "tool": "tracemalloc"}
    cells = [make.full(f"lif/{name}/f/small", 0.1) for name in ("python", "cython", "numpy")]
    for cell, found in zip(cells, (use, reason, use), strict=True):
        cell["extra_info"]["memory"] = found
    run = load(make.run_data(cells))
    (found,) = cautions(run, Comparison(run))
    assert found.text.endswith("NumPy allocate alone, and 1 of 3 cells have no figure.")
    assert "pip install 'steelyard[memory]'" in found.cure
    for cell in cells:
        cell["extra_info"]["memory"] = {"peak": 1, "tool": "memray"}
    assert texts(load(make.run_data(cells))) == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            {"before": {"load": [1.9, 0, 0]}},
            ["The machine was busy when the run began: a load of 1.9 on 2 cores."],
        ),
        ({"before": {"load": [0.9, 0, 0]}}, []),
        ({"before": {"load": "high"}}, []),
        (
            {"before": {"steal_s": 10.0}, "after": {"steal_s": 22.0}},
            ["The host ran other guests for 10 % of"],
        ),
        ({"before": {"steal_s": 10.0}, "after": {"steal_s": 10.1}}, []),
        ({"before": {"steal_s": None}, "after": {"steal_s": 10.1}}, []),
        ({"before": None}, []),
    ],
)
def test_a_disturbed_machine_is_told(
    state: dict[str, Any], expected: list[str], make: SimpleNamespace, load: Load
) -> None:
    """Load before the run, and time that the host took during its minute; each with a cure."""
    run = load(make.run_data([], state=state, ended="2026-03-04T12:14:14+00:00"))
    found = cautions(run, Comparison(run))
    assert [text.text[: len(wanted)] for text, wanted in zip(found, expected, strict=True)] == expected
    assert all(caution.cure for caution in found)
