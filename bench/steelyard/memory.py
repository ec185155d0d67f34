"""The memory that one call of a cell takes, above what was there before it: its inputs do not count, its outputs do.

It is measured after all timing, for whoever follows allocations slows the calls. The calls are made in a forked
child: what crashes or hangs there takes nothing with it, and nothing stays switched on here. Only variants that use
several threads are called in this process, after all others: OpenMP's threads do not survive a fork.
"""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from steelyard import threads
from steelyard.backends import Backend, importable
from steelyard.cell import Cell
from steelyard.child import ChildFailed, ChildHung, each_in_child
from steelyard.errors import described
from steelyard.referee import Checked

UNSEEN = "tracemalloc does not see what compiled code allocates; pip install 'steelyard[memory]' for memray, which does"
"""Why there is no figure where memray is not installed."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one call takes of memory."""

    peak: int
    """Bytes that it held at once, at the most."""
    tool: str
    """Who counted them: memray or tracemalloc."""
    allocations: int | None = None
    """How often memory was asked for; None where the tool does not tell."""


Meter = Callable[[Callable[[], Any], Path], Use]
"""``meter(call, folder)`` makes the call once and tells what it took; it may write into the folder, and cleans up."""


def by_memray(call: Callable[[], Any], folder: Path) -> Use:
    """Every allocation of this process: Python's, NumPy's and those of compiled code, whichever thread makes them.

    Python's objects count by their own size, not by the arenas that they lie in, which depend on what is free there.
    """
    own_peak, own_allocations = own(folder)
    peak, allocations = counted(call, folder)
    return Use(max(0, peak - own_peak), "memray", max(0, allocations - own_allocations))


def counted(call: Callable[[], Any], folder: Path) -> tuple[int, int]:
    """Memray's peak and number of allocations, its own among them."""
    from memray import Tracker
    from memray._memray import (
        compute_statistics,
    )  # as `memray stats` does; its public reader counts no allocations

    path = str(folder / "allocations.bin")
    try:
        with Tracker(path, native_traces=False, trace_python_allocators=True):
            result = call()
        del result
        found = compute_statistics(path)
    finally:
        Path(path).unlink(missing_ok=True)
    return found.peak_memory_allocated, found.total_num_allocations


@cache
def own(folder: Path) -> tuple[int, int]:
    """What is counted for a call that takes no memory; once in a process."""
    counted(nothing, folder)  # the second time is the rule
    return counted(nothing, folder)


def nothing() -> None:
    """Take no memory."""


def by_tracemalloc(call: Callable[[], Any], folder: Path) -> Use:
    """What Python and NumPy are asked for; not what compiled code takes from the C library."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        result = call()
        _, peak = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return Use(max(0, peak - before), "tracemalloc")


def meter() -> Meter:
    """Memray, where it is installed."""
    return by_memray if importable("memray") else by_tracemalloc


def measure(
    cells: Mapping[Cell, Checked],
    backends: Mapping[str, Backend],
    budget: float,
    doing: Callable[[Cell], None],
) -> Generator[tuple[Cell, dict[str, Any]], None, None]:
    """The memory of each cell as plain data: a :class:`Use` without what is not known, or the ``reason`` for none.

    Args:
        cells: those to call, each checked.
        backends: theirs, by name.
        budget: seconds that one of them may take.
        doing: is told of each cell before it is awaited, in case it takes the process with it.
    """
    tool = meter()
    seen = [cell for cell in cells if tool is by_memray or backends[cell.variant.backend].traceable]
    for cell in cells:
        if cell not in seen:
            yield cell, {"reason": UNSEEN}
    alone = [cell for cell in seen if not cell.variant.parallel]
    with tempfile.TemporaryDirectory(prefix="steelyard-") as name, ready_to_fork():
        folder = Path(name)
        calls = [partial(use, tool, cells[cell], folder) for cell in alone]
        found = each_in_child(calls, budget)
        for cell in alone:
            doing(cell)
            yield cell, told(next(found), budget)
        for cell in seen:
            if cell.variant.parallel:
                doing(cell)
                yield cell, use_in_parallel(tool, cells[cell], folder)


def use(tool: Meter, checked: Checked, folder: Path) -> dict[str, Any]:
    """What one call takes, as plain data."""
    gc.collect()  # else what was left by others may be freed meanwhile, or not
    found = asdict(tool(partial(checked.function, *checked.arguments), folder))
    return {key: value for key, value in found.items() if value is not None}


def use_in_parallel(tool: Meter, checked: Checked, folder: Path) -> dict[str, Any]:
    """The same of a cell that uses several threads, which are started before."""
    try:
        with threads.limited_to(threads.count_for(parallel=True)):
            checked.function(*checked.arguments)
            return use(tool, checked, folder)
    except (Exception, SystemExit) as error:
        return {"reason": described(error)}


def told(answer: Any, budget: float) -> dict[str, Any]:
    """What a child has answered, or why it has not."""
    if isinstance(answer, ChildHung):
        return {
            "reason": f"{answer} while its allocations were followed, which slows Python code many times over; "
            f"--budget {2 * budget:g} gives it more time, --no-memory leaves this out"
        }
    return {"reason": str(answer)} if isinstance(answer, ChildFailed) else dict(answer)


@contextmanager
def ready_to_fork() -> Iterator[None]:
    """What lives now is left out of the collections to come, which would otherwise cost each child a copy of it.

    Python warns of forks while threads are running. Those of the numeric libraries wait for work, and a child that
    hangs all the same is given up after its time.
    """
    gc.collect()
    gc.freeze()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
            yield
    finally:
        gc.unfreeze()
