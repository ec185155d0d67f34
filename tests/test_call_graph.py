"""Time is apportioned by calls: none is invented, and none is lost but what is left out."""

import cProfile
import json
import pstats

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steelyard.call_graph import Call, CallGraph, Function


def graph(functions, calls):
    """Functions as (own, cumulative), calls as (caller, callee, seconds); the first function is the root."""
    return CallGraph(
        "cell",
        0,
        tuple(Function("f.py", n, f"f{n}", 1, own, whole) for n, (own, whole) in enumerate(functions)),
        tuple(Call(caller, callee, 1, seconds) for caller, callee, seconds in calls),
    )


def shown(frames):
    """Each frame as the way to it, and its seconds."""
    ways = []
    for frame in frames:
        above = "" if frame.above is None else ways[frame.above][0]
        ways.append((f"{above}{frame.function}", pytest.approx(frame.seconds)))
    return dict(ways)


def test_a_shared_function_is_apportioned_among_its_callers():
    """By the time of each one's calls; what it calls in turn, likewise."""
    made = graph(
        [(0.1, 1.0), (0.1, 0.4), (0.1, 0.5), (0.2, 0.6), (0.4, 0.4)],
        [(0, 1, 0.4), (0, 2, 0.5), (1, 3, 0.2), (2, 3, 0.4), (3, 4, 0.4)],
    )
    assert shown(made.frames()) == {
        **{"0": 1.0, "01": 0.4, "02": 0.5, "013": 0.2, "023": 0.4},
        **{"0134": 0.4 / 3, "0234": 0.8 / 3},
    }


def test_a_function_does_not_stand_below_itself():
    """Neither at once nor by way of another."""
    made = graph([(0, 1.0), (0.5, 1.0), (0.5, 0.9)], [(0, 1, 1.0), (1, 1, 0.7), (1, 2, 0.9), (2, 1, 0.8)])
    assert shown(made.frames()) == {"0": 1.0, "01": 1.0, "012": 0.9}


def test_what_is_small_or_deep_is_left_out():
    """By the share of the whole, by depth, and by number, the largest first."""
    chain = graph([(0.1, 1.0 - n / 10) for n in range(9)], [(n, n + 1, 0.9 - n / 10) for n in range(8)])
    assert len(chain.frames()) == 9
    assert len(chain.frames(deepest=3)) == 4
    assert len(chain.frames(least=0.5)) == 6
    assert [frame.function for frame in chain.frames(most=2)] == [0, 1]


def test_a_real_profile_is_read_back():
    """With recursion, and its row by the name it has; as plain data and back it is the same."""

    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    def cell():
        return fibonacci(12) + sum(map(len, ["a"] * 100))

    profile = cProfile.Profile()
    profile.runcall(cell)
    made = CallGraph.of("cell", pstats.Stats(profile).stats)
    assert made.functions[made.root].name == "cell"
    assert CallGraph.from_json(json.loads(json.dumps(made.as_dict()))) == made
    names = [made.functions[frame.function].name for frame in made.frames(least=0)]
    assert names.count("fibonacci") == 1
    assert names[0] == "cell"


seconds = st.floats(0, 10)


@given(
    st.lists(st.tuples(seconds, seconds), min_size=1, max_size=8).flatmap(
        lambda functions: st.tuples(
            st.just(functions),
            st.lists(
                st.tuples(*(2 * [st.integers(0, len(functions) - 1)]), seconds),
                max_size=20,
                unique_by=lambda c: c[:2],
            ),
        )
    )
)
def test_no_frame_has_more_than_what_is_above_it(made):
    """Whatever a file says: those below a frame together have no more than it has."""
    frames = graph(*made).frames()
    for place, frame in enumerate(frames):
        below = sum(other.seconds for other in frames if other.above == place)
        assert below <= frame.seconds * (1 + 1e-9)


@pytest.mark.parametrize(
    "change",
    [
        {"root": 1},
        {"root": True},
        {"name": 3},
        {"functions": [["f", 1, "n", 1, -0.1, 0.1]]},
        {"functions": [["f", 1, "n", 1, float("nan"), 0.1]]},
        {"functions": [["f", 1, "n", 10**30, 0.1, 0.1]]},
        {"functions": [["f", 1.5, "n", 1, 0.1, 0.1]]},
        {"functions": [["f", 1]]},
        {"functions": None},
        {"calls": [[0, -1, 1, 0.1]]},
        {"calls": [[0, 1, 1, 0.1]]},
        {"calls": [[0, 0, 1, "0.1"]]},
    ],
    ids=str,
)
def test_what_is_no_graph_is_refused(change):
    """At the door, so that nothing behind it has to ask."""
    data = {"name": "x", "root": 0, "functions": [["f", 1, "n", 1, 0.1, 0.1]], "calls": []}
    CallGraph.from_json(data)
    with pytest.raises((KeyError, TypeError, ValueError)):
        CallGraph.from_json(data | change)
