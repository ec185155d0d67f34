"""Every mistake that a user can make, each with its place and its cure."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def described(error: BaseException, file: Path | None = None) -> str:
    """An error of somebody else's code in one line: what it is, and the line that raised it.

    Of ``file``, if that is given and has a part in it: a user looks for his own line.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if file and frame.filename == str(file)]
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    place = f" ({(own or frames)[-1].filename}:{(own or frames)[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


class SteelyardError(Exception):
    """What went wrong, where, and what to do about it; shown to the user as it is, without a traceback."""

    exit_code = 2
    """2 where a command cannot be followed, 1 where a kernel is at fault."""


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


class NoKernels(BadConfiguration):
    """The folder of the kernels is not there; :attr:`folder` is where it should be."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            path,
            f"names the kernels folder {folder}, which does not exist; `steelyard new NAME` makes it, with a first workload",
        )


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
    """A .pyx file does not compile; the first line says where and why, the rest is the compiler's output."""

    exit_code = 1

    def __init__(self, path: Path, output: str) -> None:
        error = re.search(rf"{re.escape(path.name)}:(\d+:\d+): (?!.*warning:)(.+)", output)
        where, why = error.groups() if error else ("", "see the compiler's output")
        super().__init__(f"{path}{':' * bool(where)}{where}: does not compile: {why}\n{output.strip()}")


class CannotBuild(SteelyardError):
    """There is nowhere to put what is compiled."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be built in {error.filename or 'the cache'}: {error.strerror or error}. "
            f"Free some space, or set STEELYARD_CACHE to a folder that can be written to"
        )


class LoadFailed(SteelyardError):
    """A kernel file cannot be imported, or lacks a function that its ``__all__`` names."""

    exit_code = 1

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class UnreadableRun(SteelyardError):
    """A file that should hold a saved run does not."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is not a run that can be read: {why}.\nName another, or move this one out of the way."
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
