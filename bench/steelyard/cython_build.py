"""Compile a .pyx on first use, into a cache whose key is everything that decides the machine code.

The key covers the source and the .pxd/.pxi files beside it, Cython, NumPy and Python, the compiler and the
flags in the environment, and the CPU (``-march=native``): so no stale build can be timed, and two revisions
of a kernel can be loaded in one environment. Flags of a single file are its own ``# distutils:`` header.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from steelyard.errors import CannotBuild, CompileFailed
from steelyard.versions import installed

RECIPE = 1
"""Raise it when :func:`compile_extension` changes what it makes of the same source."""

BESIDE = frozenset({".pxd", ".pxi", ".h"})
"""The suffixes of files beside a .pyx that it may include."""

TRACEABLE = sys.version_info[:2] != (3, 12)
"""Whether line tracing of compiled Cython works: not on 3.12, where neither tracing API reaches it."""


NO_COMPILER = "no C compiler found (install gcc: `apt install gcc`, `dnf install gcc`, or set CC)"


@dataclass(frozen=True, slots=True)
class Build:
    """One compiled module."""

    library: Path
    annotation: Path
    """Cython's annotated source, HTML: yellow lines call Python."""
    seconds: float
    """What compiling took, when it was done."""
    fresh: bool
    """Whether it was done now, not found in the cache."""


def compiler() -> str | None:
    """The path of the C compiler that extension modules are built with, or None."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation that does not end
        return None
    return shutil.which(words[0]) if words else None


def no_compiler() -> str:
    """Why there is no compiler, with the cure."""
    if chosen := os.environ.get("CC"):
        return (
            f"CC={shlex.quote(chosen)} is not a program that can be found; unset CC, or set it to a compiler"
        )
    return NO_COMPILER


def lacking() -> str | None:
    """What this machine lacks for compiling, with its cure; None if nothing."""
    if compiler() is None:
        return no_compiler()
    if importlib.util.find_spec("setuptools") is None:
        return "setuptools is not installed (pip install setuptools)"
    return None


def cache_folder() -> Path:
    """Where builds are kept: $STEELYARD_CACHE, else the user's cache folder."""
    if folder := os.environ.get("STEELYARD_CACHE"):
        return Path(folder).resolve() / "cython"
    import platformdirs

    return platformdirs.user_cache_path("steelyard") / "cython"


@functools.cache
def compiler_version() -> str:
    """What the C compiler says of itself; empty if there is none."""
    path = compiler()
    if path is None:
        return ""
    return subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout


@functools.cache
def toolchain() -> tuple[str, ...]:
    """All but the source that decides the machine code."""
    cpu = platform.processor() + platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        cpu += "".join(
            sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
        )
    return (
        str(RECIPE),
        compiler_version(),
        cpu,
        sys.version,
        str(sysconfig.get_config_var("EXT_SUFFIX")),
        *(f"{name} {version}" for name, version in installed(("cython", "numpy", "setuptools")).items()),
        *(os.environ.get(name, "") for name in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED")),
    )


def build_key(source: Path, *, traced: bool) -> str:
    """The name under which this source's build is cached: 24 hexadecimal digits."""
    digest = hashlib.sha256()
    beside = sorted(path for path in source.parent.iterdir() if path.suffix in BESIDE)
    for path in (source, *beside):
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)} ".encode() + data)
    digest.update(repr((traced, toolchain())).encode())
    return digest.hexdigest()[:24]


def build(source: Path, *, traced: bool = False) -> Build:
    """Compile ``source`` unless the cache has it; ``traced`` makes a slow build whose lines can be profiled.

    Compiling happens in a process of its own: setuptools keeps global state, and two files can be built at
    once. The result is moved into place in one step, so a second process doing the same is harmless.

    Raises:
        CompileFailed: with the compiler's message, its places being lines of the .pyx.
        CannotBuild: the cache cannot be written to.
    """
    folder = cache_folder() / f"{source.stem}-{build_key(source, traced=traced)}"
    fresh = not (folder / "build.json").exists()
    if fresh:
        try:
            compile_into(folder, source, traced=traced)
        except OSError as error:
            raise CannotBuild(source, error) from error
    record = json.loads((folder / "build.json").read_text())
    return Build(
        library=folder / f"{source.stem}{sysconfig.get_config_var('EXT_SUFFIX')}",
        annotation=folder / f"{source.stem}.html",
        seconds=record["seconds"],
        fresh=fresh,
    )


def compile_into(folder: Path, source: Path, *, traced: bool) -> None:
    """Compile in a folder beside ``folder``, and rename it when all is done."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{source.stem}-", dir=folder.parent))
    try:
        command = [sys.executable, "-P", "-m", "steelyard.cython_build", source.name, str(workplace)]
        start = time.perf_counter()
        outcome = subprocess.run(
            command + ["traced"] * traced,
            capture_output=True,
            text=True,
            check=False,
            cwd=source.parent,  # so that what its header names is sought from there
            env={**os.environ, "TMPDIR": str(workplace)},  # a compiler that is killed leaves its files behind
        )
        if outcome.returncode:
            raise CompileFailed(source, outcome.stdout + outcome.stderr)
        record = {"source": str(source), "traced": traced, "seconds": time.perf_counter() - start}
        (workplace / "build.json").write_text(json.dumps(record))
        try:
            workplace.rename(folder)
        except OSError:
            if not (folder / "build.json").exists():  # else another process was first
                raise
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def load(source: Path, name: str, *, traced: bool = False) -> ModuleType:
    """Import the extension module built from ``source`` as ``name``, whose last part is the file's stem.

    Raises:
        CompileFailed: it does not compile.
        ImportError: it compiles, but the module cannot be initialised.
    """
    library = build(source, traced=traced).library
    spec = importlib.util.spec_from_file_location(name, library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if traced:
        module.__file__ = str(source)  # line_profiler seeks the source from here
    else:
        sys.modules[name] = module
    return module


def compile_extension(source: Path, folder: Path, *, traced: bool) -> None:
    """Translate ``source``, in the current folder, to C, compile and link it; leave the results in ``folder``.

    Compiling and linking stay separate steps, each with its own flags: ``-ffast-math`` given to the linker
    adds start-up code that flushes subnormals to zero in the whole process.
    """
    import numpy
    from Cython.Build import cythonize
    from Cython.Compiler import Options
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    extension = Extension(
        source.stem,
        [str(source)],
        include_dirs=[numpy.get_include(), "."],
        library_dirs=[str(Path(numpy.__file__).parent / part / "lib") for part in ("random", "_core")],
        extra_compile_args=["-g0"],  # CPython's own flags ask for debugging symbols, which triple the size
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
            *([("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")] if traced else []),
        ],
    )
    directives: dict[str, Any] = {"language_level": 3, "binding": True}
    if traced:
        directives |= {"linetrace": True, "profile": True}
    Options.annotate = True
    modules = cythonize(
        [extension],
        build_dir=str(folder),
        include_path=["."],
        compiler_directives=directives,
        annotate=True,
        emit_linenums=True,  # so that what gcc complains of is a line of the .pyx as well
        quiet=True,
    )
    command = build_ext(Distribution({"ext_modules": modules}))
    command.build_temp = str(folder / "objects")
    command.build_lib = str(folder)
    command.ensure_finalized()
    command.run()
    shutil.rmtree(command.build_temp)
    (folder / f"{source.stem}.c").unlink()


if __name__ == "__main__":
    try:
        compile_extension(Path(sys.argv[1]), Path(sys.argv[2]), traced="traced" in sys.argv[3:])
    except Exception as error:
        # Cython and the C compiler have had their say on stderr; where they raised is not of interest.
        sys.exit(f"{type(error).__name__}: {textwrap.shorten(str(error), 300)}")
