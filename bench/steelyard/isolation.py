"""A process that sees one revision of a repository, and none of its other copies.

Paths into the repository come to a process by many ways: ``sys.path``, ``.pth`` files, the finders that editable
installs register. All are mapped into the revision's worktree: the entries of ``sys.path`` once, and whatever
any finder finds as it is found. What lies in the repository but is not of it, a virtual environment or this
harness itself, stays where it is.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

HARNESS = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Isolation:
    """Maps a repository into the worktree of one revision. Also a finder of modules."""

    repository: Path
    """Its root, without symbolic links; so the other two."""
    worktree: Path
    project: Path
    """The project's folder in the worktree."""

    def enter(self) -> None:
        """Have this process import from the worktree what it would have imported from the repository."""
        sys.path[:] = [str(self.mapped(Path(entry)) or entry) for entry in sys.path]
        sys.meta_path.insert(0, self)
        sys.path_importer_cache.clear()

    def belongs(self, path: Path) -> bool:
        """Whether a path is part of the repository: in it, but in no environment, and not this harness."""
        path = Path(os.path.realpath(path))
        if not path.is_relative_to(self.repository) or path.is_relative_to(HARNESS):
            return False
        # A repository may also lie in an environment, as /usr/src/app does in the one of /usr.
        environments = {
            place
            for place in (Path(os.path.realpath(prefix)) for prefix in (sys.prefix, sys.base_prefix))
            if place.is_relative_to(self.repository) and place != self.repository
        }
        inside = path.relative_to(self.repository).parts
        return not (
            path.is_relative_to(self.worktree)
            or {"site-packages", "dist-packages"} & set(inside)
            or any(path.is_relative_to(each) for each in environments)
        )

    def mapped(self, path: Path) -> Path | None:
        """The path's counterpart in the worktree; None if it does not belong to the repository."""
        if not self.belongs(path):
            return None
        return self.worktree / Path(os.path.realpath(path)).relative_to(self.repository)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, moved into the worktree.

        Raises:
            ModuleNotFoundError: they find it in the repository, but this revision has no such file.
        """
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return self._moved(spec)
        return None

    def _moved(self, spec: ModuleSpec) -> ModuleSpec:
        places = spec.submodule_search_locations
        moved = None if places is None else [str(self.mapped(Path(place)) or place) for place in places]
        origin = self.mapped(Path(spec.origin)) if spec.origin and spec.has_location else None
        if origin is None:
            if moved is not None and moved != list(places or ()):
                spec.submodule_search_locations = moved
            return spec
        if not origin.exists():
            raise ModuleNotFoundError(
                f"{spec.name} is {spec.origin} in the repository, but this revision has no such file "
                f"(git does not track it, or it came later)",
                name=spec.name,
            )
        found = importlib.util.spec_from_file_location(spec.name, origin, submodule_search_locations=moved)
        if found is None:
            raise ImportError(
                f"{spec.name} is {spec.origin} in the repository, which {type(spec.loader).__name__} loads: "
                f"this revision's cannot be had in its place",
                name=spec.name,
            )
        return found

    def modules(self) -> dict[str, Path]:
        """The loaded modules that come from the worktree, and their files."""
        return {name: file for name, file in loaded_files().items() if file.is_relative_to(self.worktree)}

    def strays(self) -> list[str]:
        """The loaded modules that are of the repository but not of this revision, each with its reason."""
        found = [
            f"module {name} was loaded from {file}, not from this revision"
            for name, file in loaded_files().items()
            if self.belongs(file)
        ]
        return found + [
            f"module {name} was loaded from {file}, an installed copy of this repository's own package: neither "
            f"revision would be measured. Install it as editable: pip install -e ."
            for name, file in self._installed_copies()
        ]

    def _installed_copies(self) -> list[tuple[str, Path]]:
        try:
            table = tomllib.loads((self.project / "pyproject.toml").read_text("utf-8"))
            distribution = importlib.metadata.distribution(table["project"]["name"])
        except (OSError, ValueError, KeyError, TypeError, importlib.metadata.PackageNotFoundError):
            return []
        files = {os.path.realpath(str(file.locate())) for file in distribution.files or ()}
        return [
            (name, file)
            for name, file in loaded_files().items()
            if str(file) in files and not file.is_relative_to(HARNESS) and not name.startswith("__editable__")
        ]


def loaded_files() -> dict[str, Path]:
    """The file of every module that has one."""
    files = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            files[name] = Path(os.path.realpath(file))
    return files
