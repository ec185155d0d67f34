"""What a machine can do at most: the work is really done, the best is found, and where that cannot be, it is said why."""

import ctypes
import threading
from pathlib import Path

import numpy as np
import pytest
from steelyard import ceilings
from steelyard.ceilings import Ceiling, Ceilings, NoCeilings, Way, function_of, levels, measured, room
from steelyard.machine import Cache


class Clock:
    """A time that passes when it is told to."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(ceilings, "time", clock)
    return clock


class Library:
    """Functions as the C file has them, whose work takes as long as the test says."""

    def __init__(self, clock, seconds_of):
        self.clock, self.seconds_of, self.calls = clock, seconds_of, []

    def __getattr__(self, name):
        def function(passes, length, *arrays):
            self.calls.append(name)
            self.clock.now += self.seconds_of(name, passes, length)

        return function


def limit(kind="bandwidth", level="L1", size=2**15, threads=1, per_second=1e9):
    return Ceiling(kind, level, size, threads, per_second, "triad, 512 bits", 0.01)


def test_what_is_saved_is_read_back():
    """A run file holds them as plain data."""
    found = Ceilings((limit(), limit("arithmetic", "", None)), 4.5)
    assert Ceilings.from_dict(found.as_dict()) == found


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_ceiling_that_is_no_rate(rate):
    """No page divides by it."""
    with pytest.raises(ValueError, match="more than 0"):
        Ceilings.from_dict(Ceilings((limit(per_second=rate),), 1.0).as_dict())


def test_those_of_one_thread_and_of_all():
    """More than one thread is held against all cores; on a machine with one core, against that."""
    one, four = limit(), limit(threads=4)
    both = Ceilings((one, four), 1.0)
    assert [both.of(1), both.of(2), both.of(4)] == [(one,), (four,), (four,)]
    assert Ceilings((one,), 1.0).of(2) == (one,)


def test_levels_lie_between_the_caches(monkeypatch):
    """Arrays fit into their level and not into the one before; threads that share a level share its room."""
    found = [
        Cache("L1", "Data", 2**15, 1),
        Cache("L1", "Instruction", 2**15, 1),
        Cache("L2", "Unified", 2**19, 1),
        Cache("L3", "Unified", 2**23, 4),
    ]
    monkeypatch.setattr(ceilings, "caches", lambda: found)
    assert list(levels(1)) == [
        ("L1", 2**15, round(0.6 * 2**15)),
        ("L2", 2**19, round(0.6 * 2**19)),
        ("L3", 2**23, 2**21),
        ("memory", None, 2**26),
    ]
    assert list(levels(4))[1:] == [
        ("L2", 2**19, round(0.6 * 2**19)),
        ("L3", 2**23, 2**19),
        ("memory", None, 2**24),
    ]


def test_a_machine_that_does_not_tell_its_caches(monkeypatch):
    """Memory alone is measured."""
    monkeypatch.setattr(ceilings, "caches", list)
    assert list(levels(2)) == [("memory", None, 2**25)]


def test_a_turn_lasts_long_enough(clock):
    """Passes are added until the timer's own cost does not count."""
    library = Library(clock, lambda name, passes, length: passes * 1e-5)
    way = Way("a way", function_of(library, "copy_128"), [[room(64)]], 1000.0)
    assert way.passes == 128
    way.measure()
    assert way.reached == pytest.approx(1000.0 / 1e-5)


def test_neither_a_slow_turn_nor_a_lucky_one_decides(clock):
    """A tenth of the turns reach it; the doubt is that of the order statistics around it."""
    way = Way("a way", function_of(Library(clock, lambda *_: 1.0), "sum_128"), [[room(64)]], 1.0)
    way.rates = [*range(1, 100), 1000.0]
    assert way.reached == 90
    assert way.doubt == pytest.approx((96 - 84) / 2 / 90)
    way.rates = [5.0]
    assert (way.reached, way.doubt) == (5.0, 0.0)


def test_threads_work_at_once():
    """Each on its own arrays, and all of what they do counts."""
    inside = threading.Barrier(3, timeout=30)  # which nobody passes alone

    def function(passes, length, *arrays):
        inside.wait()
        seen.add(arrays[0])

    seen = set()
    arrays = [[room(64)] for _ in range(3)]
    way = Way("a way", function, arrays, 7.0)
    assert way.amount == 21.0
    assert seen == {own[0].ctypes.data for own in arrays}


def test_the_best_way_is_found(clock, monkeypatch):
    """Of the widths and moves, whichever is fastest; those far behind get a fifth of the turns."""
    monkeypatch.setattr(ceilings, "levels", lambda threads: [("L1", 2**15, 2**14), ("memory", None, 2**16)])
    speeds = {"multiply_add_512": 4.0, "triad_256": 3.0, "scale_128": 2.9, "sum_128": 0.1}

    def seconds(name, passes, length):
        return passes * length * 1e-9 / speeds.get(name, 1.0)

    library = Library(clock, seconds)
    found = {limit.name: limit for limit in measured(library, 1)}
    assert {name: limit.way for name, limit in found.items()} == {
        "arithmetic": "multiply-add, 512 bits",
        "L1": "triad, 256 bits",
        "memory": "triad, 256 bits",
    }
    assert found["arithmetic"].per_second == pytest.approx(12 * 2 * 8 * 4.0 / (64 * 1e-9))
    assert found["L1"].per_second == pytest.approx(3 * 8 * 3.0 / 1e-9)
    assert [limit.doubt for limit in found.values()] == pytest.approx([0.0] * 3, abs=1e-6)
    assert library.calls.count("scale_128") > 2 * library.calls.count("sum_128") > 0


def test_a_restless_machine_is_given_up_on(clock, monkeypatch):
    """Turns that never agree end after a time, and the doubt is told."""
    monkeypatch.setattr(ceilings, "levels", lambda threads: [])
    durations = iter(range(1, 10**6))
    library = Library(clock, lambda *_: 1e-2 * next(durations) ** -0.5)
    (found,) = measured(library, 1)
    assert found.doubt > 0


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_CACHE", str(tmp_path_factory.mktemp("cache")))
        return ctypes.CDLL(str(ceilings.build()))


@pytest.mark.parametrize("bits", ceilings.WIDTHS)
@pytest.mark.parametrize("move", ceilings.MOVES)
def test_what_is_counted_is_done(library, move, bits):
    """Every number of every array is read or written, as often as there are passes."""
    x, y, z = room(192), room(192), room(192)
    x[:], y[:], z[:] = np.arange(192.0), np.arange(192.0) * 2, np.arange(192.0) * 4
    before = x.copy()
    result = function_of(library, f"{move}_{bits}")(3, 192, x.ctypes.data, y.ctypes.data, z.ctypes.data)
    if move == "sum":
        assert result == 3 * x[:: bits // 64].sum()  # of one lane, the others are added up beside it
    expected = {"sum": before, "copy": y, "scale": before * 1.0000001**3, "triad": y + 0.5 * z}[move]
    np.testing.assert_allclose(x, expected, rtol=1e-15)


@pytest.mark.parametrize("bits", ceilings.WIDTHS)
def test_every_multiply_add_counts(library, bits):
    """The sum of all chains after some passes is what the recurrence says."""
    x = room(64)
    x[:2] = 0.5, 0.25
    chains = [k * 0.25 for k in range(ceilings.MULTIPLY_ADDS)]
    for _ in range(5):
        chains = [value * 0.5 + 0.25 for value in chains]
    result = function_of(library, f"multiply_add_{bits}")(5, 64, x.ctypes.data, None, None)
    assert result == pytest.approx(sum(chains) * bits / 64, rel=1e-14)


def test_without_a_compiler(monkeypatch):
    """It says what to install or to set, in one line."""
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(NoCeilings, match="CC=no-such-compiler is not a program") as caught:
        ceilings.measure()
    assert caught.value.exit_code == 1
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoCeilings, match="no C compiler found"):
        ceilings.measure()


def test_a_compiler_that_fails(monkeypatch):
    """Its own words are shown."""
    monkeypatch.setattr(ceilings, "FLAGS", ("-fno-such-flag",))
    with pytest.raises(NoCeilings, match="no-such-flag"):
        ceilings.measure()


def test_a_process_that_dies(monkeypatch, tmp_path):
    """A library that is none ends that process, not this one."""
    broken = tmp_path / "broken.so"
    broken.write_text("this is no library")
    monkeypatch.setattr(ceilings, "build", lambda: broken)
    with pytest.raises(NoCeilings, match=f"failed: OSError: .*{broken.name}"):
        ceilings.measure()


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    """The way out is said."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "file"))
    with pytest.raises(NoCeilings, match="STEELYARD_CACHE"):
        ceilings.measure()


def test_the_source_comes_with_the_package():
    """As a file beside the module."""
    assert (Path(ceilings.__file__).parent / "ceilings.c").is_file()
