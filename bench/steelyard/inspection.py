"""What a process finds out about its own revision: its cells, what their code is made of, and whether they agree."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.agreement import call, fingerprint
from steelyard.cell import Variant
from steelyard.cython_build import BESIDE
from steelyard.errors import SteelyardError
from steelyard.isolation import Isolation
from steelyard.kernel import Kernel
from steelyard.reach import Reach, Unforeseeable
from steelyard.referee import Referee, TooSlow
from steelyard.registry import Registry

PATIENCE = 120.0
"""Seconds after which a cell's first calls count as hanging, compiling included."""


def listed(registry: Registry, isolation: Isolation) -> dict[str, Any]:
    """The cells of a project and the definitions of its workloads, as plain data."""
    cells = {}
    for cell in registry.select(sizes=["all"]):
        workload = registry.workload(cell.variant.workload)
        cells[cell.id] = {
            "default": cell.size in workload.default_sizes,
            "parallel": cell.variant.parallel,
            "source": cell.variant.path.relative_to(isolation.worktree).as_posix(),
            "unavailable": registry.backends[cell.variant.backend].unavailable(),
        }
    definitions = {}
    for name in registry.variants:
        workload = registry.workload(name)
        definitions[name] = {
            "title": workload.title,
            "version": workload.version,
            "sizes": {size: dict(parameters) for size, parameters in workload.sizes.items()},
            "tolerances": {name: [t.absolute, t.relative] for name, t in workload.outputs.items()},
            "reference": registry.reference(name).id,
        }
    return {"cells": cells, "workloads": definitions, "backends": registry.project.backends}


def reached(registry: Registry, isolation: Isolation, variants: Sequence[str]) -> dict[str, list[str] | None]:
    """The files, relative to the worktree, that each variant's code can load or its workload reads.

    None where that cannot be told without running it.
    """
    loaded = set(isolation.modules().values())  # by the interpreter's start-up, and so for every variant
    reach = Reach(isolation.worktree)
    found: dict[str, list[str] | None] = {}
    for name in variants:
        try:
            variant = registry.variant(name)
            files = reach.of({variant.path, registry.init_of(variant.workload), *loaded})
            for pattern in registry.workload(variant.workload).files:
                files |= set(registry.data_files(variant.workload, pattern))
        except (Unforeseeable, SteelyardError, OSError):
            found[name] = None
        else:
            found[name] = [path.relative_to(isolation.worktree).as_posix() for path in files]
    return found


def digest(registry: Registry, isolation: Isolation, variant: Variant) -> dict[str, Any]:
    """A digest of all that a variant's speed can depend on in the repository.

    It covers the files of every module of the repository that is loaded once the variant has been called,
    however they import one another; the headers beside a Cython file; the files that the workload says it
    reads; and the configuration of the backend. Not what the code reads without saying so, nor what is
    installed: both revisions run with the same.
    """
    kernel = remembering(registry, variant)
    workload = registry.workload(variant.workload)
    inputs = registry.inputs(variant.workload, workload.smallest)
    call(kernel, kernel.arguments(inputs), "first call")
    files = {variant.path, *isolation.modules().values()}
    if variant.path.suffix == ".pyx":
        files |= {path for path in variant.path.parent.iterdir() if path.suffix in BESIDE}
    files |= {path for name in workload.files for path in registry.data_files(variant.workload, name)}
    hashes = {
        path.relative_to(isolation.worktree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file() and path.is_relative_to(isolation.worktree)
    }
    covered = [sorted(hashes.items()), registry.project.backends.get(variant.backend)]
    return {
        "digest": hashlib.sha256(json.dumps(covered).encode()).hexdigest(),
        "files": sorted(hashes),
        "strays": isolation.strays(),
    }


def held(registry: Registry, cells: Sequence[str], limit: float, into: Path) -> Iterator[tuple[Any, Any]]:
    """Hold cells of one workload against its reference; what came of each, and new inputs' digests.

    The outputs that they were held against are saved as ``into/<workload>-<size>.npz``, those of a probe as
    ``into/<workload>--<probe>.npz``, to be compared with those of the other revision.
    """
    referee = Referee(registry)
    inputs: dict[str, str] = {}
    for id in cells:
        cell = registry.cell(id)
        workload = cell.variant.workload
        try:
            remembering(registry, cell.variant)
            # What a call is expected to take is told from smaller sizes, and can be far too much.
            checked = referee.check(cell, limit=10 * limit)
            if checked.seconds > limit:
                raise TooSlow(checked.seconds)
        except TooSlow as slow:
            reason = f"{slow}, more than the {limit:.2g} s that the budget allows"
            yield {"status": "too slow", "reason": reason}, {}
            continue
        except SteelyardError as error:
            status = "disagrees" if hasattr(error, "check") else "failed"
            yield {"status": status, "reason": str(error)}, {}
            continue
        sets = {f"{workload}-{cell.size}": (registry.inputs(workload, cell.size), {"size": cell.size})}
        for name, probe in registry.probes(workload).items():
            sets[f"{workload}--{name}"] = (probe, {"probe": name})
        new = {name: values for name, values in sets.items() if name not in inputs}
        try:
            for name, (values, which) in new.items():
                inputs[name] = hashlib.sha256(fingerprint(tuple(values.items()))).hexdigest()
                np.savez(into / f"{name}.npz", **referee.expected(cell.variant, **which))
        except OSError as error:  # the disk is full, for what a kernel raises is a disagreement
            yield {"status": "no room", "reason": error.strerror or str(error)}, {}
        else:
            yield {"status": "agrees", "reason": ""}, {name: inputs[name] for name in new}


def remembering(registry: Registry, variant: Variant) -> Kernel:
    """Load a variant; what its backend compiles at the first call is kept for this gate's other processes."""
    kernel = registry.load(variant)
    keep = registry.backends[variant.backend].keep
    for name, module in list(sys.modules.items()):
        if name.startswith(registry.package):
            keep(module)
    return kernel
