"""What can be profiled: a cell, any callable, any script."""

from __future__ import annotations

import importlib
import inspect
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from steelyard import cython_annotation, cython_build, numba_diagnostics
from steelyard.errors import SteelyardError, described
from steelyard.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to profile: how to do it once, and how to do it once with its lines followed."""

    name: str
    """What its row in a profile is called."""
    file: Path
    line: int
    call: Callable[[], Any]
    trace: Callable[[Any], Any] | None
    """``trace(line_profiler.LineProfiler)`` does it once under that profiler; None where lines cannot be had."""
    pure: bool = False
    """Whether it may be done any number of times; a stranger's script may not."""
    note: str = ""
    """What must be known to read the line profile, or why there is none."""
    explain: Callable[[], Mapping[str, Any]] | None = None
    """``explain()`` is what its compiler says of it, as plain data; None where none has anything to say."""

    @classmethod
    def of_kernel(cls, name: str, kernel: Kernel, arguments: tuple[Any, ...]) -> Subject:
        """A cell. Numba's lines are those of the Python function; Cython's those of a build made for tracing."""
        python_function, variant = kernel.python_function, kernel.variant

        def trace(profiler: Any) -> None:
            follow(
                profiler,
                python_function,
                functions_in(variant.path, vars(sys.modules[python_function.__module__])),
            )(*arguments)

        def trace_cython(profiler: Any) -> None:
            module = cython_build.load(variant.path, f"traced.{variant.path.stem}", traced=True)
            follow(profiler, getattr(module, variant.name), traceable(vars(module).values()))(*arguments)

        def explain_cython() -> Mapping[str, Any]:
            return cython_annotation.annotated(variant.path, cython_build.build(variant.path).annotation)

        explain: Callable[[], Mapping[str, Any]] | None = None
        note = ""
        if variant.backend == "numba":
            explain = partial(numba_diagnostics.diagnosed, kernel.function)
        if variant.backend == "cython":
            explain = explain_cython
            trace_lines: Callable[[Any], Any] | None = trace_cython
            note = "The lines are those of a build with tracing on, far slower than what is timed: read the shares."
            if not cython_build.TRACEABLE:
                trace_lines, note = (
                    None,
                    "No lines: Cython cannot be traced on Python 3.12, use another version.",
                )
            elif variant.parallel:
                trace_lines, note = None, "No lines: tracing does not follow several threads."
        else:
            trace_lines = trace
            if python_function is not kernel.function:
                note = "The lines are those of the function run as plain Python, not of the compiled code."
        return cls(
            name=name,
            file=variant.path,
            line=definition_line(variant.path, variant.name),
            call=partial(kernel.function, *arguments),  # no frame of ours between the row and the kernel
            trace=trace_lines,
            pure=True,
            note=note,
            explain=explain,
        )

    @classmethod
    def of_callable(cls, target: str) -> Subject:
        """``"module:function"``, called without arguments.

        Raises:
            SteelyardError: there is no such module or function, or it needs arguments.
        """
        module_name, _, name = target.partition(":")
        sys.path.insert(0, str(Path.cwd()))
        try:
            module = importlib.import_module(module_name)
            function = getattr(module, name)
        except (Exception, SystemExit) as error:  # importing runs whatever the module holds
            raise SteelyardError(
                f"{target}: {described(error)}. Write it as module:function, as it is imported here"
            ) from None
        finally:
            sys.path.pop(0)
        file = Path(getattr(module, "__file__", None) or module_name)
        python_function = getattr(function, "py_func", function)
        if missing := arguments_missing(python_function):
            raise SteelyardError(
                f"{target} {missing}: name a callable without arguments, or a script that calls it"
            )

        def trace(profiler: Any) -> None:
            follow(profiler, python_function, functions_in(file, vars(module)))()

        return cls(name=target, file=file, line=definition_line(file, name), call=function, trace=trace)

    @classmethod
    def of_script(cls, path: Path, argv: Sequence[str]) -> Subject:
        """A script, run as ``python path argv...`` would.

        Raises:
            SteelyardError: there is no such file.
        """
        if not path.is_file():
            raise SteelyardError(f"{path}: no such script")

        def run() -> None:
            with script_environment(path, argv):
                runpy.run_path(str(path), run_name="__main__")

        def trace(profiler: Any) -> None:
            from line_profiler.autoprofile import autoprofile

            with script_environment(path, argv):
                names = {"prof": profiler, "profile": profiler, "__name__": "__main__", "__file__": str(path)}
                autoprofile.run(str(path), names, [str(path)])

        return cls(name=path.name, file=path, line=1, call=run, trace=trace)


def arguments_missing(function: Any) -> str | None:
    """Why an object cannot be called without arguments; None if it can, or does not say."""
    if not callable(function):
        return "cannot be called"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some that are built in have none
        return None
    try:
        signature.bind()
    except TypeError as error:
        return f"needs arguments ({error})"
    return None


def follow(
    profiler: Any, function: Callable[..., Any], others: Iterable[Callable[..., Any]]
) -> Callable[..., Any]:
    """``function``, made to run with the lines of itself and of ``others`` recorded."""
    for other in others:
        if other is not function:
            profiler.add_function(other)
    followed: Callable[..., Any] = profiler(function)
    return followed


def functions_in(file: Path, namespace: dict[str, Any]) -> list[Callable[..., Any]]:
    """The functions of a namespace that ``file`` defines, not those it imports."""
    return [
        value
        for value in namespace.values()
        if inspect.isfunction(value) and value.__code__.co_filename == str(file)
    ]


def traceable(values: Iterable[Any]) -> list[Callable[..., Any]]:
    """The compiled Cython functions among ``values``."""
    return [value for value in values if type(value).__name__ == "cython_function_or_method"]


def definition_line(file: Path, name: str) -> int:
    """The line at which ``file`` defines the function ``name``; 1 if it does not say."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 1
    for number, line in enumerate(lines, 1):
        if line.startswith(("def ", "cpdef ", "async def ")) and f"{name}(" in line.replace(" (", "("):
            return number
    return 1


@contextmanager
def script_environment(path: Path, argv: Sequence[str]) -> Iterator[None]:
    """``sys.argv`` and ``sys.path`` as a script finds them; when it exits, we go on."""
    saved_argv, saved_path = sys.argv, sys.path[:]
    sys.argv = [str(path), *argv]
    sys.path.insert(0, str(path.resolve().parent))
    try:
        yield
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            print(f"{path} exited with {leaving.code}", file=sys.stderr)
    finally:
        sys.argv, sys.path[:] = saved_argv, saved_path
