"""How many threads the numeric libraries of this process use: pinned, and read back rather than assumed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_for(*, parallel: bool) -> int:
    """The threads that a variant is given: one, unless it says that it uses several."""
    return cores() if parallel else 1


@contextmanager
def limited_to(count: int) -> Iterator[None]:
    """Every loaded library uses ``count`` threads inside the block and one after it."""
    set_threads(count)
    try:
        yield
    finally:
        set_threads(1)


def set_threads(count: int) -> None:
    """Have every loaded library use ``count`` threads."""
    import threadpoolctl

    threadpoolctl.threadpool_limits(limits=count)
    if numexpr := sys.modules.get("numexpr"):
        numexpr.set_num_threads(count)
    if "numba" in sys.modules and (count > 1 or numba_pool_started()):
        sys.modules["numba"].set_num_threads(min(count, sys.modules["numba"].config.NUMBA_NUM_THREADS))


def numba_pool_started() -> bool:
    """Whether Numba has started its thread pool, which asking it for its threads would do."""
    parallel = sys.modules.get("numba.np.ufunc.parallel")
    return bool(getattr(parallel, "_is_initialized", False))


def in_force() -> dict[str, int]:
    """The threads that each loaded library says it uses now."""
    import threadpoolctl

    pools = {str(pool["internal_api"]): int(pool["num_threads"]) for pool in threadpoolctl.threadpool_info()}
    if numexpr := sys.modules.get("numexpr"):
        pools["numexpr"] = numexpr.get_num_threads()
    if numba_pool_started():
        pools["numba"] = sys.modules["numba"].get_num_threads()
    return pools
