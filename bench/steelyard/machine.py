"""Where something was measured: what lasts of a machine, which makes its key, and its state at the time."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from steelyard.cython_build import compiler_version
from steelyard.threads import cores
from steelyard.versions import installed

LIBRARIES = ("numpy", "numexpr", "cython", "numba", "llvmlite", "scipy", "pytest-benchmark", "steelyard")
"""Distributions whose versions decide what is measured."""


CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
"""Where Linux tells of them; what libraries report can be wrong."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What lasts: two runs with the same key can be compared. Clock rates are left out, they change by themselves."""

    cpu: str
    cores: int
    caches: Mapping[str, str]
    """Sizes as the kernel gives them: ``{"L1 Data": "32K", ...}``."""
    memory: int
    """Bytes, rounded to whole GiB: the kernel's own share differs from boot to boot."""
    system: str
    python: str
    compiler: str
    libraries: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def here(cls) -> Machine:
        """The machine that this process runs on."""
        import psutil

        return cls(
            cpu=cpu_model(),
            cores=cores(),
            caches=cache_sizes(),
            memory=round(psutil.virtual_memory().total / 2**30) * 2**30,
            system=system_name(),
            python=f"{platform.python_implementation()} {platform.python_version()}",
            compiler=(compiler_version().splitlines() or ["none"])[0],
            libraries=installed(LIBRARIES),
        )

    @property
    def key(self) -> str:
        """A folder name: pytest-benchmark's own, made specific by a digest of everything above."""
        digest = hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:8]
        python = ".".join(platform.python_version_tuple()[:2])
        return f"{platform.system()}-{platform.python_implementation()}-{python}-{digest}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for a run file."""
        return asdict(self)


def cpu_model() -> str:
    """The processor's own name, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache that core 0 sees."""

    level: str
    """``L1``, ``L2``, ..."""
    kind: str
    """``Data``, ``Instruction`` or ``Unified``."""
    size: int
    """Bytes."""
    cores: int
    """How many cores of this machine share it."""


def caches() -> list[Cache]:
    """The caches that core 0 sees, the smallest level first; empty where the system does not tell."""
    found = []
    for folder in sorted(CACHES.glob("index*")):
        level, kind, size, sharing = (
            (folder / name).read_text().strip() for name in ("level", "type", "size", "shared_cpu_map")
        )
        cores = int(sharing.replace(",", ""), 16).bit_count()
        found.append(Cache(f"L{level}", kind, int(size.rstrip("K")) * 2**10, cores))
    return found


def cache_sizes() -> dict[str, str]:
    """Their sizes in KiB by level and kind, as the kernel writes them: ``48K``."""
    return {f"{cache.level} {cache.kind}": f"{cache.size // 2**10}K" for cache in caches()}


def system_name() -> str:
    """The operating system with its version, but not the kernel's build."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def state() -> dict[str, Any]:
    """What changes from minute to minute and can spoil a measurement; kept with a run, never in its key."""
    import psutil

    return {
        "node": platform.node(),
        "kernel": platform.release(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "steal_s": getattr(psutil.cpu_times(), "steal", None),
        "cc": sysconfig.get_config_var("CC"),
    }
