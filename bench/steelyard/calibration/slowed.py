"""What a calibration compares: a repository of the kernels in ``project``, and a revision in which some do more work.

Each kernel works through a fixed number of rounds, has converged long before the last, and so returns the same if it
is given more.
"""

from __future__ import annotations

import math
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from steelyard.errors import SteelyardError
from steelyard.project import Project

CELLS = (
    "heron/python/loops/tiny",
    "relax/python/passes/small",
    "bisection/python/loops/large",
    "heron/numpy/arrays/small",
    "relax/numpy/arrays/medium",
    "bisection/numpy/arrays/small",
    "heron/numba/loops/tiny",
    "relax/numba/passes/large",
    "bisection/numba/loops/medium",
    "heron/cython/loops/large",
    "relax/cython/passes/small",
    "bisection/cython/loops/tiny",
)
"""Twelve, from 5 µs to 20 ms a call, each in a file of its own."""

ROUNDS = 200
"""The rounds of every kernel; a share more of it must be a whole number."""

EFFECTS = (0.02, 0.03, 0.05, 0.10)
"""Shares more work, as drawn in slowed suites."""

UNUSED = """


def unused(value, factors=(1.5, 2.5, "head")):
    \"\"\"Called by nothing.\"\"\"
    for factor in factors[:-1]:
        value = value * factor + len(factors)
    return [value] * len(factors)"""
"""What every Python file of head has more: it moves what is loaded after it to other places in memory."""


def make_repository(folder: Path, effects: dict[str, float]) -> Project:
    """A git repository with the kernels as tag ``base``, and as tag ``head`` with more rounds in some."""
    root = folder / "repository"
    with as_file(files(__package__) / "project") as source:
        shutil.copytree(source, root, ignore=shutil.ignore_patterns("__pycache__"))
    git(root, "init", "--quiet")
    commit(root, "base")
    if effects:
        for cell in CELLS:
            path = kernel_file(root, cell)
            # A comment for Cython: where its compiler puts the machine code would be a difference for good.
            more = UNUSED if path.suffix == ".py" else "  # head"
            changed = with_rounds(path.read_text("utf-8"), effects.get(cell, 0.0), more)
            path.write_text(changed, "utf-8")
        commit(root, "head")
    else:
        git(root, "tag", "head")
    return Project.find(root)


def kernel_file(root: Path, cell: str) -> Path:
    """The file that holds a cell's kernel."""
    workload, backend, *_ = cell.split("/")
    suffix = ".pyx" if backend == "cython" else ".py"
    return root / "kernels" / workload / f"{workload}_{backend}{suffix}"


def with_rounds(source: str, effect: float, more: str) -> str:
    """A kernel's source that does a share ``effect`` more rounds, and has some text more in any case."""
    rounds = round(ROUNDS * (1 + effect))
    changed, count = re.subn(rf"^ROUNDS = {ROUNDS}$", f"ROUNDS = {rounds}{more}", source, flags=re.MULTILINE)
    if count != 1 or not math.isclose(rounds, ROUNDS * (1 + effect)):
        raise SteelyardError(f"{effect:.3%} of {ROUNDS} rounds is no whole number")
    return changed


def git(root: Path, *arguments: str) -> None:
    """Run a git command that must succeed, whatever the user has configured."""
    plain = [
        "-c",
        "user.name=steelyard",
        "-c",
        "user.email=steelyard@localhost",
        "-c",
        "commit.gpgsign=false",
    ]
    subprocess.run(["git", *plain, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path, tag: str) -> None:
    """Commit everything, and tag it."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--no-verify", "--message", tag)
    git(root, "tag", tag)


def lots(effects: Sequence[float], rng: random.Random) -> dict[str, float]:
    """Which cells do how much more work: two of each effect, the rest nothing, drawn by lot."""
    cells = rng.sample(CELLS, len(CELLS))
    return dict(zip(cells, [effect for effect in effects for _ in range(8 // len(effects))], strict=False))


def true_ratios(effect: float = 0.10, seconds: float = 4.0) -> dict[str, float]:
    """For each cell the ratio of CPU time that a share ``effect`` more rounds really costs, measured in one process.

    Calls of both revisions alternate; the lower half of either's CPU times is averaged. What a call costs beside
    its rounds makes it a little less than 1 + effect.
    """
    with tempfile.TemporaryDirectory(prefix="steelyard-calibration-") as folder:
        project = make_repository(Path(folder), dict.fromkeys(CELLS, effect))
        head = project.root
        base = Path(folder) / "base"
        git(head, "worktree", "add", "--quiet", str(base), "base")
        return {cell: cpu_ratio(base, head, cell, seconds) for cell in CELLS}


def cpu_ratio(base: Path, head: Path, cell: str, seconds: float) -> float:
    """Head's CPU time over base's for one cell, its calls alternating."""
    from steelyard.registry import Registry

    calls = []
    for root in (base, head):
        registry = Registry(Project.find(root))
        found = registry.cell(cell)
        kernel = registry.load(found.variant)
        arguments = kernel.arguments(registry.inputs(found.variant.workload, found.size))
        kernel.function(*arguments)
        calls.append((kernel.function, arguments))
    taken: tuple[list[float], list[float]] = ([], [])
    count = 1
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(taken[0]) < 10:
        for (function, arguments), times in zip(calls, taken, strict=True):
            start = time.process_time()
            for _ in range(count):
                function(*arguments)
            times.append((time.process_time() - start) / count)
        if count * taken[0][-1] < 2e-3:  # blocks too short for the clock do not count
            count *= 2
            taken[0].clear()
            taken[1].clear()
    halves = [sorted(times)[: len(times) // 2] for times in taken]
    return (sum(halves[1]) / len(halves[1])) / (sum(halves[0]) / len(halves[0]))
