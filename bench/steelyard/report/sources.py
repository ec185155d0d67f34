"""The sources of a workload's variants as a run recorded them, highlighted for reading side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

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


def recorded(run: Run, variant: str) -> Mapping[str, Any]:
    """What a run recorded of a variant's source; empty if nothing."""
    known = run.details.get("sources")
    source = known.get(variant) if isinstance(known, Mapping) else None
    return source if isinstance(source, Mapping) else {}


def files(run: Run, variants: list[str]) -> list[SourceFile]:
    """The files of variants, ``workload/backend/name``, in their order; those without a text are left out."""
    texts: dict[str, str] = {}
    owners: dict[str, list[str]] = {}
    for variant in variants:
        source = recorded(run, variant)
        if isinstance(source.get("text"), str) and isinstance(source.get("file"), str):
            texts[source["file"]] = source["text"]
            owners.setdefault(source["file"], []).append(variant)
    return [
        SourceFile(
            path=path,
            backend=owners[path][0].split("/")[1],
            variants=tuple(variant.split("/")[-1] for variant in owners[path]),
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
