"""With what a workload is computed. A backend is one entry of :data:`BACKENDS`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from steelyard import cython_build
from steelyard.project import Project


def import_source(path: Path, name: str) -> ModuleType:
    """Import the Python file ``path``, whose package is already in ``sys.modules``, under ``name``."""
    return importlib.import_module(name)


def importable(module: str) -> bool:
    """Whether a module can be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it would be in
        return False


def keep_nothing(module: ModuleType) -> None:
    """A backend that compiles nothing when a function is called."""


def keep_in_numba_cache(module: ModuleType) -> None:
    """Have Numba keep in ``NUMBA_CACHE_DIR`` what it compiles of a module's functions."""
    for value in list(vars(module).values()):
        if hasattr(value, "py_func") and hasattr(value, "enable_caching"):
            value.enable_caching()


def no_further_need() -> str | None:
    """A backend that runs wherever its module can be imported."""
    return None


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to write a kernel: the file's suffix, what it needs, and how it is loaded."""

    name: str
    requires: str | None = None
    """The module that must be importable; None if Python alone will do."""
    install: str = ""
    """What to install if it is not; the module's name if empty."""
    suffix: str = ".py"
    load: Callable[[Path, str], ModuleType] = import_source
    """``load(path, name)`` imports the file under that module name."""
    lacking: Callable[[], str | None] = no_further_need
    """What else this machine lacks, with its cure; None if nothing."""
    compiles: bool = False
    """Whether the first call compiles, so that it is worth doing before the first timing."""
    traceable: bool = False
    """Whether all the memory that it takes is asked of Python or NumPy, so that tracemalloc sees it."""
    keep: Callable[[ModuleType], None] = keep_nothing
    """``keep(module)`` has what the first calls into a module compile kept on disk, where nothing stale can lie."""

    def unavailable(self) -> str | None:
        """Why this backend cannot run here, with the cure; None if it can."""
        if self.requires and not importable(self.requires):
            return f"{self.requires} is not installed (pip install {self.install or self.requires})"
        return self.lacking()


BACKENDS: Mapping[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend("python", traceable=True),
        Backend("numpy", requires="numpy", traceable=True),
        Backend("numexpr", requires="numexpr"),
        Backend(
            "cython",
            requires="Cython",
            install="'steelyard[cython]'",
            suffix=".pyx",
            load=cython_build.load,
            lacking=cython_build.lacking,
        ),
        # Numba's runtime takes its arrays from PyMem_RawMalloc.
        Backend("numba", requires="numba", compiles=True, traceable=True, keep=keep_in_numba_cache),
    )
}


def backends_of(project: Project) -> Mapping[str, Backend]:
    """The backends of the harness and those that the project's configuration adds, in display order."""
    return {**BACKENDS, **{name: Backend(name, requires=module) for name, module in project.backends.items()}}
