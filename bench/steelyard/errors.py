"""Every mistake that a user can make, each with its place and its cure."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class SteelyardError(Exception):
    """What went wrong, where, and what to do about it; shown to the user as it is, without a traceback."""


class NotConfigured(SteelyardError):
    """No pyproject.toml above the given folder has a ``[tool.steelyard]`` table."""

    def __init__(self, start: Path) -> None:
        super().__init__(
            f"no [tool.steelyard] in a pyproject.toml of {start} or of a folder above it.\n"
            f"Add that line to the pyproject.toml of the repository whose kernels/ you want to measure,\n"
            f"or let `steelyard new NAME` write a first workload here."
        )


class BadConfiguration(SteelyardError):
    """The configuration can be read but not followed."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: [tool.steelyard] {why}")


class UnknownName(SteelyardError):
    """A workload, backend, variant or size that is not there."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = list(known)
        close = get_close_matches(name, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"no {kind} is named {name!r}.{hint}\nKnown: {', '.join(names) or 'none'}")


class BadWorkload(SteelyardError):
    """A workload's folder or its WORKLOAD cannot be used."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class Unavailable(SteelyardError):
    """A backend cannot run on this machine; the reason says what to install."""


class CompileFailed(SteelyardError):
    """A .pyx file does not compile; the message is the compiler's, with file and line."""

    def __init__(self, path: Path, output: str) -> None:
        super().__init__(f"{path} does not compile:\n{output.strip()}")


class LoadFailed(SteelyardError):
    """A kernel file cannot be imported, or lacks a function that its ``__all__`` names."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class UnreadableRun(SteelyardError):
    """A file that should hold a saved run does not."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is not a run that can be read: {why}.\n"
            f"Move it out of the way, or name another: steelyard report RUN.json"
        )


class NoRun(SteelyardError):
    """There is nothing to report on yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no run is saved in {folder}. Make one: pytest bench --benchmark-autosave")


class CannotWrite(SteelyardError):
    """The reports folder cannot be written to, or the disk is full."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"cannot write {path}: {error.strerror or error}.\n"
            f"Free some space or make the folder writable, or write elsewhere: --reports DIR"
        )
