"""What is measured: a variant, one function of one backend, at one of its workload's sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Variant:
    """One function of one backend: ``laplace/numba/loops``."""

    workload: str
    backend: str
    name: str
    path: Path
    parallel: bool = False

    @property
    def id(self) -> str:
        """``workload/backend/variant``."""
        return f"{self.workload}/{self.backend}/{self.name}"

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Cell:
    """The unit measured, a variant at a size: ``laplace/numba/loops/medium``."""

    variant: Variant
    size: str

    @property
    def id(self) -> str:
        """``workload/backend/variant/size``."""
        return f"{self.variant.id}/{self.size}"

    def __str__(self) -> str:
        return self.id  # also what pytest-benchmark saves and groups by
