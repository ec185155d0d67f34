"""The first call of a variant, in a fresh process with empty caches: what compiling and loading cost.

It is measured apart from the steady state, at the workload's smallest size, so that the work itself hardly
counts. A kernel that crashes on its first call takes only that process with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from steelyard.agreement import timed_call
from steelyard.cell import Variant
from steelyard.environment import variables
from steelyard.errors import SteelyardError
from steelyard.project import Project
from steelyard.registry import Registry
from steelyard.threads import count_for, set_threads

TIMEOUT = 300.0
"""Seconds after which a first call counts as hanging."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """What a variant's start costs, in seconds."""

    load_s: float
    """Importing the file and its backend; compiling a .pyx is not in it."""
    call_s: float
    """The call itself, with whatever it compiles."""


class FirstCallFailed(SteelyardError):
    """The first call raised, crashed or hung."""


def measure(project: Project, variant: Variant) -> FirstCall:
    """Call a variant for the first time, in a process of its own.

    Raises:
        FirstCallFailed: it did not come to its end.
    """
    with tempfile.TemporaryDirectory(prefix="steelyard-") as folder:
        result = Path(folder) / "first_call.json"
        cache = Path(folder) / "numba"
        cache.mkdir()
        try:
            outcome = subprocess.run(
                [sys.executable, "-m", "steelyard.first_call", str(project.root), variant.id, str(result)],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=TIMEOUT,
                env=os.environ | variables(str(cache)),
            )
        except subprocess.TimeoutExpired:
            raise FirstCallFailed(f"{variant.id}: its first call did not end within {TIMEOUT:g} s") from None
        if result.exists():
            return FirstCall(**json.loads(result.read_text()))
    if outcome.returncode < 0:
        name = signal.Signals(-outcome.returncode).name
        raise FirstCallFailed(f"{variant.id}: the process of its first call died of {name}")
    raise FirstCallFailed(outcome.stderr.strip() or f"{variant.id}: its first call ended the process")


def main(root: str, id: str, result: str) -> None:
    """Load and call the variant, and write what it took."""
    registry = Registry(Project.find(Path(root)))
    variant = registry.variant(id)
    inputs = registry.inputs(variant.workload, registry.workload(variant.workload).smallest)
    start = time.perf_counter()
    kernel = registry.load(variant)
    loaded = time.perf_counter()
    arguments = kernel.arguments(inputs)
    set_threads(count_for(parallel=variant.parallel))
    _, seconds = timed_call(kernel, arguments, "first call")
    Path(result).write_text(json.dumps(asdict(FirstCall(load_s=loaded - start, call_s=seconds))))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except SteelyardError as error:
        sys.exit(str(error))
