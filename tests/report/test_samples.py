"""Figures of a workload's times."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from steelyard.report import samples
from steelyard.report.comparison import Comparison
from steelyard.report.figures import variant_symbol
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]


def test_a_line_for_each_variant(usual: dict[str, Any], load: Load) -> None:
    """In its band; work on one axis, seconds on the other, whatever the order of the cells."""
    figure = samples.against_size(Comparison(load(usual)), "laplace")
    assert figure
    lines = {trace["name"]: trace for trace in figure.data if "name" in trace}
    assert sorted(lines) == [
        "cython parallel",
        "numba loops",
        "numpy inplace",
        "numpy slices",
        "python loops",
    ]
    assert lines["python loops"]["x"] == [50_000, 1_800_000]
    assert lines["python loops"]["y"] == [0.0123, 0.45]
    bands = [trace for trace in figure.data if "name" not in trace]
    assert len(bands) == len(lines)
    assert all(len(band["y"]) == 2 * len(set(band["x"])) for band in bands)


def test_one_size_is_no_line(make: SimpleNamespace, load: Load) -> None:
    """There is nothing to be seen of how a time grows."""
    run = load(make.run_data([make.full("lif/numba/loops/small", 0.001)]))
    assert samples.against_size(Comparison(run), "lif") is None


def test_samples_stand_in_their_order(make: SimpleNamespace, load: Load) -> None:
    """As differences from the median in per cent; many are thinned evenly."""
    run = load(make.run_data([make.full("lif/numba/loops/small", 0.001, spread=0.1, rounds=1001)]))
    figure = samples.in_order(Comparison(run), "lif", "small")
    assert figure
    points, heights = figure.data
    assert points["x"][:3] == [1, 4, 7]
    assert points["y"][0] == -10.0
    assert len(points["x"]) == len(points["y"]) == 334
    assert round(sum(heights["x"])) == 100


def test_variants_of_one_backend_are_told_apart(usual: dict[str, Any], load: Load) -> None:
    """By their symbols, which are the same in every figure, whichever of them is faster."""
    comparison = Comparison(load(usual))
    line, medium = (
        samples.against_size(comparison, "laplace"),
        samples.in_order(comparison, "laplace", "medium"),
    )
    assert line
    assert medium
    found = [
        {trace["name"]: trace["marker"]["symbol"] for trace in figure.data if "marker" in trace}
        for figure in (line, medium)
    ]
    for symbols in found:
        assert (symbols["numpy inplace"], symbols["numpy slices"]) == ("square", "square-open")
    many = [variant_symbol("numpy", place) for place in range(12)]
    assert len(set(many)) == len(many)


def test_a_histogram_stays_on_its_axis(make: SimpleNamespace, load: Load) -> None:
    """Few samples make wide bins, the outermost of which reach beyond the samples; the largest ends before the edge."""
    run = load(make.run_data([make.full("lif/numba/loops/small", 0.001, spread=0.1, rounds=6)]))
    figure = samples.in_order(Comparison(run), "lif", "small")
    assert figure
    assert max(figure.data[1]["x"]) < figure.layout["xaxis2"]["range"][1]
    low, high = figure.layout["yaxis"]["range"]
    assert low < min(figure.data[1]["y"]) < max(figure.data[1]["y"]) < high


def test_seconds_are_said_in_their_units(usual: dict[str, Any], load: Load) -> None:
    """10µs rather than a power of ten."""
    figure = samples.against_size(Comparison(load(usual)), "laplace")
    assert figure
    axis = figure.layout["yaxis"]
    assert (axis["exponentformat"], axis["ticksuffix"], axis["title"]["text"]) == ("SI", "s", "time per call")


def test_one_sample_has_no_order(make: SimpleNamespace, load: Load) -> None:
    """Nor is it distributed."""
    run = load(make.run_data([make.entry("lif/numba/loops/small", 0.001, rounds=1)]))
    assert samples.in_order(Comparison(run), "lif", "small") is None


@given(st.lists(st.floats(-100, 1e6), min_size=2, max_size=500))
def test_a_histogram_counts_everything_once(values: list[float]) -> None:
    """In no more bins than can be seen, whatever lies far off."""
    _, width, shares = samples.distribution(values)
    assert width > 0
    assert len(shares) <= 63
    assert abs(sum(shares) - 100) < 1
