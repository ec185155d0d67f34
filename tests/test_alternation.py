"""Two sides take turns in the order that they were given, over the same memory layout, by a clock that is made up."""

import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from steelyard.alternation import PeerLost, Token, run_blocks, seconds_per_call, take_turns
from steelyard.cell import Variant
from steelyard.kernel import Kernel, frozen

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

INPUTS = frozen({"x": np.arange(12.0).reshape(3, 4), "s": 2.0})


def kernel(function):
    return Kernel(Variant("double", "numpy", "arrays", Path("double_numpy.py")), function)


@pytest.fixture
def tokens():
    """Both sides' ends of the two pipes between them; those that a test has not closed are closed at the end."""
    (base_takes, head_gives), (head_takes, base_gives) = os.pipe(), os.pipe()
    ends = [base_takes, head_gives, head_takes, base_gives]
    yield {"A": Token(base_gives, base_takes), "B": Token(head_gives, head_takes)}
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


COST = {"A": 1.0, "B": 2.0}
"""Seconds of a call of each side."""


class Stage:
    """Both sides in threads of one process, with one clock that only calls move on."""

    def __init__(self, tokens):
        self.now, self.tokens = 0.0, tokens
        self.events, self.results, self.errors = [], {}, {}

    def function(self, side):
        def call(x, s):
            self.events.append(side)
            self.now += COST[side]

        return call

    def clock(self, side):
        def read():
            self.events.append(f"{side} reads")
            return self.now

        return read

    def play(self, side, **settings):
        try:
            self.results[side] = run_blocks(
                kernel(self.function(side)),
                INPUTS,
                side=side,
                token=self.tokens[side],
                clock=self.clock(side),
                **settings,
            )
        except BaseException as error:
            self.errors[side] = error

    def run(self, **settings):
        threads = [
            threading.Thread(target=self.play, args=side, kwargs=settings, daemon=True) for side in "AB"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads), "they wait for each other"
        if self.errors:
            raise next(iter(self.errors.values()))
        return self.results


@pytest.mark.parametrize(
    "orders", [["ABBA"], ["BAAB", "ABBA"], ["ABBABAABABBA"] * 3, ["AB", "BA"], ["AABB", "BBBA"]]
)
@pytest.mark.parametrize("calls", [1, 3])
def test_each_side_has_its_blocks(tokens, orders, calls):
    """Seconds per call of every block of a side, setup by setup, and no time of the other side's in them."""
    results = Stage(tokens).run(calls=calls, orders=orders, seeds=range(len(orders)))
    assert results == {
        side: [[seconds] * order.count(side) for order in orders] for side, seconds in COST.items()
    }


def test_blocks_are_run_in_their_order(tokens):
    """The clock is read around each block's calls, in the order of the letters; one that takes over warms its caches first."""
    stage = Stage(tokens)
    stage.run(calls=2, orders=["BAABAB"], seeds=[1])
    first = stage.events.index("B reads")
    assert sorted(stage.events[:first]) == ["A", "A", "B", "B"]  # each side warms up, in any order

    def block(side):
        return [f"{side} reads", side, side, f"{side} reads"]

    assert stage.events[first:] == [
        *block("B"),
        *["A", *block("A"), *block("A")],
        *["B", *block("B")],
        *["A", *block("A")],
        *["B", *block("B")],
    ]


def test_a_slow_call_is_not_made_for_warmth(tokens):
    """Where a block is one call, the caches are a small part of it, and another call a large one."""
    stage = Stage(tokens)
    stage.run(calls=1, orders=["ABBA"], seeds=[1])
    assert sorted(event for event in stage.events if len(event) == 1) == ["A"] * 3 + ["B"] * 3


def test_nobody_lays_out_while_the_other_is_timed(tokens):
    """A setup begins and ends for both at once."""
    stage = Stage(tokens)
    stage.run(calls=1, orders=["AB"] * 5, seeds=range(5))
    setups = [stage.events[start : start + 8] for start in range(0, len(stage.events), 8)]
    assert len(setups) == 5
    for events in setups:
        assert sorted(events[:2]) == ["A", "B"]
        assert events[2:] == ["A reads", "A", "A reads", "B reads", "B", "B reads"]


def test_garbage_is_not_collected_within_a_block(tokens):
    """But is again afterwards, also when a kernel raises."""
    seen = []

    def fails(x, s):
        seen.append(gc.isenabled())
        if len(seen) == 2:
            raise ValueError("it is wrong")

    os.write(tokens["B"].give, b"t")
    with pytest.raises(ValueError, match="it is wrong"):
        run_blocks(kernel(fails), INPUTS, side="A", calls=1, orders=["AB"], seeds=[1], token=tokens["A"])
    assert seen == [True, False]
    assert gc.isenabled()


@pytest.mark.parametrize("order", ["AB", "BA", "ABBA"])
@pytest.mark.parametrize("calls_before", [0, 1, 2])
def test_a_peer_that_ends(tokens, order, calls_before):
    """Wherever in a setup the other process dies, the one that is left says so and does not wait."""
    pid = os.fork()
    if not pid:
        calls = 0

        def ends(x, s):
            nonlocal calls
            calls += 1
            if calls > calls_before:
                os._exit(0)

        for end in (tokens["A"].give, tokens["A"].take):
            os.close(end)
        try:
            run_blocks(
                kernel(ends), INPUTS, side="B", calls=1, orders=[order] * 9, seeds=range(9), token=tokens["B"]
            )
        finally:
            os._exit(1)
    for end in (tokens["B"].give, tokens["B"].take):
        os.close(end)
    stage = Stage(tokens)
    alive = threading.Thread(
        target=stage.play,
        args="A",
        kwargs={"calls": 1, "orders": [order] * 9, "seeds": range(9)},
        daemon=True,
    )
    alive.start()
    alive.join(20)
    os.waitpid(pid, 0)
    assert not alive.is_alive()
    assert isinstance(stage.errors["A"], PeerLost)


@pytest.mark.parametrize("times", [[5.0] * 4, [5.0, 5.0, 3.0, 4.0]])
def test_a_clock_that_does_not_go_forward(tokens, times):
    """What it says is passed on as it is; what it means is for the one who reckons with it."""
    reads = iter(times)
    mine = take_turns(lambda: None, (), "A", 2, "AA", tokens["A"], lambda: next(reads))
    assert mine == [(times[1] - times[0]) / 2, (times[3] - times[2]) / 2]


def test_every_setup_is_laid_out_afresh(tokens):
    """By its own seed, and the kernel is called with that setup's arrays alone."""
    places = []

    def call(x, s):
        places.append(x.ctypes.data - x.base.ctypes.data)

    os.write(tokens["B"].give, b"t" * 9)
    run_blocks(kernel(call), INPUTS, side="A", calls=1, orders=["AA"] * 3, seeds=[1, 2, 1], token=tokens["A"])
    first, second, third = places[:3], places[3:6], places[6:]
    assert len(set(first)) == len(set(second)) == 1
    assert first == third != second


@pytest.mark.parametrize(("cost", "calls"), [(1.0, 3), (2e-3, 3), (1e-4, None), (3e-9, None)])
def test_seconds_per_call(cost, calls):
    """A slow function is called three times and no more; a fast one until a block is long enough to be read off."""
    made, now = 0, 0.0

    def function():
        nonlocal made, now
        made += 1
        now += cost

    found = seconds_per_call(function, (), least=2e-3 if cost > 1e-8 else 1e-6, clock=lambda: now)
    assert found == pytest.approx(cost, rel=1e-6)
    assert calls is None or made == calls


def test_seconds_per_call_are_of_the_best_block():
    """A disturbance does not make a function slow."""
    times = iter([0.0, 9.0, 10.0, 11.0, 20.0, 25.0])
    assert seconds_per_call(lambda: None, (), clock=lambda: next(times)) == 1.0
