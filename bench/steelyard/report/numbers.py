"""Numbers as a reader sees them: with a unit, and with no more digits than their interval supports.

The last digit shown is that of the leading digit of half the interval's width, so 1.2345 within 0.03 reads
1.23. No more than four digits are shown, three of a figure that has no interval, and two at least, for the rounding of 64 to
60 would move it to the edge of an interval of 60 to 100. Changes are small beside
what is noisy in them and keep a digit more where half the width begins with 1, 2 or 3 (the rule of the Particle
Data Group): 3.12 within 1.2 reads 3.1, and within 4.1 reads 3.
"""

from __future__ import annotations

import math

from steelyard.measurement import Interval

SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
SIZES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
RATES = ((1e12, "T "), (1e9, "G "), (1e6, "M "), (1e3, "k "), (1.0, ""))
SYMBOLS = ("B", "FLOP")
"""Units that a prefix is joined to."""
TIMES, TO = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
NO_INTERVAL = "no interval"
MINUS, UP_TO = "\N{MINUS SIGN}", "\N{HORIZONTAL ELLIPSIS}"
LARGEST_CHANGE = 99_999.0
"""The percentage above which a change is only said to be larger."""


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


def part(interval: Interval) -> str:
    """A share that was measured: ``42.1 %``."""
    return (
        f"{times(Interval(*(100 * value for value in (interval.value, interval.low, interval.high))))[:-1]} %"
    )


def rate(interval: Interval, unit: str) -> str:
    """Units a second: ``81.2 M points/s``, ``81.2 GB/s``."""
    scale, prefix = fitting(RATES, interval)
    if unit in SYMBOLS:
        prefix = prefix.strip()
    return f"{fixed(interval.value / scale, last_digit(interval) - exponent(scale))} {prefix}{unit}/s"


def change(interval: Interval) -> str:
    """A ratio of two times as what it adds: ``+3.1 %``."""
    return f"{signed(relative(interval).value, last_digit_of_change(interval))} %"


def change_range(interval: Interval) -> str:
    """The interval of :func:`change`: ``+1.9…+4.3 %``."""
    if interval.low == interval.high:
        return NO_INTERVAL
    last, limits = last_digit_of_change(interval), relative(interval)
    return f"{signed(limits.low, last)}{UP_TO}{signed(limits.high, last)} %"


def size_of_change(interval: Interval) -> str:
    """How large a change is, whichever its direction: ``3.1 %``."""
    return change(interval).lstrip(f"+{MINUS}")


def percent(share: float) -> str:
    """A share that was chosen or reckoned, in two digits: ``2 %``, ``1.3 %``."""
    return (
        f"{fixed(100 * share, exponent(100 * share) - 1).rstrip('0').rstrip('.') or '0'} %"
        if share < 0.1
        else (f"{fixed(100 * share, 0)} %")
    )


def duration(value: float) -> str:
    """Seconds that a person waits: ``0.4 s``, ``58 s``, ``2 min 5 s``, ``1 h 30 min``."""
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def seconds(value: float) -> str:
    """Seconds that were measured once, in two digits: ``840 ms``."""
    rounded = float(f"{value:.1e}")
    half = 10.0 ** (exponent(rounded) - 1)
    return time(Interval(rounded, rounded - half, rounded + half))


def size_of_bytes(value: float) -> str:
    """Bytes in three digits: ``512 B``, ``1.95 MiB``."""
    scale, unit = next((step for step in SIZES if value >= step[0] * 0.9995), SIZES[-1])
    scaled = value / scale
    return f"{scaled:,.{max(0, 2 - exponent(scaled)) if scale > 1 else 0}f} {unit}"


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
    return min(first - 1, max(exponent(half), first - 3)) if half else first - 2


def fixed(value: float, last: int) -> str:
    """A number to its digit of 10**last, no further."""
    return f"{round(value, -last):,.{max(0, -last)}f}"


def span(interval: Interval, last: int, unit: str) -> str:
    """Both limits of an interval, to one digit."""
    if interval.low == interval.high:
        return NO_INTERVAL
    return f"{fixed(interval.low, last)}{TO}{fixed(interval.high, last)}{unit}"


def relative(interval: Interval) -> Interval:
    """A ratio and its limits as percentages that are added."""
    return Interval(*(100 * (value - 1) for value in (interval.value, interval.low, interval.high)))


def last_digit_of_change(interval: Interval) -> int:
    """The power of ten of the last digit that a change supports; hundredths of a per cent at the finest."""
    added = relative(interval)
    half = (added.high - added.low) / 2
    if not half:
        return max(exponent(added.value) - 2, -2)
    last = exponent(half) - (half < 3.55 * 10.0 ** exponent(half))
    return max(min(last, max(exponent(added.value), 0)), exponent(added.value) - 3, -2)


def signed(value: float, last: int) -> str:
    """A percentage with the sign of what is shown: ``+3.1``, ``0.0``, ``−2``."""
    if value > LARGEST_CHANGE:
        return f">+{LARGEST_CHANGE:,.0f}"
    rounded = round(value, -last)
    return f"{'+' if rounded > 0 else MINUS if rounded < 0 else ''}{fixed(abs(value), last)}"


def scaled(interval: Interval, scale: float) -> Interval:
    """An interval in another unit."""
    return Interval(interval.value / scale, interval.low / scale, interval.high / scale)


def fitting(units: tuple[tuple[float, str], ...], interval: Interval) -> tuple[float, str]:
    """The largest unit in which the rounded value is at least one, else the smallest of all."""
    rounded = round(interval.value, -last_digit(interval))
    return next((unit for unit in units if rounded >= unit[0] * (1 - 1e-9)), units[-1])
