"""What this machine can do at most: arithmetic in registers, and the bandwidth of each level of its memory.

A C file beside this one is compiled with the machine's own compiler, and run in a process of its own: what it allocates
or breaks touches nothing that is measured. Every limit is tried in several ways (widths of vectors; reading, copying,
scaling, a triad), all in turns of a millisecond, and is what the best way reaches in a tenth of its turns: most of what disturbs
makes a turn slower, and a few are faster than any program can count on, by the pages that they happen to lie on. Bytes are counted as a program sees them, read plus written, as STREAM
counts them (J. D. McCalpin, IEEE TCCA Newsletter, December 1995); lines that a cache fetches only to overwrite them are not.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

from steelyard import cython_build
from steelyard.child import how_it_ended
from steelyard.errors import CannotBuild, CompileFailed, SteelyardError
from steelyard.machine import caches
from steelyard.threads import cores

FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fPIC", "-shared", "-Wno-psabi")

WIDTHS = (128, 256, 512)
"""Bits of the vectors that are tried."""

MOVES: Mapping[str, tuple[int, int]] = {"sum": (1, 1), "copy": (2, 2), "scale": (1, 2), "triad": (3, 3)}
"""How memory is gone through: the arrays there are, and how many numbers are read or written for each of their places."""

MULTIPLY_ADDS = 12
"""Vectors that a pass of the arithmetic multiplies and adds to."""

NUMBER = 8
"""Bytes of a float64."""

TURN, TURN_TOGETHER = 0.001, 0.002
"""Seconds that a turn lasts, at least one pass; threads do not start at once, so that theirs are longer."""

LEAST_TURNS, AGREED, LONGEST = 30, 0.01, 2.5
"""Turns that every way has; the doubt that may be left at the end; and seconds after which it ends all the same."""

REACHED = 0.9
"""The quantile of its turns that a way is said to reach."""

HOPELESS = 0.6
"""Ways that have reached less than this share of the best after a fifth of the least turns are given up."""

TIMEOUT = 120.0
"""Seconds after which the process counts as hanging."""

FILLED = 0.6
"""The part of a cache that the arrays take which are to be held there."""

LARGEST_ARRAYS = 2**30
"""Bytes that the arrays have at most that are to be larger than any cache."""

MEMORY = "memory"
"""The level behind all caches."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A limit that was measured."""

    kind: Literal["arithmetic", "bandwidth"]
    level: str
    """``L1``, ``L2``, ... or ``memory``; empty of arithmetic."""
    size: int | None
    """Bytes that the level holds; None of arithmetic and of memory."""
    threads: int
    per_second: float
    """Floating-point operations, a multiply-add counting as two, or bytes."""
    way: str
    """How the best was reached: ``triad, 512 bits``."""
    doubt: float
    """Half the width of its 95 % interval, as a share."""

    @property
    def name(self) -> str:
        """In a word: ``arithmetic``, ``L2``."""
        return self.level if self.kind == "bandwidth" else self.kind

    @property
    def title(self) -> str:
        """In full: ``arithmetic``, ``L2 bandwidth``."""
        return f"{self.level} bandwidth" if self.kind == "bandwidth" else self.kind


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The limits of a machine for one thread and, where it has several cores, for one on each."""

    limits: tuple[Ceiling, ...]
    seconds: float
    """What measuring them took."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Ceilings:
        """Out of a run file.

        Raises:
            KeyError, TypeError, ValueError: these are none.
        """
        limits = tuple(Ceiling(**limit) for limit in data["limits"])
        if not all(math.isfinite(limit.per_second) and limit.per_second > 0 for limit in limits):
            raise ValueError("a ceiling should be a number of operations or bytes a second, more than 0")
        return cls(limits, float(data["seconds"]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for a run file."""
        return asdict(self)

    def of(self, threads: int) -> tuple[Ceiling, ...]:
        """Those of one thread, or of all cores if there are more threads."""
        counts = {limit.threads for limit in self.limits}
        chosen = max(counts, default=1) if threads > 1 else 1
        return tuple(limit for limit in self.limits if limit.threads == chosen)


class NoCeilings(SteelyardError):
    """They cannot be measured here."""

    exit_code = 1


def measure() -> Ceilings:
    """Measure this machine's limits; a few seconds.

    Raises:
        NoCeilings: there is no compiler, or the process did not come to its end.
    """
    with tempfile.TemporaryDirectory(prefix="steelyard-") as folder:
        result = Path(folder) / "ceilings.json"
        try:
            library = build()
            outcome = subprocess.run(
                [sys.executable, "-P", "-m", "steelyard.ceilings", str(library), str(result)],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise NoCeilings(f"measuring the machine's ceilings did not end within {TIMEOUT:g} s") from None
        except (CannotBuild, CompileFailed) as error:
            raise NoCeilings(f"the machine's ceilings could not be measured: {error}") from None
        if result.exists():
            return Ceilings.from_dict(json.loads(result.read_text()))
    last = outcome.stderr.strip().splitlines()[-1:] or [how_it_ended(outcome.returncode)]
    raise NoCeilings(f"measuring the machine's ceilings failed: {last[0]}")


def build() -> Path:
    """Compile the C file unless the cache has it, and return the library.

    Raises:
        NoCeilings: there is no compiler.
        CompileFailed: it does not compile here.
        CannotBuild: the cache cannot be written to.
    """
    compiler = cython_build.compiler()
    if compiler is None:
        raise NoCeilings(f"the machine's ceilings could not be measured: {cython_build.no_compiler()}")
    source = files("steelyard") / "ceilings.c"
    key = hashlib.sha256(repr((source.read_bytes(), FLAGS, cython_build.toolchain())).encode()).hexdigest()
    library = cython_build.cache_folder() / f"ceilings-{key[:24]}.so"
    if not library.exists():
        try:
            library.parent.mkdir(parents=True, exist_ok=True)
            with as_file(source) as path, tempfile.TemporaryDirectory(dir=library.parent) as folder:
                made = Path(folder) / library.name
                outcome = subprocess.run(
                    [compiler, *FLAGS, "-o", str(made), str(path)],
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                )
                if outcome.returncode:
                    raise CompileFailed(path, outcome.stdout + outcome.stderr)
                made.replace(library)
        except OSError as error:
            raise CannotBuild(Path(source.name), error) from error
    return library


class Way:
    """One way to a limit, on one thread or several that start together."""

    def __init__(
        self,
        name: str,
        function: Callable[..., float],
        arrays: Sequence[Sequence[Any]],
        amount: float,
    ) -> None:
        """Of a C function that does ``amount`` in a pass, and each thread's arrays, all of one length."""
        self.name = name
        self.function = function
        self.length = len(arrays[0][0])
        self.arrays = arrays  # which are to live as long as their addresses
        self.addresses = [[array.ctypes.data for array in own] + [None] * (3 - len(own)) for own in arrays]
        self.amount = amount * len(arrays)
        """What a pass does on all threads together."""
        self.passes = 1
        self.rates: list[float] = []
        """The amount a second of each turn."""
        while self.turn() < (TURN if len(arrays) == 1 else TURN_TOGETHER):
            self.passes *= 2

    def turn(self) -> float:
        """Do the passes on every thread at once; return the seconds from the first start to the last end."""
        if len(self.addresses) == 1:
            first, last = self.call(self.addresses[0])
            return last - first
        gate, times = threading.Barrier(len(self.addresses)), [(0.0, 0.0)] * len(self.addresses)

        def work(place: int) -> None:
            gate.wait()
            times[place] = self.call(self.addresses[place])

        workers = [threading.Thread(target=work, args=(place,)) for place in range(len(self.addresses))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return max(last for _, last in times) - min(first for first, _ in times)

    def call(self, addresses: Sequence[int | None]) -> tuple[float, float]:
        """Do the passes; return when that began and ended.

        Some more go before, for the turn of another level has left nothing of these arrays in the caches.
        """
        self.function(self.passes // 4, self.length, *addresses)
        begin = time.perf_counter()
        self.function(self.passes, self.length, *addresses)
        return begin, time.perf_counter()

    def measure(self) -> None:
        """Take a turn, and note how fast it was."""
        self.rates.append(self.passes * self.amount / self.turn())

    @property
    def reached(self) -> float:
        """The quantile of the turns that counts."""
        return self.turn_at(REACHED * len(self.rates))

    @property
    def doubt(self) -> float:
        """Half the width of the quantile's 95 % interval as a share of it, from order statistics.

        The number of turns below the quantile is binomial. Source: David & Nagaraja, Order Statistics, 3rd ed., section 7.1.
        """
        rank, half = REACHED * len(self.rates), 1.96 * math.sqrt(len(self.rates) * REACHED * (1 - REACHED))
        return (self.turn_at(rank + half) - self.turn_at(rank - half)) / 2 / self.reached

    def turn_at(self, rank: float) -> float:
        """The rate of a turn by its place among them, the slowest being the first."""
        return sorted(self.rates)[min(max(round(rank), 1), len(self.rates)) - 1]


def measured(library: ctypes.CDLL, threads: int) -> Iterator[Ceiling]:
    """The limits of so many threads at once."""
    limits: dict[tuple[str, int | None], list[Way]] = {("", None): list(arithmetic(library, threads))}
    for level, size, held in levels(threads):
        limits[level, size] = list(bandwidth(library, held, threads))
    begin, turns = time.perf_counter(), 0
    while turns < LEAST_TURNS or (
        time.perf_counter() < begin + LONGEST and any(ways[0].doubt > AGREED for ways in limits.values())
    ):
        for ways in limits.values():  # in turns, so that what disturbs for a while disturbs all alike
            for way in ways:
                way.measure()
        turns += 1
        for ways in limits.values():
            ways.sort(key=lambda way: -way.reached)
            if turns == LEAST_TURNS // 5:
                ways[:] = [way for way in ways if way.reached > HOPELESS * ways[0].reached]
    for (level, size), ways in limits.items():
        kind: Literal["arithmetic", "bandwidth"] = "bandwidth" if level else "arithmetic"
        yield Ceiling(kind, level, size, threads, ways[0].reached, ways[0].name, ways[0].doubt)


def arithmetic(library: ctypes.CDLL, threads: int) -> Iterator[Way]:
    """The ways to the most operations a second."""
    arrays = [[room(64)] for _ in range(threads)]
    for bits in WIDTHS:
        amount = float(2 * MULTIPLY_ADDS * bits // (8 * NUMBER))
        function = function_of(library, f"multiply_add_{bits}")
        yield Way(f"multiply-add, {bits} bits", function, arrays, amount)


def bandwidth(library: ctypes.CDLL, held: int, threads: int) -> Iterator[Way]:
    """The ways to the most bytes a second, in arrays of ``held`` bytes for each thread."""
    rooms = [room(held // NUMBER) for _ in range(threads)]
    for move, (count, accesses) in MOVES.items():
        length = len(rooms[0]) // count // 64 * 64
        arrays = [[own[place * length : (place + 1) * length] for place in range(count)] for own in rooms]
        for bits in WIDTHS:
            amount = float(accesses * NUMBER * length)
            function = function_of(library, f"{move}_{bits}")
            yield Way(f"{move}, {bits} bits", function, arrays, amount)


def function_of(library: ctypes.CDLL, name: str) -> Callable[..., float]:
    """A function of the C file; it runs without Python's lock."""
    function = getattr(library, name)
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 3
    return function  # type: ignore[no-any-return]


def room(numbers: int) -> Any:
    """So many float64 from a multiple of 64 bytes on, each of them 0.5: all the arithmetic ends between that and 1."""
    import numpy

    array = numpy.empty(numbers + 64 // NUMBER)
    array[:] = 0.5
    begin = -array.ctypes.data % 64 // NUMBER
    return array[begin : begin + numbers]


def levels(threads: int) -> Iterator[tuple[str, int | None, int]]:
    """Each level's name and size, and the bytes of a thread's arrays that are held there and not in the level before.

    Most of a cache, for there it is steadiest; of the last one the geometric mean with the one before, for others whom nobody
    here sees may use it, too. Where threads share a level, each has as much less.
    """
    found = [cache for cache in caches() if cache.kind != "Instruction"]
    for cache, smaller in zip(found, [None, *found], strict=False):
        held = FILLED * cache.size
        if smaller and cache is found[-1]:
            held = math.sqrt(smaller.size * cache.size)
        yield cache.level, cache.size, round(held / min(threads, cache.cores))
    largest = found[-1].size if found else 0
    yield MEMORY, None, min(max(4 * largest, 2**26), LARGEST_ARRAYS) // threads


def main(library: str, result: str) -> None:
    """Measure with one thread and with one on each core, and write what was found."""
    begin = time.perf_counter()
    loaded = ctypes.CDLL(library)
    counts = sorted({1, cores()})
    limits = tuple(limit for threads in counts for limit in measured(loaded, threads))
    Path(result).write_text(json.dumps(Ceilings(limits, time.perf_counter() - begin).as_dict()))


if __name__ == "__main__":
    main(*sys.argv[1:])
