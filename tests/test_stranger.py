"""A stranger installs the wheel in a repository of his own, adds a folder and a line, and has everything."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

WORKLOAD = """
import numpy as np
from steelyard import Tolerance, Workload

WORKLOAD = Workload(
    title="Running sum",
    equation=r"y_i = \\sum_{j \\le i} x_j",
    sizes={"small": {"n": 100}, "medium": {"n": 10_000}},
    inputs=lambda n: {"x": np.random.default_rng(0).random(n)},
    outputs={"y": Tolerance(relative=1e-12)},
    work=lambda n: n,
    unit="points",
    operations=lambda n: n,
    bytes=lambda n: 16 * n,
)
"""

PYTHON = """
from itertools import accumulate

__all__ = ["accumulated"]

def accumulated(x: list):
    return list(accumulate(x))
"""

NUMPY = """
import numpy as np

__all__ = ["cumsum"]

def cumsum(x):
    return np.cumsum(x)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without a compiler in reach."""
    folder = tmp_path_factory.mktemp("wheel")
    environment = {**os.environ, "CC": "no-such-compiler"}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, env=environment)
    (path,) = folder.glob("*.whl")
    assert path.name.endswith("-py3-none-any.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The programs of an environment with the wheel in it, and this environment's other libraries."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = ["install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    # As a line of a .pth file the folder is searched after the wheel, and its own .pth files are not read.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = [str(python), "-c", "import steelyard; print(steelyard.__file__)"]
    found = subprocess.run(where, cwd=folder, check=True, capture_output=True, text=True).stdout
    assert Path(found.strip()).is_relative_to(site)
    return folder / "bin"


@pytest.fixture
def repository(tmp_path):
    """Two backends, one line of configuration, and packages of its own named bench and kernels."""
    files = {
        "pyproject.toml": "[tool.steelyard]\n",
        "kernels/running_sum/__init__.py": WORKLOAD,
        "kernels/running_sum/running_sum_python.py": PYTHON,
        "kernels/running_sum/running_sum_numpy.py": NUMPY,
        "kernels/__init__.py": "MINE = 'the package that my own code imports'\n",
        "bench/__init__.py": "MINE = 'another'\n",
        "bench/test_cells.py": (
            "import bench, kernels\n\n"
            "def test_cell(steelyard_cell, benchmark):\n"
            "    assert bench.MINE == 'another' and kernels.MINE.startswith('the package')\n"
            "    benchmark(steelyard_cell.function, *steelyard_cell.arguments)\n"
        ),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(program, *arguments, cwd):
    done = subprocess.run(
        [str(part) for part in (*program, *arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everything_works(installed, repository):
    """`steelyard list`, `check`, `pytest bench`, `steelyard report`, each as typed."""
    steelyard, python = [installed / "python", "-m", "steelyard.cli"], [installed / "python"]
    assert (installed / "steelyard").is_file()
    assert "running_sum/numpy/cumsum" in run([installed / "steelyard"], "list", cwd=repository)
    assert "4 agree" in run(steelyard, "check", cwd=repository)
    output = run(python, "-m", "pytest", "bench", "--benchmark-max-time=0.02", cwd=repository)
    assert "4 passed" in output
    assert "reports/html/index.html" in run(steelyard, "report", cwd=repository)
    assert "Running sum" in (repository / "reports/html/index.html").read_text()


def test_a_new_workload(installed, tmp_path):
    """`steelyard new` in an empty folder: what it writes is checked and measured."""
    run([installed / "steelyard"], "new", "saxpy", cwd=tmp_path)
    output = run(
        [installed / "python", "-m", "pytest"],
        *("bench", "--backends=python,numpy", "--benchmark-max-time=0.02", "--no-profile"),
        cwd=tmp_path,
    )
    assert "6 passed" in output
