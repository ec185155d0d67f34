"""What a number looks like, and that it never says more than was measured."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steelyard.measurement import Interval
from steelyard.report import numbers
from steelyard.report.numbers import NO_INTERVAL, TIMES, TO

VALUES = st.floats(1e-9, 1e6)
SPREADS = st.floats(1e-6, 0.9)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    value = draw(VALUES)
    return Interval(value, value * (1 - draw(SPREADS)), value * (1 + draw(SPREADS)))


def typed(text: str) -> str:
    """A text in the characters of a keyboard."""
    return text.replace(TIMES, "x").replace(TO, "-")


def amount(text: str) -> float:
    """The number that a text begins with."""
    return float(text.rstrip(TIMES).split()[0].replace(",", ""))


def shown_seconds(text: str) -> float:
    return amount(text) * {unit: scale for scale, unit in numbers.SECONDS}[text.split()[1]]


def significant(text: str) -> int:
    """How many digits a number shows, zeros at the end of a whole number not counted."""
    digits = text.split(maxsplit=1)[0].rstrip(TIMES).replace(",", "")
    return len(digits.replace(".", "").lstrip("0")) if "." in digits else len(digits.rstrip("0"))


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.0012345, 0.00121, 0.00126, "1.23 ms|1.21-1.26 ms"),
        (0.0012345, 0.0012344, 0.0012346, "1.234 ms|1.234-1.235 ms"),
        (123.4, 103.0, 141.0, "120 s|100-140 s"),
        (2.0, 0.5, 9.5, "2.0 s|0.5-9.5 s"),
        (0.00099999, 0.00099, 0.00101, "1.00 ms|0.99-1.01 ms"),
        (4e-10, 3e-10, 5e-10, "0.40 ns|0.30-0.50 ns"),
        (0.0012345, 0.0012345, 0.0012345, f"1.23 ms|{NO_INTERVAL}"),
    ],
)
def test_a_time_has_a_fitting_unit_and_the_digits_of_its_interval(
    value: float, low: float, high: float, expected: str
) -> None:
    """A time and its interval share one unit and one last digit."""
    interval = Interval(value, low, high)
    assert expected == typed(f"{numbers.time(interval)}|{numbers.time_range(interval)}")


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (12.34, 11.9, 12.8, "12.3x|11.9-12.8x"),
        (1234.0, 1200.0, 1270.0, "1,230x|1,200-1,270x"),
        (0.00421, 0.0040, 0.0044, "0.0042x|0.0040-0.0044x"),
    ],
)
def test_a_ratio_is_followed_by_a_sign(value: float, low: float, high: float, expected: str) -> None:
    """A speed-up reads as times."""
    interval = Interval(value, low, high)
    assert expected == typed(f"{numbers.times(interval)}|{numbers.times_range(interval)}")


@given(intervals())
def test_what_is_shown_lies_within_the_interval_s_half_width(interval: Interval) -> None:
    """Rounding moves a number by less than its uncertainty, or by less than half of its fourth digit."""
    half = (interval.high - interval.low) / 2
    allowed = max(half, interval.value * 1e-3) * (1 + 1e-9)
    assert abs(shown_seconds(numbers.time(interval)) - interval.value) <= allowed
    assert abs(amount(numbers.times(interval)) - interval.value) <= allowed


@given(intervals())
def test_no_digit_is_shown_that_the_interval_does_not_support(interval: Interval) -> None:
    """The last digit shown is worth no less than half the interval's leading digit; four at most, and two at least."""
    half = (interval.high - interval.low) / 2
    supported = max(2, math.floor(math.log10(interval.value)) - math.floor(math.log10(half)) + 1)
    # Rounding 9.99 up to 10.0 makes one more.
    assert significant(numbers.time(interval)) <= min(4, supported) + 1
    assert significant(numbers.times(interval)) <= min(4, supported) + 1


@given(intervals())
def test_the_interval_holds_the_number_as_shown(interval: Interval) -> None:
    """Rounded alike, the limits stay on their sides of the number."""
    text, unit = numbers.time_range(interval).split()
    low, high = (float(limit.replace(",", "")) for limit in text.split(TO))
    assert low <= amount(numbers.time(interval)) <= high
    assert unit == numbers.time(interval).split()[1]


@given(VALUES)
def test_seconds_measured_once_have_two_digits(value: float) -> None:
    """A first call was measured once: its figure is worth two digits, and right within them."""
    text = numbers.seconds(value)
    assert significant(text) <= 2
    assert shown_seconds(text) == pytest.approx(value, rel=0.051)


@pytest.mark.parametrize(
    ("value", "expected"), [(1, "1"), (14, "14"), (99, "99"), (1234, "1,200"), (math.inf, "never")]
)
def test_a_count_is_exact_while_it_is_small(value: float, expected: str) -> None:
    """Large counts of calls are estimates and look it."""
    assert expected == numbers.count(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(81.23e6, "81.2 M points/s"), (3.456e3, "3.46 k points/s"), (0.5, "0.500 points/s")],
)
def test_a_rate_has_a_prefix_and_the_workload_s_unit(value: float, expected: str) -> None:
    """Units a second, in thousands, millions, and so on."""
    assert expected == numbers.rate(Interval(value, value, value), "points")


@pytest.mark.parametrize(
    ("low", "value", "high", "expected"),
    [
        (0.9, 1.1, 1.2, "even"),
        (1.1, 1.2, 1.3, "faster-1"),
        (3.1, 3.2, 3.3, "faster-2"),
        (90, 101, 110, "faster-5"),
        (9e5, 1e6, 2e6, "faster-6"),
        (0.8, 0.9, 0.95, "slower-1"),
        (0.01, 0.02, 0.03, "slower-2"),
    ],
)
def test_a_shade_is_a_half_decade(low: float, value: float, high: float, expected: str) -> None:
    """Colours are logarithmic, and none is given where the interval holds 1."""
    assert expected == numbers.shade(Interval(value, low, high))


def test_a_baseline_has_no_shade_but_that_of_one() -> None:
    """What everything is compared with is neither faster nor slower."""
    assert numbers.shade(None) == "even"


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.9996, 0.99, 1.01, "0.0 %|\N{MINUS SIGN}1.0…+1.0 %"),
        (1.0004, 0.99, 1.01, "0.0 %|\N{MINUS SIGN}1.0…+1.0 %"),
        (0.97, 0.96, 0.98, "\N{MINUS SIGN}3.0 %|\N{MINUS SIGN}4.0…\N{MINUS SIGN}2.0 %"),
    ],
)
def test_nothing_has_no_sign(value: float, low: float, high: float, expected: str) -> None:
    """A change that is shown as zero is neither more nor less."""
    interval = Interval(value, low, high)
    assert f"{numbers.change(interval)}|{numbers.change_range(interval)}" == expected
