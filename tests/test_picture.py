"""A workload's picture, as plain data."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from steelyard import Tolerance, Workload
from steelyard.picture import LARGEST, Picture, PictureFailed

WORKLOAD = Workload(
    title="Thirds",
    equation="y = x / 3",
    sizes={"small": {"n": 3}},
    inputs=lambda n: {"x": np.arange(float(n))},
    outputs={"y": Tolerance()},
    work=lambda n: n,
    unit="points",
    operations=lambda n: n,
    bytes=lambda n: 16 * n,
    default_sizes=("small",),
)

INIT = Path("kernels/double/__init__.py")


def draw(picture):
    return Picture.draw(
        replace(WORKLOAD, picture=picture), INIT, {"x": np.arange(3.0)}, {"y": np.arange(3.0) / 3}
    )


def test_a_workload_without_one_has_none():
    """It is left out, not made up."""
    assert draw(None) is None


def test_arrays_become_lists():
    """In five digits, which is more than can be seen; what is not finite is a gap."""
    made = draw(
        lambda inputs, outputs: {
            "data": [
                {"type": "scatter", "x": inputs["x"], "y": outputs["y"], "z": (np.nan, np.int64(3), True)}
            ],
            "caption": "Thirds.",
        }
    )
    trace = {"type": "scatter", "x": [0.0, 1.0, 2.0], "y": [0.0, 0.33333, 0.66667], "z": [None, 3, True]}
    assert made == Picture({"data": [trace], "layout": {}}, "Thirds.")


@pytest.mark.parametrize(
    ("drawn", "why"),
    [
        (None, r"should return \{'data'"),
        ({"layout": {}}, r"should return \{'data'"),
        ({"data": [{"x": [1]}]}, "each trace should be a dict with a type"),
        ({"data": [{"type": "scatter", "x": {1, 2}}]}, "raises TypeError: it holds set"),
        (
            {"data": [{"type": "scatter", "x": np.arange(LARGEST)}]},
            r"takes [\d,]+ characters, more than 500,000",
        ),
    ],
)
def test_what_is_no_picture_is_refused(drawn, why):
    """The message names the file and what to return instead."""
    with pytest.raises(PictureFailed, match=f"kernels/double/__init__.py: picture: {why}"):
        draw(lambda inputs, outputs: drawn)


def test_one_that_raises_is_blamed():
    """Not the harness: the file is named, and the error."""
    with pytest.raises(PictureFailed, match="picture: raises ZeroDivisionError"):
        draw(lambda inputs, outputs: 1 / 0)
