"""A workload is refused where it contradicts itself."""

import pytest
from steelyard import Tolerance, Workload

FIELDS = {
    "title": "t",
    "equation": "e",
    "sizes": {"big": {"n": 10}, "small": {"n": 2}},
    "inputs": lambda n: {"n": n},
    "outputs": {"y": Tolerance()},
    "work": lambda n: n,
    "unit": "points",
    "operations": lambda n: n,
    "bytes": lambda n: n,
    "default_sizes": ("small",),
}


def test_smallest_is_the_size_of_least_work():
    """Whatever the order in which sizes are written, checks start at the one that does least."""
    assert Workload(**FIELDS).smallest == "small"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sizes", {}, "at least one"),
        ("outputs", {}, "at least one"),
        ("sizes", {"a/b": {"n": 1}}, "'a/b'"),
        ("outputs", {"<b>": Tolerance()}, "'<b>'"),
        ("default_sizes", ("huge",), "'huge' is not among"),
    ],
)
def test_a_contradiction_is_named(field, value, message):
    """The message says which field is wrong."""
    with pytest.raises(ValueError, match=message):
        Workload(**{**FIELDS, field: value})


@pytest.mark.parametrize(
    ("tolerance", "text"),
    [
        (Tolerance(), "exact"),
        (Tolerance(absolute=1e-9), "1e-09"),
        (Tolerance(absolute=1e-9, relative=1e-12), "1e-09 + 1e-12 relative"),
    ],
)
def test_tolerance_reads_as_a_bound(tolerance, text):
    """A tolerance prints as it is applied."""
    assert text == str(tolerance)


@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_tolerance_is_a_size(value):
    """A bound that nothing, or anything, satisfies is refused."""
    with pytest.raises(ValueError, match="not negative"):
        Tolerance(absolute=value)
