"""Where data and code lie in memory: the same in both processes of a pair, but by chance in each setup.

Where things lie alone can make a kernel several per cent faster or slower, a plain Python one by a fifth: two lines
of memory that share a place in a cache, or a tag in its predictor, drive each other out. Between two
processes that would be taken for a difference of their code, so both get the same addresses as far as that can be
had. And since another revision's code lies elsewhere all the same, what can be moved is moved in every setup, so
that luck is averaged out within a pair already.
"""

from __future__ import annotations

import ctypes
import mmap
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np

from steelyard.kernel import Kernel
from steelyard.workload import Inputs

ADDR_NO_RANDOMIZE = 0x0040000
"""Of Linux's personality(2)."""

READ_ONLY = 0xFFFFFFFF
"""Asks personality(2) what it is, and changes nothing."""

MOST_PAGES = 512
"""Pages that a spacer takes at most; half a page's fault each, a quarter of a millisecond on average."""


@contextmanager
def same_addresses() -> Iterator[bool]:
    """Processes that are started meanwhile map their memory at the same addresses; whether the system does that.

    Only Linux does, and not in a container whose rules forbid it, as Docker's do unless told otherwise.
    """
    personality = getattr(ctypes.CDLL(None), "personality", None)
    if personality is None or (before := personality(READ_ONLY)) == -1:
        yield False
        return
    personality(before | ADDR_NO_RANDOMIZE)
    try:
        yield bool(personality(READ_ONLY) & ADDR_NO_RANDOMIZE)
    finally:
        personality(before)


def spacers(seed: int) -> list[Any]:
    """Random allocations: as long as they are kept, what comes after them lies elsewhere.

    Some of every size, so that the holes that were left are taken, and what comes next lies at random places
    of a cache line, a page and the heap. These are never touched, so cheap. The pages of the last one are: what
    a process frees it is given back first, and would have the same physical pages, and their luck in the caches,
    in setup after setup.
    """
    rng = random.Random(seed)
    kept: list[Any] = [
        np.empty(rng.randrange(1 << bits, 2 << bits), np.uint8)
        for bits in range(5, 22)
        for _ in range(rng.randrange(1, 5))
    ]
    kept.append([[float(i)] * rng.randrange(60) for i in range(rng.randrange(500))])
    pages = np.frombuffer(mmap.mmap(-1, mmap.PAGESIZE * rng.randrange(1, MOST_PAGES)), np.uint8)
    pages[:: mmap.PAGESIZE] = 1
    kept.append(pages)
    return kept


def laid_out(kernel: Kernel, inputs: Inputs, seed: int) -> tuple[tuple[Any, ...], Any]:
    """A kernel's arguments in fresh memory, and the spacers that they lie behind."""
    release_freed_memory()
    kept = spacers(seed)
    rng = random.Random(seed + 1)
    copies = {
        name: placed(value, rng) if isinstance(value, np.ndarray) else value for name, value in inputs.items()
    }
    return kernel.arguments(copies), kept


def placed(array: np.ndarray, rng: random.Random) -> np.ndarray:
    """A read-only copy that begins at a random place of a page, aligned as the C library aligns."""
    offset = 16 * rng.randrange(256)
    if array.dtype.hasobject:  # references cannot be laid over bytes
        copy = array.copy()
        copy.setflags(write=False)
        return copy
    room = np.empty(array.nbytes + 4096, np.uint8)
    copy = room[offset : offset + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    copy.setflags(write=False)
    return copy


def fresh_code(function: Callable[..., Any]) -> None:
    """Lay out anew the bytecode of a kernel, if it is plain Python, and of the functions of its module.

    The interpreter reads bytecode as data, and it stays where it is for as long as a process lives. What the
    interpreter has learnt about it is lost: it must be warmed up again.
    """
    if not isinstance(function, FunctionType):
        return
    for each in (function, *function.__globals__.values()):
        if isinstance(each, FunctionType) and each.__globals__ is function.__globals__:
            each.__code__ = each.__code__.replace()


def release_freed_memory() -> None:
    """Have the C library give back what is free, so that the next arrays come to lie on other physical pages."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
