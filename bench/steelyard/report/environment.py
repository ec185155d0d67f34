"""The templates, with the formats of :mod:`steelyard.report.numbers` as filters."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from steelyard.report import numbers
from steelyard.report.page import slug

TEMPLATES = Environment(
    loader=PackageLoader("steelyard.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
for form in (
    numbers.change,
    numbers.change_range,
    numbers.count,
    numbers.duration,
    numbers.part,
    numbers.percent,
    numbers.rate,
    numbers.seconds,
    numbers.shade,
    numbers.size_of_bytes,
    numbers.time,
    numbers.time_range,
    numbers.times,
    numbers.times_range,
):
    TEMPLATES.filters[form.__name__] = form


def asset(name: str) -> str:
    """A file of the report's own assets."""
    return files("steelyard.report").joinpath("assets", name).read_text("utf-8")


def breakable(name: str) -> Markup:
    """The name of a cell that may be broken behind its slashes."""
    return Markup("/<wbr>").join(escape(part) for part in name.split("/"))


TEMPLATES.filters[breakable.__name__] = breakable
TEMPLATES.filters[slug.__name__] = slug
