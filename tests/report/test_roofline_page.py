"""The page of ceilings, made of made-up runs."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from steelyard.project import Project
from steelyard.report import ceilings_text, roofline_page
from steelyard.report.cautions import cautions
from steelyard.report.comparison import Comparison
from steelyard.runs import Run

Load = Callable[[dict[str, Any]], Run]


def test_the_first_sentence_names_what_binds(usual: dict[str, Any], load: Load) -> None:
    """Of the fastest on one thread, at each workload's largest size."""
    assert roofline_page.outcome(Comparison(load(usual))) == (
        "At each workload's largest size, its fastest variant on one thread reaches: "
        "laplace 90 % of the memory bandwidth (numba loops) and "
        "lif 0.95 % of the memory bandwidth (python loops)."
    )


def test_every_line_of_the_roof(usual: dict[str, Any], load: Load) -> None:
    """Slopes end where they meet the peak; the parallel roof stands above."""
    figure = roofline_page.roofline(Comparison(load(usual)))
    assert figure is not None
    lines = [trace for trace in figure.data if trace["mode"] == "lines"]
    assert len(lines) == 8
    for line in lines[:3]:
        assert line["y"][1] == pytest.approx(64e9)
        assert line["y"][0] / line["x"][0] == pytest.approx(line["y"][1] / line["x"][1])
    assert lines[3]["y"] == [64e9, 64e9]
    assert lines[7]["y"] == pytest.approx([1.9 * 64e9] * 2)
    backends = [trace["name"] for trace in figure.data if trace["mode"] == "markers"]
    assert backends == ["python", "numpy", "cython", "numba"]


def test_names_are_clear_of_the_lines(usual: dict[str, Any], load: Load) -> None:
    """Of a slope to the left of its lower end, of the peak above it: no line runs through its own name, nor another's."""
    for limit in usual["steelyard"]["ceilings"]["limits"]:
        if limit["threads"] == 2 and limit["kind"] == "bandwidth":
            limit["per_second"] *= 3
    figure = roofline_page.roofline(Comparison(load(usual)))
    assert figure is not None
    lines = [trace for trace in figure.data if trace["mode"] == "lines"]
    *slopes, peak = figure.layout["annotations"]
    assert [name["text"] for name in slopes] == ["memory 16.00 GB/s", "L2 120.0 GB/s", "L1 250 GB/s"]
    assert peak["text"] == "arithmetic 64.0 GFLOP/s"
    for name in slopes:
        assert name["xanchor"] == "right"
        assert all(10 ** name["x"] <= min(line["x"]) * 1.001 for line in lines)
    assert (peak["yanchor"], 10 ** peak["y"]) == ("bottom", pytest.approx(64e9))


def test_axes_have_units(usual: dict[str, Any], load: Load) -> None:
    """10G FLOP per second rather than a power of ten."""
    figure = roofline_page.roofline(Comparison(load(usual)))
    assert figure is not None
    assert figure.layout["yaxis"]["title"]["text"] == "FLOP per second"
    assert figure.layout["yaxis"]["exponentformat"] == "SI"


@pytest.mark.parametrize(
    ("ceilings", "why"),
    [
        ({"reason": "no C compiler found"}, "no C compiler found"),
        ({}, "They were not measured."),
        (None, "They were not measured."),
        ({"limits": [{"kind": "arithmetic"}], "seconds": 1}, "cannot be read"),
        ({"limits": 3, "seconds": 1}, "cannot be read"),
    ],
)
def test_why_there_are_none(
    ceilings: Any, why: str, usual: dict[str, Any], load: Load, project: Project
) -> None:
    """The page says it, and what to do; no cell has a share."""
    usual["steelyard"]["ceilings"] = ceilings
    run = load(usual)
    html = roofline_page.render(run, project)
    assert why in html
    assert "steelyard roofline" in html
    assert all(result.reached is None for result in Comparison(run).results)


def test_a_figure_needs_both_costs(usual: dict[str, Any], load: Load) -> None:
    """A cell that moves nothing has no place on an axis of operations per byte."""
    for entry in usual["benchmarks"]:
        entry["extra_info"]["bytes"] = 0
    comparison = Comparison(load(usual))
    assert roofline_page.roofline(comparison) is None
    assert roofline_page.under_the_roof(comparison)


def test_ceilings_that_do_not_agree_are_told(usual: dict[str, Any], load: Load) -> None:
    """With what to do about it."""
    usual["steelyard"]["ceilings"]["limits"][5]["doubt"] = 0.08
    run = load(usual)
    (found,) = (caution for caution in cautions(run, Comparison(run)) if "at most" in caution.text)
    assert found.text.endswith("within 5 %: L1 of all cores (±8 %).")
    assert found.cure


def test_the_table_for_a_terminal(make: SimpleNamespace) -> None:
    """One line a limit, within 100 columns."""
    from steelyard.ceilings import Ceilings

    text = ceilings_text.table(Ceilings.from_dict(make.ceilings()), "Abacus 9000")
    assert text.splitlines() == [
        "Abacus 9000                 one core    all 2 cores  one core's way",
        "arithmetic              64.0 GFLOP/s  121.6 GFLOP/s  multiply-add, 256 bits; ±0.4 %",
        "L1 bandwidth, 32.0 KiB      250 GB/s       475 GB/s  triad, 256 bits; ±0.4 %",
        "L2 bandwidth, 1.00 MiB    120.0 GB/s       228 GB/s  scale, 256 bits; ±0.4 %",
        "memory bandwidth          16.00 GB/s      30.4 GB/s  scale, 128 bits; ±0.4 %",
        "",
        "float64; measured in 4.2 s",
    ]
    assert max(map(len, text.splitlines())) <= 100
