"""The sources of a workload's variants as a run recorded them, highlighted for reading side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from steelyard.measurement import Measurement
from steelyard.report.page import slug
from steelyard.runs import Run


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, and which variants are in it."""

    path: str
    backend: str
    variants: tuple[str, ...]
    html: Markup
    """Its text, highlighted; each line in an element of its own."""

    @property
    def id(self) -> str:
        """Its anchor."""
        return f"source-{slug(self.path)}"


def recorded(run: Run, measurement: Measurement) -> Mapping[str, Any]:
    """What a run recorded of a variant's source; empty if nothing."""
    known = run.details.get("sources")
    variant = f"{measurement.workload}/{measurement.backend}/{measurement.variant}"
    source = known.get(variant) if isinstance(known, Mapping) else None
    return source if isinstance(source, Mapping) else {}


def files(run: Run, measurements: Iterable[Measurement]) -> list[SourceFile]:
    """The files of what was measured, in its order; those whose text was not recorded are left out."""
    texts: dict[str, str] = {}
    owners: dict[str, dict[str, str]] = {}
    for measurement in measurements:
        source = recorded(run, measurement)
        if isinstance(source.get("text"), str) and isinstance(source.get("file"), str):
            texts[source["file"]] = source["text"]
            owners.setdefault(source["file"], {})[measurement.variant] = measurement.backend
    return [
        SourceFile(
            path=path,
            backend=next(iter(owners[path].values())),
            variants=tuple(owners[path]),
            html=highlighted(text, path),
        )
        for path, text in texts.items()
    ]


def highlighted(text: str, path: str) -> Markup:
    """A text as HTML with the classes of Pygments, which ``assets/style.css`` colours."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import CythonLexer, PythonLexer

    lexer = CythonLexer() if path.endswith(".pyx") else PythonLexer()
    return Markup(highlight(text, lexer, HtmlFormatter(nowrap=True)))
