"""How good the gate is on this machine, measured with the gate itself.

In a suite of the kind *same* a revision is compared with itself. In one of the kind *slowed* a second revision gives some
cells, drawn by lot, a share more rounds in every call; all its files differ, so that the gate cannot tell which, and what
the interpreter loads lies elsewhere, as after a real change. What each suite found is appended to a file as it ends,
so that a calibration can be stopped and gone on with.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from steelyard.calibration.record import Suite, append
from steelyard.calibration.slowed import CELLS, EFFECTS, lots, make_repository
from steelyard.gate import compare
from steelyard.sides import Options


def calibrate(
    path: Path,
    kinds: Sequence[str],
    *,
    budget: float,
    tolerance: float,
    effects: Sequence[float] = EFFECTS,
    neighbour: bool = False,
    progress: Callable[[str], None] = lambda line: None,
    rng: random.Random | None = None,
) -> None:
    """Run one suite for each of ``kinds``, and append what it found to ``path``.

    Raises:
        CannotSetUp: the gate cannot be run here.
        CannotWrite: ``path`` cannot be written to.
    """
    rng = rng or random.Random()
    for number, kind in enumerate(kinds, 1):
        drawn = lots(effects, rng) if kind == "slowed" else {}
        label = f"suite {number} of {len(kinds)}, {kind}: "
        with tempfile.TemporaryDirectory(prefix="steelyard-calibration-") as folder:
            project = make_repository(Path(folder), drawn)
            before, began = own_and_all_cpu(), time.monotonic()
            # A cache of its own: compiling belongs to what a gate takes.
            with cache_in(Path(folder) / "cache"), burning(neighbour):
                judgement = compare(
                    project,
                    "base",
                    "head",
                    Options(patterns=CELLS, budget=budget, tolerance=tolerance, all=True, profiles=False),
                    partial(prefixed, progress, label),
                )
            load = others_share(before, own_and_all_cpu(), time.monotonic() - began)
        if judgement.interrupted:
            raise KeyboardInterrupt
        append(
            path,
            Suite.from_judgement(judgement, kind, drawn, neighbour=neighbour, load=load, tolerance=tolerance),
        )


def mixed(same: int, slowed: int) -> list[str]:
    """The kinds of so many suites of the same code and so many with slowed cells, evenly mixed."""
    whole = max(1, same + slowed)
    return [
        "slowed" if (i + 1) * slowed // whole > i * slowed // whole else "same" for i in range(same + slowed)
    ]


def prefixed(progress: Callable[[str], None], label: str, line: str) -> None:
    """Tell what goes on, and in which suite."""
    progress(label + line)


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Compile into an empty cache."""
    before = os.environ.get("STEELYARD_CACHE")
    os.environ["STEELYARD_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["STEELYARD_CACHE"]
        else:
            os.environ["STEELYARD_CACHE"] = before


NEIGHBOUR = """
import os, random, time
parent = os.getppid()
while os.getppid() == parent:
    end = time.monotonic() + random.uniform(0.05, 2.0)
    while time.monotonic() < end:
        sum(range(1000))
    time.sleep(random.uniform(0.05, 2.0))
"""
"""Burns a core in bursts."""


@contextmanager
def burning(neighbour: bool) -> Iterator[None]:
    """Have another process burn a core in bursts, if asked for."""
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR]) if neighbour else None
    try:
        yield
    finally:
        if process:
            process.kill()
            process.wait()


def own_and_all_cpu() -> tuple[float, float]:
    """CPU seconds of this process with its ended children, and of the whole machine."""
    own = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    whole = psutil.cpu_times()
    return own, whole.user + whole.system + getattr(whole, "nice", 0.0)


def others_share(before: tuple[float, float], after: tuple[float, float], seconds: float) -> float:
    """What other processes used of all cores, between two readings of :func:`own_and_all_cpu`."""
    own, whole = after[0] - before[0], after[1] - before[1]
    return max(0.0, whole - own) / (seconds * (os.cpu_count() or 1))
