"""The environment in which kernels are called: one thread unless told otherwise, and no compiled code from before."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from steelyard.threads import cores

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``, from malloc.h."""

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Variables that libraries read once, when they are loaded."""

ALL_CORES = ("NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS")
"""Variables that say how many threads can be asked for later on."""

SHORT_WAITS = {"GOMP_SPINCOUNT": "10000"}
"""How often an OpenMP thread of gcc's looks before it sleeps. As it comes, 300,000 times: where two threads
land on one core, each holds it for milliseconds while the other has the work."""


def keep_freed_memory() -> bool:
    """Have the C library keep what a kernel frees for its next call; False where that cannot be asked for.

    As it comes, glibc decides by what the process happened to free earlier whether an array of a megabyte
    is fresh memory, a page fault for each 4 KiB, or what the last call left: a factor of two in the time of
    a memory-bound kernel, and it would depend on the order of the cells. So one regime is fixed: arrays up
    to 32 MiB, the largest that can be set, are reused, larger ones always fresh.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 32 * 2**20) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def variables(numba_cache: str) -> dict[str, str]:
    """The environment variables for measuring: one thread each, all cores if asked for later on.

    ``numba_cache`` should be an empty folder: Numba's disk cache, where a kernel asks for it, returns stale
    code when a helper in another file has changed.
    """
    return {
        **dict.fromkeys(ONE_THREAD, "1"),
        **dict.fromkeys(ALL_CORES, str(cores())),
        "NUMBA_CACHE_DIR": numba_cache,
        **SHORT_WAITS,
    }


@contextmanager
def measuring() -> Iterator[None]:
    """Make this process one that measures; its environment is put back afterwards.

    It must be entered before a numeric library is imported: they read their variables once.
    """
    with tempfile.TemporaryDirectory(prefix="steelyard-") as empty:
        chosen = variables(empty)
        before = {name: os.environ.get(name) for name in chosen}
        os.environ.update(chosen)
        keep_freed_memory()
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
