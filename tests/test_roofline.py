"""The roofline model: what binds a cell, and how near it comes."""

from dataclasses import replace

import pytest
from steelyard.ceilings import Ceiling, Ceilings
from steelyard.measurement import Interval
from steelyard.roofline import reached


def limits(threads=1, faster=1.0):
    return tuple(
        Ceiling(kind, level, size, threads, per_second * faster, "", 0.0)
        for kind, level, size, per_second in (
            ("arithmetic", "", None, 100e9),
            ("bandwidth", "L1", 2**15, 400e9),
            ("bandwidth", "L2", 2**20, 200e9),
            ("bandwidth", "memory", None, 20e9),
        )
    )


ONE = Ceilings(limits(), 1.0)
BOTH = Ceilings((*limits(), *limits(threads=4, faster=3.0)), 1.0)
TIME = Interval(1e-3, 0.8e-3, 1.25e-3)


def cell(operations=1e6, moved=1e6, footprint=1000, **info):
    return {"operations": operations, "bytes": moved, "footprint": footprint, **info}


def test_arithmetic_binds():
    """Much work on little data: half of the peak, and the interval turned round."""
    found = reached(ONE, cell(operations=50e6), TIME)
    assert found.ceiling.name == "arithmetic"
    assert found.share == Interval(*(pytest.approx(share) for share in (0.5, 0.4, 0.625)))


def test_the_doubt_in_a_ceiling_is_in_the_share():
    """A share is no better known than what it is a share of."""
    unsure = Ceilings((replace(limits()[0], doubt=0.3),), 1.0)
    exact = Interval(1e-3, 1e-3, 1e-3)
    share = reached(unsure, cell(operations=50e6, moved=0), exact).share
    assert (share.value, share.low, share.high) == (
        pytest.approx(0.5),
        pytest.approx(0.35),
        pytest.approx(0.65),
    )


@pytest.mark.parametrize(
    ("footprint", "level", "share"),
    [(2**15, "L1", 0.1), (2**15 + 1, "L2", 0.2), (2**20, "L2", 0.2), (2**20 + 1, "memory", 2.0)],
)
def test_the_level_that_holds_the_data_binds(footprint, level, share):
    """The smallest that has room for inputs and outputs; more than all of it is not hidden."""
    found = reached(ONE, cell(operations=1, moved=40e6, footprint=footprint), TIME)
    assert (found.ceiling.level, found.share.value) == (level, pytest.approx(share))


def test_a_parallel_variant_has_all_cores():
    """And others one, whatever the number of threads in force."""
    work = cell(operations=30e6)
    assert reached(BOTH, work, TIME).share.value == pytest.approx(0.3)
    assert reached(BOTH, {**work, "parallel": True}, TIME).share.value == pytest.approx(0.1)
    assert reached(ONE, {**work, "parallel": True}, TIME).share.value == pytest.approx(0.3)


def test_a_kernel_without_arithmetic():
    """Memory alone binds it, and one that moves nothing, arithmetic."""
    assert reached(ONE, cell(operations=0), TIME).ceiling.name == "L1"
    assert reached(ONE, cell(moved=0), TIME).ceiling.name == "arithmetic"


@pytest.mark.parametrize(
    "info",
    [
        {},
        cell(operations=0, moved=0),
        cell(footprint=0),
        {"operations": "many", "bytes": None, "footprint": []},
    ],
)
def test_what_is_not_known_is_not_made_up(info):
    """A run of before the ceilings, or of another's making, has no shares."""
    assert reached(ONE, info, TIME) is None


def test_without_caches_no_level_is_guessed():
    """Where the system does not tell its caches, data may lie in any of them."""
    known = [limit for limit in ONE.limits if limit.level in ("", "memory")]
    assert reached(Ceilings(tuple(known), 1.0), cell(), TIME) is None
    assert reached(Ceilings(tuple(known), 1.0), cell(moved=0), TIME).ceiling.name == "arithmetic"
