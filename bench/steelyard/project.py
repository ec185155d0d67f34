"""A repository that uses the harness: where its kernels and reports are, and what it adds."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from steelyard.errors import BadConfiguration, NoKernels, NotConfigured, described
from steelyard.workload import NAME


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The ``[tool.steelyard.gate]`` table."""

    tolerance: float = 0.02
    """The relative change that counts as the same."""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    """The same for the cells that a pattern fits, such as ``laplace/*``; of several the last one counts."""
    budget: float | None = None
    """Seconds that a gate may take."""

    def of(self, cell: str) -> float:
        """The tolerance of a cell."""
        fitting = [value for pattern, value in self.tolerances.items() if fits(cell, pattern)]
        return fitting[-1] if fitting else self.tolerance

    @classmethod
    def from_table(cls, path: Path, table: Mapping[str, Any]) -> GateSettings:
        """What the table says.

        Raises:
            BadConfiguration: a key or a value means nothing.
        """
        known = {"tolerance", "tolerances", "budget"}
        for key in table:
            if key not in known:
                raise BadConfiguration(
                    path, f"table 'gate' has an unknown key {key!r}; known: {', '.join(known)}"
                )
        patterns = table.get("tolerances", {})
        if not isinstance(patterns, Mapping):
            raise BadConfiguration(path, f"gate.tolerances should be a table, not {patterns!r}")
        budget = table.get("budget")
        if budget is not None and not (isinstance(budget, int | float) and 0 < budget < float("inf")):
            raise BadConfiguration(path, f"gate.budget should be seconds, not {budget!r}")
        try:
            return cls(
                tolerance=share(table.get("tolerance", cls.__dataclass_fields__["tolerance"].default)),
                tolerances={pattern: share(value) for pattern, value in patterns.items()},
                budget=budget,
            )
        except ValueError as error:
            raise BadConfiguration(path, f"table 'gate': {error}") from None


def fits(cell: str, pattern: str) -> bool:
    """Whether a pattern such as ``laplace/*`` or ``*/numba/*`` means a cell; the first parts of an id mean all below."""
    return fnmatchcase(cell, pattern) or cell.startswith(f"{pattern.rstrip('/')}/")


def share(value: object) -> float:
    """A relative change, written ``"2%"`` or ``0.02``.

    Raises:
        ValueError: it is neither, or not between 0 and 1.
    """
    try:
        number = float(value[:-1]) / 100 if isinstance(value, str) and value.endswith("%") else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not 0 < number < 1:
        raise ValueError(
            f"a tolerance is a share such as '2%' or 0.02, more than 0 and less than 1, not {value!r}"
        )
    return number


@dataclass(frozen=True, slots=True)
class Project:
    """The ``[tool.steelyard]`` table of a pyproject.toml; paths are absolute.

    ``backends`` maps the name of a further backend to the module that it needs; ``profilers`` and
    ``pages`` map a name to ``"module:function"``, found from the project's root.
    """

    root: Path
    kernels: Path
    reports: Path
    backends: Mapping[str, str] = field(default_factory=dict)
    profilers: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    gate: GateSettings = field(default_factory=GateSettings)
    report: Path | None = None
    """Where the pages of a report are written, if not into the reports."""

    @property
    def html(self) -> Path:
        """The folder of the report's pages."""
        return self.report or self.reports / "html"

    @classmethod
    def find(cls, start: Path) -> Project:
        """The project that ``start`` lies in.

        Raises:
            NotConfigured: no pyproject.toml from ``start`` upwards has the table.
            BadConfiguration: it has, but with keys or values that mean nothing.
        """
        start = start.resolve()
        for folder in (start, *start.parents):
            path = folder / "pyproject.toml"
            if path.is_file():
                try:
                    tools = tomllib.loads(path.read_text("utf-8")).get("tool")
                except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                    raise BadConfiguration(path, f"cannot be read: {error}") from None
                if isinstance(tools, dict) and "steelyard" in tools:
                    return cls.from_table(path, tools["steelyard"])
        raise NotConfigured(start)

    @classmethod
    def from_table(cls, path: Path, table: Mapping[str, Any]) -> Project:
        """The project whose pyproject.toml at ``path`` holds ``table``."""
        if not isinstance(table, Mapping):
            raise BadConfiguration(path, f"should be a table, not {table!r}")
        known = {
            "kernels": str,
            "reports": str,
            "backends": dict,
            "profilers": dict,
            "pages": dict,
            "gate": dict,
        }
        for key, value in table.items():
            if key not in known:
                raise BadConfiguration(path, f"has an unknown key {key!r}; known: {', '.join(known)}")
            if not isinstance(value, known[key]):
                raise BadConfiguration(path, f"key {key!r} should be a {known[key].__name__}: {value!r}")
            for name, target in value.items() if isinstance(value, dict) and key != "gate" else ():
                if not isinstance(target, str):
                    raise BadConfiguration(path, f"table {key!r} should map names to strings: {value!r}")
                if not NAME.fullmatch(name):
                    why = f"table {key!r} has {name!r}: use letters, digits and _, a letter first"
                    raise BadConfiguration(path, why)
        root = path.parent
        kernels = root / table.get("kernels", "kernels")
        if not kernels.is_dir():
            raise NoKernels(path, kernels)
        return cls(
            root=root,
            kernels=kernels,
            reports=root / table.get("reports", "reports"),
            backends=table.get("backends", {}),
            profilers=table.get("profilers", {}),
            pages=table.get("pages", {}),
            gate=GateSettings.from_table(path, table.get("gate", {})),
        )

    def reporting_to(self, folder: Path | None) -> Project:
        """The same project, its output elsewhere if ``folder`` is given."""
        return self if folder is None else replace(self, reports=folder.resolve())

    def showing_in(self, folder: Path | None) -> Project:
        """The same project, the pages of its report elsewhere if ``folder`` is given."""
        return self if folder is None else replace(self, report=folder.resolve())

    def load(self, target: str) -> Any:
        """The object that ``"module:name"`` means, the module sought in the root first."""
        module, _, name = target.partition(":")
        sys.path.insert(0, str(self.root))
        try:
            return getattr(importlib.import_module(module), name)
        except (Exception, SystemExit) as error:  # importing runs whatever the module holds
            why = f"names {target!r}, which cannot be had: {described(error)}"
            raise BadConfiguration(self.root / "pyproject.toml", why) from error
        finally:
            sys.path.remove(str(self.root))
