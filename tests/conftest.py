"""A small made-up project that each test may bend to its purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from doubling import NUMPY, PYTHON, WORKLOAD
from steelyard.project import Project
from steelyard.registry import Registry

KERNELS = {"__init__.py": WORKLOAD, "double_python.py": PYTHON, "double_numpy.py": NUMPY}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile into a cache of the test run's own, shared by its tests."""
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def write_project(tmp_path: Path) -> Callable[..., Path]:
    """Write a project with the workload ``double``, its files replaced or added to by keyword or mapping."""

    def write(files: dict[str, str] | None = None, configuration: str = "[tool.steelyard]\n") -> Path:
        root = tmp_path / "project"
        folder = root / "kernels" / "double"
        folder.mkdir(parents=True, exist_ok=True)
        (root / "pyproject.toml").write_text(configuration)
        (root / "bench").mkdir(exist_ok=True)
        (root / "bench" / "test_cells.py").write_text(
            "def test_cell(steelyard_cell, benchmark):\n"
            "    benchmark(steelyard_cell.function, *steelyard_cell.arguments)\n"
        )
        for name, text in {**KERNELS, **(files or {})}.items():
            (folder / name).write_text(text)
        return root

    return write


@pytest.fixture
def registry_of(write_project: Callable[..., Path]) -> Callable[..., Registry]:
    """Write a project and find its workloads."""

    def make(files: dict[str, str] | None = None, configuration: str = "[tool.steelyard]\n") -> Registry:
        return Registry(Project.find(write_project(files, configuration)))

    return make
