"""Two processes that take turns: the timing side of a pair, as each of the two runs it.

Both are bound to one core and hand a token to and fro through pipes, so that one always sleeps while the other
works, and whatever slows the core for longer than a block slows both. In a *setup* the inputs are laid out in
fresh memory behind random allocations, the same in both processes, for where data lie alone can make a kernel
several per cent faster; then the processes run short blocks of calls in the order that they were sent, such as
``ABBA BAAB``.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from steelyard.kernel import Kernel
from steelyard.workload import Inputs

Clock = Callable[[], float]


class PeerLost(Exception):
    """The other process of the pair has ended."""


@dataclass(frozen=True, slots=True)
class Token:
    """What the process that may work holds: a pipe to the other one, and a pipe from it."""

    give: int
    take: int

    def pass_on(self) -> None:
        """Let the other one work."""
        try:
            os.write(self.give, b"t")
        except BrokenPipeError:
            raise PeerLost from None

    def wait(self) -> None:
        """Sleep until the other one lets us work."""
        if not os.read(self.take, 1):
            raise PeerLost

    def meet(self) -> None:
        """Go on when both have come here."""
        self.pass_on()
        self.wait()


def run_blocks(
    kernel: Kernel,
    inputs: Inputs,
    *,
    side: str,
    calls: int,
    orders: Sequence[str],
    seeds: Sequence[int],
    token: Token,
    clock: Clock = time.perf_counter,
) -> list[list[float]]:
    """Seconds per call of each block of ours, by setup.

    Args:
        kernel: what to call.
        inputs: the frozen inputs of its size.
        side: the letter in ``orders`` that means us.
        calls: calls in a block.
        orders: for each setup the blocks of both sides, such as ``"ABBABAAB"``.
        seeds: for each setup the seed of its random allocations.
        token: shared with the other side.
        clock: seconds; it must not go backwards.

    Raises:
        PeerLost: the other process has ended.
    """
    blocks = []
    for order, seed in zip(orders, seeds, strict=True):
        arguments, padding = laid_out(kernel, inputs, seed)
        kernel.function(*arguments)
        token.meet()
        gc.disable()
        try:
            blocks.append(take_turns(kernel.function, arguments, side, calls, order, token, clock))
        finally:
            gc.enable()
        token.meet()  # or else the first to be done would lay out its next inputs while the other is timed
        del arguments, padding
    return blocks


def take_turns(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    side: str,
    calls: int,
    order: str,
    token: Token,
    clock: Clock,
) -> list[float]:
    """Seconds per call of our blocks in ``order``; the first block's side holds the token."""
    mine = []
    before = order[0]
    for turn in order:
        if turn == side:
            if before != side:
                token.wait()
                if calls > 1:
                    function(*arguments)  # the other's data lie in the caches
            start = clock()
            for _ in repeat(None, calls):
                function(*arguments)
            mine.append((clock() - start) / calls)
        elif before == side:
            token.pass_on()
        before = turn
    return mine


def laid_out(kernel: Kernel, inputs: Inputs, seed: int) -> tuple[tuple[Any, ...], Any]:
    """A kernel's arguments in fresh memory, and the random allocations that they lie behind."""
    release_freed_memory()
    rng = random.Random(seed)
    # Some of every size, so that the holes that earlier calls have left are taken, and what comes next, the
    # kernel's outputs too, lies at random places of a cache line, a page and the heap. Never touched, so cheap.
    padding: list[Any] = [
        np.empty(rng.randrange(1 << bits, 2 << bits), np.uint8)
        for bits in range(5, 22)
        for _ in range(rng.randrange(1, 5))
    ]
    padding.append([[float(i)] * rng.randrange(60) for i in range(rng.randrange(500))])
    copies = {
        name: placed(value, rng) if isinstance(value, np.ndarray) else value for name, value in inputs.items()
    }
    return kernel.arguments(copies), padding


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


def release_freed_memory() -> None:
    """Have the C library give back what is free, so that the next arrays come to lie on other physical pages."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def seconds_per_call(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    least: float = 2e-3,
    clock: Clock = time.perf_counter,
) -> float:
    """A rough time of one call: the best of three blocks, each at least ``least`` seconds long."""
    calls = 1
    while True:
        taken = []
        for _ in range(3):
            start = clock()
            for _ in repeat(None, calls):
                function(*arguments)
            taken.append(clock() - start)
        if min(taken) >= least:
            return min(taken) / calls
        calls = max(2 * calls, min(10 * calls, round(calls * 1.2 * least / max(min(taken), 1e-9))))
