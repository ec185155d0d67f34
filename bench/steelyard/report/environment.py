"""The templates, with the formats of :mod:`steelyard.report.numbers` as filters."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from steelyard.report import numbers

TEMPLATES = Environment(
    loader=PackageLoader("steelyard.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
for form in (
    numbers.count,
    numbers.rate,
    numbers.seconds,
    numbers.shade,
    numbers.time,
    numbers.time_range,
    numbers.times,
    numbers.times_range,
):
    TEMPLATES.filters[form.__name__] = form
