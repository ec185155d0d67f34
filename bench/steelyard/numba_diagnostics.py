"""What Numba and LLVM say of a compiled function: which loops are vectorised, why others are not, what runs in parallel.

LLVM tells it in remarks on standard error while it compiles, if options of the whole process ask for them. So the
function is compiled once more, in a forked child, which ends with what it was told; nothing here is left on. The debug
information that names the lines of the remarks is that of lines alone, which changes no code.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from steelyard.child import ChildFailed, call_in_child

PATIENCE = 20.0
"""Seconds that compiling one function again may take."""

MOST_TEXT = 20_000
"""Characters of Numba's own report on parallel loops that are kept."""

REMARK = re.compile(r"remark: (?P<file>[^:\n]+):(?P<line>\d+):\d+: (?P<text>.*)")
VECTORISED = re.compile(
    r"vectorized loop \(vectorization width: (?:vscale x )?(\d+), interleaved count: (\d+)\)"
)

SILENT = (
    "loop not vectorized",
    "loop not vectorized: vectorization and interleaving are explicitly disabled, or the loop has already been vectorized",
    "the cost-model indicates that interleaving is not beneficial",
    "the cost-model indicates that interleaving is not beneficial and is explicitly disabled or interleave count is set to 1",
)
"""Remarks that say no more than others beside them: of remainders, and of what is vectorised but not interleaved."""


@dataclass(slots=True)
class Loop:
    """A loop of the source, and what LLVM said of it."""

    function: str
    file: str
    line: int
    end: int
    """Its last line."""
    text: str
    """How it begins."""
    innermost: bool
    """Whether it holds no other loop, nor calls what does; LLVM vectorises no others."""
    parallel: bool
    """Whether it runs over ``prange``."""
    widths: list[tuple[int, int]] = field(default_factory=list)
    """Elements at a time, and how often that is interleaved, of each copy of the loop that is vectorised."""
    reasons: list[str] = field(default_factory=list)
    """Why it, or a copy of it, is not."""

    def holds(self, file: str, line: int) -> bool:
        """Whether a line of a file, known by its last name, lies in the loop."""
        return Path(self.file).name == file and self.line <= line <= self.end


def diagnosed(function: Callable[..., Any]) -> dict[str, Any]:
    """What Numba says of a function that has been called, as plain data; a reason instead if that cannot be had."""
    record: dict[str, Any] = {"compiler": "Numba"}
    dispatchers = list(compiled_functions(function))
    if not dispatchers:
        return record | {"reason": "the function calls nothing by name that Numba has compiled"}
    try:
        found: dict[str, Any] = call_in_child(lambda: compiled_again(dispatchers), PATIENCE)
    except ChildFailed as error:
        return record | {"reason": f"compiling it again to be told of its loops failed: {error}"}
    return record | found


def compiled_functions(function: Any) -> Iterator[Any]:
    """The functions that Numba has compiled, of a function and of what it calls by name; callees come first.

    Of functions that are not compiled only those of the same module are looked into: a library's would lead far.
    """
    home = getattr(getattr(function, "py_func", function), "__globals__", None)
    seen: set[int] = set()

    def below(found: Any) -> Iterator[Any]:
        python_function = getattr(found, "py_func", found)
        is_compiled = hasattr(found, "recompile") and bool(getattr(found, "signatures", None))
        if not isinstance(python_function, types.FunctionType) or id(python_function) in seen:
            return
        if not is_compiled and python_function.__globals__ is not home:
            return
        seen.add(id(python_function))
        known = [python_function.__globals__.get(name) for name in names_in(python_function.__code__)]
        cells = [cell.cell_contents for cell in python_function.__closure__ or () if cell_has_contents(cell)]
        for value in [*known, *cells]:
            yield from below(value)
        if is_compiled:
            yield found

    yield from below(function)


def cell_has_contents(cell: types.CellType) -> bool:
    """Whether a variable of an enclosing function has been set."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def names_in(code: types.CodeType) -> list[str]:
    """The global names that a function and those within it use."""
    inner = [name for part in code.co_consts if isinstance(part, types.CodeType) for name in names_in(part)]
    return [*code.co_names, *inner]


def compiled_again(dispatchers: Sequence[Any]) -> dict[str, Any]:
    """Compile functions again with remarks on, which stay on: call it in a process of its own."""
    import llvmlite
    import llvmlite.binding as llvm
    import numba
    from numba.core.caching import NullCache

    warnings.simplefilter("ignore")  # of functions that Numba makes and that have no source
    for kind in ("", "-missed", "-analysis"):
        llvm.set_option("steelyard", f"-pass-remarks{kind}=loop-vectorize")
    note = with_lines_of(dispatchers)
    loops: list[Loop] = []
    for dispatcher in dispatchers:  # callees come first: a loop that calls what has loops holds them
        loops += loops_of(dispatcher, {loop.function for loop in loops})
    with tempfile.TemporaryFile() as told:
        os.dup2(told.fileno(), 2)
        for dispatcher in dispatchers:
            dispatcher._cache = NullCache()  # compiling again would empty the one on disk
            dispatcher.recompile()
        told.seek(0)
        remarks = told.read().decode("utf-8", "replace")
    unplaced = place(remarks, loops)
    return {
        "version": f"Numba {numba.__version__}, llvmlite {llvmlite.__version__}",
        "loops": [asdict(loop) for loop in loops],
        "unplaced": unplaced,
        "note": note,
        "parallel": parallel_report(dispatchers),
    }


def with_lines_of(dispatchers: Sequence[Any]) -> str:
    """Have LLVM know the lines of functions that are compiled from here on; what went wrong, if anything did.

    It asks Numba for line tables alone: with all debug information, variables would lie in memory.
    """
    try:
        from numba.core.cpu import CPUTargetOptions

        options_class: Any = CPUTargetOptions
        finalize = options_class.finalize

        def finalize_with_lines(self: Any, flags: Any, options: Mapping[str, Any]) -> None:
            finalize(self, flags, options)
            if options.get("debug"):
                flags.dbg_directives_only = True
                flags.dbg_extend_lifetimes = False
                flags.boundscheck = bool(options.get("boundscheck"))

        options_class.finalize = finalize_with_lines
        for dispatcher in dispatchers:
            dispatcher.targetoptions["debug"] = True
    except (ImportError, AttributeError, TypeError) as error:
        return f"This Numba does not tell LLVM of lines: {error}."
    return ""


def loops_of(dispatcher: Any, with_loops: Set[str] = frozenset()) -> Sequence[Loop]:
    """The loops in the source of a compiled function; none if the source is not there.

    Args:
        dispatcher: the function.
        with_loops: functions that hold loops, so that a loop which calls them is no innermost one.
    """
    function = dispatcher.py_func
    file = function.__code__.co_filename
    try:
        source = Path(file).read_text("utf-8")
        tree = ast.parse(source)
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError):
        return []
    first, lines = function.__code__.co_firstlineno, source.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            top = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first in (node.lineno, top):
                return [
                    Loop(
                        function=node.name,
                        file=file,
                        line=loop.lineno,
                        end=loop.end_lineno or loop.lineno,
                        text=lines[loop.lineno - 1].strip(),
                        innermost=not any(
                            holds_loop(inner, with_loops) for inner in ast.walk(loop) if inner is not loop
                        ),
                        parallel=bool(dispatcher.targetoptions.get("parallel")) and runs_over_prange(loop),
                    )
                    for loop in ast.walk(node)
                    if isinstance(loop, ast.For | ast.While)
                ]
    return []


def runs_over_prange(loop: ast.For | ast.While) -> bool:
    """Whether a loop asks for its turns to be shared out; without ``parallel=True`` that is a plain range."""
    return isinstance(loop, ast.For) and "prange" in ast.unparse(loop.iter)


def holds_loop(node: ast.AST, with_loops: Set[str]) -> bool:
    """Whether a part of a function is a loop, or calls a function that holds some."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in with_loops
    return isinstance(node, ast.For | ast.While)


def place(remarks: str, loops: Sequence[Loop]) -> int:
    """Give each remark to the innermost loop that it is of; how many loops outside the source were vectorised."""
    unplaced = 0
    for found in REMARK.finditer(remarks):
        file, line, text = found["file"], int(found["line"]), found["text"].strip()
        vectorised = VECTORISED.match(text)
        around = [loop for loop in loops if loop.holds(file, line)]
        if not around:
            unplaced += vectorised is not None
            continue
        loop = max(around, key=lambda loop: loop.line)
        if vectorised:
            width = (int(vectorised[1]), int(vectorised[2]))
            if width not in loop.widths:
                loop.widths.append(width)
        elif text not in SILENT:
            reason = text.removeprefix("loop not vectorized: ")
            if reason not in loop.reasons:
                loop.reasons.append(reason)
    return unplaced


def parallel_report(dispatchers: Sequence[Any]) -> list[dict[str, Any]]:
    """What Numba says of the parallel loops of each function that asks for them."""
    reports = []
    for dispatcher in dispatchers:
        if not dispatcher.targetoptions.get("parallel"):
            continue
        entry: dict[str, Any] = {"function": dispatcher.py_func.__name__}
        try:
            signature = dispatcher.signatures[0]
            told = io.StringIO()
            with redirect_stdout(told):
                dispatcher.parallel_diagnostics(signature, level=3)
            entry["text"] = told.getvalue().strip()[:MOST_TEXT]
            entry["loops"] = int(dispatcher.get_metadata(signature)["parfor_diagnostics"].count_parfors())
        except Exception as error:  # its report is for reading, and no reason to lose the rest
            entry["reason"] = f"{type(error).__name__}: {error}"
        reports.append(entry)
    return reports
