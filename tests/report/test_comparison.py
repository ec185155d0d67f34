"""What is compared with what, and in which order it stands."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from steelyard.report.comparison import Comparison, by_work
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]


def baseline(comparison: Comparison, workload: str, size: str) -> str:
    return comparison.at(workload, size)[0].baseline.measurement.cell


def test_the_baseline_is_the_python_reference(make: SimpleNamespace, load: Load) -> None:
    """The reference that the run names, however the cells were shuffled."""
    cells = [make.full(f"laplace/python/{name}/small", 0.01) for name in ("generator", "loops", "array")]
    comparison = Comparison(load(make.run_data(cells)))
    assert baseline(comparison, "laplace", "small") == "laplace/python/loops/small"


def test_another_python_variant_stands_in_for_the_reference(make: SimpleNamespace, load: Load) -> None:
    """Where the reference has no time, python's first by alphabet: two runs agree on it."""
    cells = [make.full(f"laplace/python/{name}/small", 0.01) for name in ("generator", "array")]
    comparison = Comparison(load(make.run_data(cells)))
    assert baseline(comparison, "laplace", "small") == "laplace/python/array/small"


def test_without_python_the_slowest_is_the_baseline(make: SimpleNamespace, load: Load) -> None:
    """Somebody must be 1; and the page is told that it is not python."""
    cells = [make.full("laplace/numpy/slices/small", 0.01), make.full("laplace/numba/loops/small", 0.001)]
    comparison = Comparison(load(make.run_data(cells)))
    assert baseline(comparison, "laplace", "small") == "laplace/numpy/slices/small"
    assert not comparison.over_python
    fast, slow = comparison.at("laplace", "small")
    assert fast.speedup is not None
    assert fast.speedup.value == pytest.approx(10)
    assert slow.speedup is None


def test_a_single_sample_makes_no_interval(make: SimpleNamespace, load: Load) -> None:
    """The baseline's doubt alone would make a ratio look surer than it is."""
    cells = [make.full("lif/python/loops/small", 0.5), make.entry("lif/numpy/steps/small", 0.1, rounds=1)]
    fast = Comparison(load(make.run_data(cells))).at("lif", "small")[0].speedup
    assert fast is not None
    assert fast.low == fast.value == fast.high


def test_a_first_call_pays_back(make: SimpleNamespace, load: Load) -> None:
    """1 s of compiling and 0.1 s a call overtake 0.5 s a call at the third: 1.3 s against 1.5 s."""
    cells = [
        make.full("lif/python/loops/large", 0.5, first_call_s=1e-6),
        make.full("lif/numba/loops/large", 0.1, first_call_s=1.0),
        make.full("lif/numpy/steps/large", 0.6, first_call_s=0.0),
        make.full("lif/numexpr/steps/large", 0.3, first_call_s=None),
    ]
    comparison = Comparison(load(make.run_data(cells)))
    pays = {result.measurement.backend: result.pays_back for result in comparison.results}
    assert pays == {"python": None, "numba": 3, "numpy": math.inf, "numexpr": None}


def test_backends_that_cannot_be_told_apart_share_first_place(make: SimpleNamespace, load: Load) -> None:
    """The fastest is one backend only if the intervals say so."""
    cells = [
        make.full("lif/python/loops/small", 0.5),
        make.full("lif/numba/loops/small", 0.100),
        make.full("lif/numba/guvectorized/small", 0.101),
        make.full("lif/cython/loops/small", 0.101),
        make.full("lif/numpy/steps/small", 0.2),
    ]
    comparison = Comparison(load(make.run_data(cells)))
    assert [result.measurement.backend for result in comparison.fastest("lif")] == ["numba", "cython"]


def test_sizes_are_ordered_by_the_work_of_each_workload(make: SimpleNamespace, load: Load) -> None:
    """Workloads count in units of their own; only the order within each of them means something."""
    work = {
        "lif": {"medium": 10, "huge": 100},
        "gibbs": {"small": 10**6, "medium": 10**7, "large": 10**8},
    }
    cells = [
        make.full(f"{workload}/python/loops/{size}", 0.1, work=amount)
        for workload, sizes in work.items()
        for size, amount in reversed(sizes.items())
    ]
    order = by_work(load(make.run_data(cells)).measurements)
    assert order.index("small") < order.index("medium") < order.index("large")
    assert order.index("medium") < order.index("huge")


def test_an_absence_with_a_foreign_id_is_kept(make: SimpleNamespace, load: Load) -> None:
    """It has its row among the reasons, though no place in a table."""
    comparison = Comparison(load(make.run_data([], [make.missing("the suite", "failed", "no compiler")])))
    assert [absence.row.cell for absence in comparison.absences] == ["the suite"]
    assert comparison.workloads == []


def test_backends_compare_on_one_thread(make: SimpleNamespace, load: Load) -> None:
    """A variant on all cores stands beside its backend's best, not in its place, however fast it is."""
    cells = [
        make.full("lif/numba/loops/small", 0.2),
        make.full("lif/numba/parallel/small", 0.1, threads=2, parallel=True),
        make.full("lif/cython/typed/small", 0.15),
        make.full("lif/numexpr/parallel/small", 0.05, threads=2, parallel=True),
    ]
    comparison = Comparison(load(make.run_data(cells)))
    assert [result.measurement.variant for result in comparison.of("lif", "numba", "small")] == [
        "loops",
        "parallel",
    ]
    assert comparison.fastest("lif")[0].measurement.backend == "cython"
    assert comparison.of("lif", "numexpr", "small")[0].is_parallel
