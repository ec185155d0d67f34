"""Two processes that take turns: the timing side of a pair, as each of the two runs it.

Both are bound to one core and hand a token to and fro through pipes, so that one always sleeps while the other
works, and whatever slows the core for longer than a block slows both. In a *setup* the inputs and the kernel's
bytecode are laid out afresh (:mod:`steelyard.layout`); then the processes run short blocks of calls in the order
that they were sent, such as ``ABBA BAAB``.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from steelyard.kernel import Kernel
from steelyard.layout import fresh_code, laid_out
from steelyard.workload import Inputs

Clock = Callable[[], float]

WARMING = 8
"""Calls of a fast kernel after its code was renewed: the interpreter specialises it as it runs."""


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
        fresh_code(kernel.function)
        for _ in repeat(None, min(calls, WARMING)):
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
