"""Intervals cover what they say, and ratios follow from them."""

import math
import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steelyard.measurement import Interval, Measurement, break_even, median_interval, order_statistic, ratio

times = st.floats(min_value=1e-9, max_value=1e3)


@pytest.mark.parametrize(("n", "k"), [(5, 0), (6, 1), (9, 2), (20, 6), (100, 40)])
def test_order_statistics_as_tabulated(n, k):
    """The ranks of the textbook's table of sign-test intervals."""
    assert k == order_statistic(n)


@given(st.lists(times, min_size=1, max_size=200))
def test_the_interval_holds_the_median(samples):
    """Whatever the samples, low <= median <= high, all of them among the samples' range."""
    interval = median_interval(samples)
    assert min(samples) <= interval.low <= interval.value <= interval.high <= max(samples)
    assert interval.value == median(samples)


def test_the_interval_covers():
    """Of 10,000 samples of 25 skewed times, at least 95 in 100 intervals hold the true median (seeded)."""
    rng = random.Random(1)
    hits = 0
    for _ in range(10_000):
        interval = median_interval([rng.lognormvariate(0.0, 1.0) for _ in range(25)])
        hits += interval.low <= 1.0 <= interval.high
    assert hits / 10_000 >= 0.95


@given(times, times)
def test_a_ratio_of_sure_figures_is_sure(a, b):
    """No width comes from nowhere."""
    result = ratio(Interval(a, a, a), Interval(b, b, b))
    assert math.isclose(result.value, a / b, rel_tol=1e-9)
    assert math.isclose(result.low, result.high, rel_tol=1e-9)


@given(times, st.floats(1.01, 2.0), times, st.floats(1.01, 2.0))
def test_a_ratio_turned_round_is_the_inverse(a, spread_a, b, spread_b):
    """Slower by a factor is faster by its inverse, limits included."""
    one, other = Interval(a, a / spread_a, a * spread_a), Interval(b, b / spread_b, b * spread_b)
    there, back = ratio(one, other), ratio(other, one)
    assert math.isclose(there.low, 1 / back.high, rel_tol=1e-9)
    assert there.low < there.value < there.high


@pytest.mark.parametrize(
    ("figures", "calls"),
    [
        ((0.0, 1.0, 5.0, 2.0), 1),  # starts sooner, too
        ((10.0, 1.0, 0.0, 2.0), 10),  # ten calls later both have taken 20 s
        ((10.5, 1.0, 0.0, 2.0), 11),
        ((10.0, 2.0, 0.0, 2.0), None),
        ((0.0, 3.0, 10.0, 2.0), None),
    ],
)
def test_break_even(figures, calls):
    """The first number of calls after which the slower start has cost no more."""
    assert calls == break_even(*figures)


@given(st.tuples(times, times, times, times))
def test_break_even_is_the_first_such_call(figures):
    """At n calls it has paid back; one call earlier it had not."""
    start, steady, other_start, other_steady = figures
    n = break_even(*figures)
    if n is not None and n < 10**6:

        def ahead(calls):
            return (start + calls * steady) - (other_start + calls * other_steady)

        slack = 1e-9 * n * max(figures)
        assert ahead(n) <= slack
        assert n == 1 or ahead(n - 1) >= -slack


@pytest.mark.parametrize("data", [[], [0.0], [float("nan")], ["x"]])
def test_entries_without_times_are_refused(data):
    """A foreign or truncated entry does not become a measurement."""
    info = {"cell": "a/b/c/d", "workload": "a", "backend": "b", "variant": "c", "size": "d", "work": 1}
    with pytest.raises(ValueError, match=r"samples|convert"):
        Measurement.from_benchmark({"extra_info": info, "stats": {"data": data, "iterations": 1}})
