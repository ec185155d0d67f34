"""Figures of a call graph."""

from __future__ import annotations

from typing import Any

import profiles_made as made
import pytest
from steelyard.call_graph import CallGraph, Frame
from steelyard.report.call_figures import drawn, readable, whole_nanoseconds
from steelyard.report.figures import COLOURS, MORE_COLOURS

OWN = "kernels/laplace/laplace_numpy.py"


def traces(data: dict[str, Any]) -> list[dict[str, Any]]:
    figures = drawn(CallGraph.from_json(data), "small", "small", OWN, "numpy")
    return [dict(figure.data[0]) for figure in figures]


def test_an_icicle_and_a_sunburst_of_the_same(make: object) -> None:
    """Boxes by the way to them, each with its time; none below a box together have more than it."""
    icicle, sunburst = traces(made.calls("cell"))
    assert (icicle["type"], sunburst["type"]) == ("icicle", "sunburst")
    for key in ("ids", "labels", "parents", "values"):
        assert icicle[key] == sunburst[key]
    values = dict(zip(icicle["ids"], icicle["values"], strict=True))
    for id in icicle["ids"]:
        below = [
            values[i] for i, parent in zip(icicle["ids"], icicle["parents"], strict=True) if parent == id
        ]
        assert sum(below) <= values[id]
    assert icicle["labels"].count("half of loops") == 2


def test_colours_tell_whose_code_it_is() -> None:
    """The kernel's own file has its backend's; a library has another, what is built in none."""
    icicle, _ = traces(made.calls("cell"))
    found = dict(zip(icicle["labels"], icicle["marker"]["colors"], strict=True))
    assert found["loops"] == COLOURS["numpy"]
    assert found["_wrapreduction"] in MORE_COLOURS
    assert found["&lt;built-in method numpy.copy&gt;"] not in (*MORE_COLOURS, *COLOURS.values())


def test_the_harness_is_not_drawn() -> None:
    """Where the kernel has a row of its own, what it takes to call it again and again is no part of the whole."""
    data = made.calls("laplace/numpy/loops/small")
    data["functions"][0][4:] = [3.0, 3.999]
    icicle, _ = traces(data)
    assert icicle["values"][0] == pytest.approx(0.999e9)
    assert icicle["customdata"][0][0] == "without calling it again and again, by the harness"
    assert icicle["customdata"][1][2] == "100 %"


def test_text_too_small_to_read_is_hidden() -> None:
    """In both figures."""
    for figure in drawn(CallGraph.from_json(made.calls("cell")), "small", "small", OWN, "numpy"):
        assert figure.layout["uniformtext"] == {"minsize": 9, "mode": "hide"}


def test_a_compiled_kernel_is_not_drawn() -> None:
    """One box says nothing."""
    data = made.calls("cell")
    assert traces(data | {"calls": data["calls"][:1]}) == []


def test_times_are_rounded_so_that_something_is_drawn() -> None:
    """Plotly draws nothing if those below have a nanosecond more than what is above."""
    frames = [Frame(0, None, 1e-9), Frame(1, 0, 1e-9), Frame(2, 0, 1e-9), Frame(3, 1, 5e-9)]
    assert whole_nanoseconds(frames) == [1, 1, 0, 1]


@pytest.mark.parametrize("ground", [*COLOURS.values(), *MORE_COLOURS])
def test_text_is_readable_on_every_box(ground: str) -> None:
    """Contrast of 4.5 and more, WCAG's level AA."""
    from test_pages import luminance

    dark, light = sorted((luminance(readable(ground)), luminance(ground)))
    assert (light + 0.05) / (dark + 0.05) >= 4.5
