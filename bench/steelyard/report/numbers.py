"""Numbers as a reader sees them: with a unit, and with no more digits than their interval supports.

The last digit shown is that of the leading digit of half the interval's width, so 1.2345 within 0.03 reads
1.23. No more than four digits are shown, and three of a figure that has no interval.
"""

from __future__ import annotations

import math

from steelyard.measurement import Interval

SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
RATES = ((1e12, "T "), (1e9, "G "), (1e6, "M "), (1e3, "k "), (1.0, ""))
TIMES, TO = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
NO_INTERVAL = "no interval"


def time(interval: Interval) -> str:
    """Seconds: ``1.23 ms``."""
    scale, unit = fitting(SECONDS, interval)
    return f"{fixed(interval.value / scale, last_digit(interval) - exponent(scale))} {unit}"


def time_range(interval: Interval) -> str:
    """The interval of :func:`time`, in its unit: ``1.21-1.26 ms``."""
    scale, unit = fitting(SECONDS, interval)
    return span(scaled(interval, scale), last_digit(interval) - exponent(scale), f" {unit}")


def times(interval: Interval) -> str:
    """A ratio: ``12.3x``."""
    return f"{fixed(interval.value, last_digit(interval))}{TIMES}"


def times_range(interval: Interval) -> str:
    """The interval of :func:`times`: ``11.9-12.8x``."""
    return span(interval, last_digit(interval), TIMES)


def rate(interval: Interval, unit: str) -> str:
    """Units a second: ``81.2 M points/s``."""
    scale, prefix = fitting(RATES, interval)
    return f"{fixed(interval.value / scale, last_digit(interval) - exponent(scale))} {prefix}{unit}/s"


def seconds(value: float) -> str:
    """Seconds that were measured once, in two digits: ``840 ms``."""
    rounded = float(f"{value:.1e}")
    half = 10.0 ** (exponent(rounded) - 1)
    return time(Interval(rounded, rounded - half, rounded + half))


def count(value: float) -> str:
    """How many, exactly below a hundred and in two digits above: ``14``, ``1,200``; ``never`` if infinite."""
    return "never" if math.isinf(value) else fixed(value, max(0, exponent(value) - 1))


def shade(interval: Interval | None) -> str:
    """The class of a speed-up's colour: a step for each half decade, none if it cannot be told from 1.

    ``faster-1`` begins at 1, ``faster-2`` at 3.2, ``faster-3`` at 10; they end with ``faster-6``, and
    ``slower-2``.
    """
    if interval is None or interval.low <= 1 <= interval.high:
        return "even"
    step = 1 + math.floor(2 * abs(math.log10(interval.value)))
    return f"faster-{min(step, 6)}" if interval.value > 1 else f"slower-{min(step, 2)}"


def exponent(value: float) -> int:
    """The power of ten of a number's first digit, once it is rounded to four."""
    return int(f"{value:.3e}".partition("e")[2])


def last_digit(interval: Interval) -> int:
    """The power of ten of the last digit that an estimate supports."""
    first, half = exponent(interval.value), (interval.high - interval.low) / 2
    return min(first, max(exponent(half), first - 3)) if half else first - 2


def fixed(value: float, last: int) -> str:
    """A number to its digit of 10**last, no further."""
    return f"{round(value, -last):,.{max(0, -last)}f}"


def span(interval: Interval, last: int, unit: str) -> str:
    """Both limits of an interval, to one digit."""
    if interval.low == interval.high:
        return NO_INTERVAL
    return f"{fixed(interval.low, last)}{TO}{fixed(interval.high, last)}{unit}"


def scaled(interval: Interval, scale: float) -> Interval:
    """An interval in another unit."""
    return Interval(interval.value / scale, interval.low / scale, interval.high / scale)


def fitting(units: tuple[tuple[float, str], ...], interval: Interval) -> tuple[float, str]:
    """The largest unit in which the rounded value is at least one, else the smallest of all."""
    rounded = round(interval.value, -last_digit(interval))
    return next((unit for unit in units if rounded >= unit[0] * (1 - 1e-9)), units[-1])
