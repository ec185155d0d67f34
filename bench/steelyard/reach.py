"""Which files of a revision a kernel's code can load: told by the import statements in them, without running any.

It names too many files rather than too few: an import counts wherever it stands, in a function or a comment. Where
names are made up while the code runs, nothing can be told.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES
from itertools import chain
from pathlib import Path

from steelyard.cython_build import BESIDE
from steelyard.isolation import HARNESS

IMPORT = re.compile(r"(?:\bfrom\b\s*(\.*[\w.]*)\s*)?\bc?import\b\s*(\([^)]*\)|[^\n;#]*)")
"""``from .a import b, c as d`` or ``import a.b, c``, of Python or of Cython."""

COMMENT = re.compile("#[^\n]*")

UNFORESEEABLE = re.compile(r"\b(?:importlib|__import__|pkgutil|runpy|exec|sys\.path)\b")
"""What a file may load that says so is anyone's guess."""

SOURCES = (".py", ".pyx", ".pxd", ".pxi")


class Unforeseeable(Exception):
    """Which files a kernel loads cannot be told without running it."""


@dataclass(frozen=True, slots=True)
class _Place:
    folders: tuple[Path, ...]
    files: tuple[Path, ...]


@dataclass
class Reach:
    """Follows import statements in a process that imports from ``worktree``."""

    worktree: Path
    _imported: dict[Path, frozenset[Path]] = field(default_factory=dict)
    _tops: dict[str, _Place] = field(default_factory=dict)

    def of(self, start: Iterable[Path]) -> set[Path]:
        """The files of the worktree that can be loaded once those of ``start`` are; themselves included.

        Raises:
            Unforeseeable: that cannot be told.
        """
        found: set[Path] = set()
        left = list(start)
        while left:
            path = left.pop()
            if path not in found:
                found.add(path)
                left.extend(self.imported_by(path))
        return found

    def imported_by(self, path: Path) -> frozenset[Path]:
        """The files that a file's own import statements can mean.

        Raises:
            Unforeseeable: that cannot be told.
        """
        if path.suffix not in SOURCES:
            return frozenset()
        if path not in self._imported:
            text = path.read_text("utf-8", errors="replace").replace("\\\n", " ")
            if UNFORESEEABLE.search(text):
                raise Unforeseeable(f"{path} imports what cannot be told beforehand")
            found = {file for name in names_in(text) for file in self.files_of(name, path)}
            if path.suffix != ".py":  # what it includes, or its declarations
                found |= {each for each in path.parent.iterdir() if each.suffix in BESIDE}
            self._imported[path] = frozenset(found)
        return self._imported[path]

    def files_of(self, name: str, path: Path) -> Iterator[Path]:
        """The files of the worktree that are loaded by a dotted name in ``path``, its packages' included."""
        relative = len(name) - len(name.lstrip("."))
        parts = [part for part in name.split(".") if part]
        if relative:
            folders: tuple[Path, ...] = (path.parents[relative - 1],)
            yield from in_folder(folders[0], "__init__")
        elif path.suffix != ".py" and any(in_folder(path.parent, parts[0])):
            folders = (path.parent,)  # where Cython looks first
        else:
            top = self.top(parts.pop(0))
            folders = top.folders
            yield from top.files
        for part in parts:
            inside = []
            for folder in folders:
                yield from in_folder(folder, part)
                if (folder / part).is_dir():
                    inside.append(folder / part)
                    yield from in_folder(folder / part, "__init__")
            folders = tuple(inside)

    def top(self, name: str) -> _Place:
        """Where a name without dots is found, if in the worktree.

        Raises:
            Unforeseeable: it is found elsewhere, though the worktree has something of that name.
        """
        if name not in self._tops:
            self._tops[name] = self._find(name)
        return self._tops[name]

    def _find(self, name: str) -> _Place:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            spec = None
        folders = [
            Path(os.path.realpath(place)) for place in (spec and spec.submodule_search_locations) or ()
        ]
        files = [Path(os.path.realpath(spec.origin))] if spec and spec.origin and spec.has_location else []
        inside = [path for path in (*folders, *files) if path.is_relative_to(self.worktree)]
        elsewhere = [path for path in (*folders, *files) if not path.is_relative_to(HARNESS)]
        if not inside and (elsewhere or spec is None) and name in self._names:
            raise Unforeseeable(f"{name} may be the worktree's, but is not found there")
        return _Place(
            tuple(path for path in folders if path in inside), tuple(path for path in files if path in inside)
        )

    @cached_property
    def _names(self) -> set[str]:
        """What modules and packages of the worktree might be called."""
        paths = self.worktree.rglob("*")
        return {path.name.partition(".")[0] for path in paths if path.is_dir() or path.suffix in SOURCES}


def names_in(text: str) -> Iterator[str]:
    """The dotted names that import statements in a text may load."""
    # With its comments, for what looks like one may be part of a string; and without, for they part statements.
    for package, imported in chain(IMPORT.findall(text), IMPORT.findall(COMMENT.sub("", text))):
        for item in imported.strip("()").split(","):
            words = item.split()
            name = words[0] if words else ""
            if not package:
                if re.fullmatch(r"[\w.]+", name) and not name.startswith("."):
                    yield name
                continue
            yield package
            if name.isidentifier():
                yield f"{package}{name}" if package.endswith(".") else f"{package}.{name}"


def in_folder(folder: Path, stem: str) -> Iterator[Path]:
    """The modules of that name."""
    for suffix in (*SOURCES, *EXTENSION_SUFFIXES):
        path = folder / f"{stem}{suffix}"
        if path.is_file():
            yield path
