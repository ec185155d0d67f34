"""A small made-up project that each test may bend to its purpose, and a gate whose pairs are made up."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from doubling import NUMPY, PYTHON, WORKLOAD
from repositories import without_git_configuration
from steelyard.gate import Gate
from steelyard.pair import SideFailed
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


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files is empty, at the beginning and at the end, and no process is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    without_git_configuration(monkeypatch)
    yield folder
    assert [path.name for path in folder.iterdir()] == []
    assert [child for child in psutil.Process().children(recursive=True) if is_worker(child)] == []


def is_worker(process):
    try:
        return "steelyard.worker" in process.cmdline()
    except psutil.Error:
        return False


@pytest.fixture
def made_up(monkeypatch):
    """Pairs are not measured: each gives log ratios that the test makes up, ``made_up[cell](number of the pair)``."""
    ratios, lanes = {}, []

    def measure_pair(self, cells, seconds, share):
        lanes.append([cell.cell for cell in cells])
        for cell in cells:
            found = ratios.get(cell.cell, lambda number: 1e-4 * (-1) ** number)(len(cell.logs))
            if isinstance(found, BaseException):
                raise found
            if isinstance(found, SideFailed):
                cell.problem = found
            else:
                cell.add(found, {"base": 1e-3, "head": 1e-3 * math.exp(found)}, 0.1)
        return 0.0

    monkeypatch.setattr(Gate, "measure_pair", measure_pair)
    ratios["lanes"] = lanes
    return ratios
