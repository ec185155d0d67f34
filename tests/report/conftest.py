"""Runs made up for the pages' tests: no time in them was ever measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from steelyard.project import Project
from steelyard.runs import Run


def entry(cell: str, seconds: float, *, spread: float = 0.02, rounds: int = 9, **info: Any) -> dict[str, Any]:
    """A cell as pytest-benchmark saves it: ``rounds`` samples around ``seconds``, ``spread`` to each side."""
    workload, backend, variant, size = cell.split("/")
    middle = (rounds - 1) / 2 or 1
    return {
        "stats": {
            "data": [seconds * (1 + spread * (n - (rounds - 1) / 2) / middle) for n in range(rounds)],
            "iterations": 1,
        },
        "extra_info": {
            "cell": cell,
            "workload": workload,
            "backend": backend,
            "variant": variant,
            "size": size,
            **info,
        },
    }


def missing(cell: str, status: str, reason: str) -> dict[str, str]:
    return {"cell": cell, "status": status, "reason": reason}


def run_data(
    benchmarks: list[dict[str, Any]], absent: list[dict[str, str]] | None = None, **ours: Any
) -> dict[str, Any]:
    """The contents of a run file."""
    return {
        "benchmarks": benchmarks,
        "commit_info": {"id": "1a2b3c4d5e6f7a8b9c0d", "branch": "main", "dirty": True},
        "steelyard": {
            "format": 1,
            "id": "20260304T121314-99",
            "started": "2026-03-04T12:13:14+00:00",
            "seed": 7,
            "command": "pytest bench",
            "titles": {"laplace": "Laplace's equation", "lif": "Integrate-and-fire neurons"},
            "machine": {
                "cpu": "Abacus 9000",
                "cores": 2,
                "caches": {"L1 Data": "32K", "L2 Unified": "1M"},
                "memory": 8 * 2**30,
                "system": "Debian GNU/Linux 12",
                "python": "CPython 3.11.7",
                "compiler": "gcc 12.2.0",
                "libraries": {"numpy": "2.1.0", "numba": "0.60.0"},
            },
            "state": {"before": {"kernel": "6.1.0", "load": [0.5, 0.25, 0.125]}},
            "missing": absent or [],
            "warnings": [],
            **ours,
        },
    }


def ceilings() -> dict[str, Any]:
    """What a machine can do at most, for one core and for two, as a run holds it."""
    limits = [
        ("arithmetic", "", None, 64e9, "multiply-add, 256 bits"),
        ("bandwidth", "L1", 2**15, 250e9, "triad, 256 bits"),
        ("bandwidth", "L2", 2**20, 120e9, "scale, 256 bits"),
        ("bandwidth", "memory", None, 16e9, "scale, 128 bits"),
    ]
    return {
        "limits": [
            {
                "kind": kind,
                "level": level,
                "size": size,
                "threads": threads,
                "per_second": per_second * (1.9 if threads == 2 else 1.0),
                "way": way,
                "doubt": 0.004 * threads,
            }
            for threads in (1, 2)
            for kind, level, size, per_second, way in limits
        ],
        "seconds": 4.2,
    }


def full(cell: str, seconds: float, **info: Any) -> dict[str, Any]:
    """A cell with everything that a run of this harness records."""
    workload, _, _, size = cell.split("/")
    return entry(
        cell,
        seconds,
        **{
            "parameters": {"n": 50 if size == "small" else 300, "n_iter": 20},
            "work": 50_000 if size == "small" else 1_800_000,
            "unit": "points",
            "operations": 5 * (50_000 if size == "small" else 1_800_000),
            "bytes": 16 * (50_000 if size == "small" else 1_800_000),
            "footprint": 40_000 if size == "small" else 1_440_000,
            "threads": 1,
            "first_call_s": 0.0125,
            "load_s": 0.1,
            "build_s": None,
            "reference": f"{workload}/python/loops",
            "agreement": {
                "reference": f"{workload}/python/loops/{size}",
                "largest_difference": 2.5e-15,
                "probes": ["oblong", "once"],
                "laws": ["boundary kept"],
                "subnormals": 0,
            },
            **info,
        },
    )


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The functions above."""
    return SimpleNamespace(ceilings=ceilings, entry=entry, full=full, missing=missing, run_data=run_data)


@pytest.fixture
def usual() -> dict[str, Any]:
    """Two workloads, two sizes, most backends, one absence of each kind, shuffled as a suite is."""
    exact = {"reference": "laplace/python/loops/small", "largest_difference": 0.0, "probes": [], "laws": []}
    return run_data(
        [
            full("laplace/numba/loops/medium", 0.002, first_call_s=0.84, load_s=0.52),
            full(
                "laplace/python/loops/small",
                0.0123,
                memory={"peak": 157_226, "allocations": 7_742, "tool": "memray"},
            ),
            full(
                "laplace/numpy/slices/small", 0.00041, spread=0.2, memory={"peak": 0, "tool": "tracemalloc"}
            ),
            full("laplace/python/loops/medium", 0.45, first_call_s=0.013),
            full("laplace/numba/loops/small", 0.000052, first_call_s=0.84, load_s=0.52),
            full("laplace/numpy/inplace/medium", 0.011),
            full("laplace/numpy/slices/medium", 0.012, spread=0.001, agreement=exact),
            full(
                "laplace/cython/parallel/small",
                0.000061,
                threads=2,
                build_s=9.1,
                memory={"reason": "its process died of SIGSEGV"},
            ),
            full("lif/numpy/steps/medium", 0.2, unit="neuron-steps"),
            full("lif/python/loops/medium", 0.19, unit="neuron-steps"),
            entry("lif/numba/loops/medium", 0.000_000_4, rounds=1),
        ],
        [
            missing("laplace/cython/parallel/medium", "failed", "grid[3, 0] is 1.0,\n  not 2.0"),
            missing("laplace/cython/loops/medium", "over budget", "one call takes 4 s"),
            missing("lif/numexpr/steps/medium", "unavailable", "numexpr is not installed"),
            missing("laplace/numpy/slow/small", "over budget", "one call takes 9 s"),
        ],
        warnings=["laplace/numba/loops/medium used 1.30 times as much CPU as wall time"],
        ceilings=ceilings(),
        sources={"laplace/python/loops": {"lines": 14, "file": "laplace_python.py", "line": 5}},
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(root=tmp_path, kernels=tmp_path / "kernels", reports=tmp_path / "reports")


@pytest.fixture
def load(tmp_path: Path) -> Callable[[dict[str, Any]], Run]:
    """Reads a run as if from its file."""
    return lambda data: Run.from_json(tmp_path / "reports" / "runs" / "0001_made_up.json", data)
