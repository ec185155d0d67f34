"""A cell is judged when it is time for it, and convicted by fresh pairs alone."""

import math

import pytest
from repositories import (
    LOOPS,
)
from steelyard import verdict
from steelyard.pair import SideFailed
from steelyard.timed import Timed
from steelyard.verdict import LOOKS, TRIALS, Verdict


def timed(*logs):
    cell = Timed(LOOPS, 0.02, parallel=False)
    add(cell, *logs)
    return cell


def add(cell, *logs):
    for log in logs:
        cell.add(log, {"base": 1e-3, "head": 1e-3 * math.exp(log)}, 0.5)


def noisy(center, count, spread=1e-3):
    return [center + spread * (-1) ** i for i in range(count)]


def test_nothing_is_said_before_the_first_look():
    """A cell is not judged while fewer pairs are measured than a look is due after."""
    cell = timed(*noisy(0.1, LOOKS[0] - 1))
    cell.look(1)
    assert (cell.looks, cell.suspicion, cell.final) == (0, None, None)
    add(cell, 0.1)
    cell.look(1)
    assert (cell.looks, cell.suspicion) == (1, Verdict.SLOWER)


@pytest.mark.parametrize(("center", "word"), [(0.1, Verdict.SLOWER), (-0.1, Verdict.FASTER)])
def test_only_fresh_pairs_convict(center, word):
    """A suspect is measured again, as often as was fixed when the suspicion arose, and then convicted."""
    cell = timed(*noisy(center, LOOKS[0]))
    cell.look(12)
    assert cell.wanted == verdict.fresh_pairs(LOOKS[0])
    add(cell, *noisy(center, cell.wanted - 1))
    cell.look(12)
    assert cell.final is None
    assert cell.judged(10.0).verdict == "undecided"
    assert "no time for fresh pairs" in cell.judged(10.0).reason
    add(cell, center)
    cell.look(12)
    assert (cell.final, cell.is_open) == (word, False)
    found = cell.judged(10.0)
    assert (found.verdict, found.reason) == (str(word), "")
    assert found.fresh == found.log_ratios[-cell.wanted :]


def test_an_acquitted_suspect_is_tried_again_by_other_pairs():
    """But no more often than there are trials; then it ends undecided however far from 1 it lies, or the same."""
    cell = timed(*noisy(0.1, LOOKS[0]))
    cell.look(12)
    for trial in range(len(TRIALS)):
        assert (cell.acquittals, cell.suspicion, cell.fresh) == (trial, Verdict.SLOWER, [])
        add(cell, *[0.3 * (-1) ** i for i in range(cell.wanted)])
        cell.look(12)
        assert (cell.final, cell.suspicion, cell.acquittals, cell.is_open) == (None, None, trial + 1, True)
        cell.logs[:] = noisy(0.1, LOOKS[cell.looks])
        cell.look(12)
    assert (cell.final, cell.suspicion, cell.is_open) == (None, None, True)
    found = cell.judged(10.0)
    assert found.verdict == "undecided"
    assert "fresh pairs did not confirm it" in found.reason
    cell.logs[:] = noisy(0.0, LOOKS[cell.looks])
    cell.look(12)
    assert cell.final is Verdict.SAME


def test_a_later_trial_convicts_at_its_own_level(monkeypatch):
    """What an earlier trial has spent of the level is gone."""
    levels = []
    monkeypatch.setattr(
        verdict, "convicts", lambda fresh, suspicion, cells, trial: levels.append((cells, trial))
    )
    cell = timed(*noisy(0.1, LOOKS[0]))
    for _ in range(2):
        cell.look(12)
        add(cell, *noisy(0.1, cell.wanted))
        cell.look(12)
    assert levels == [(12, 0), (12, 1)]


def test_a_suspicion_at_the_last_look_is_followed_up():
    """Also then the fresh pairs are measured that convict or acquit it."""
    cell = timed(*noisy(0.0, LOOKS[-1], 0.5))
    cell.looks = len(LOOKS) - 1
    cell.logs[:] = noisy(0.1, LOOKS[-1])
    cell.look(12)
    assert (cell.suspicion, cell.is_open) == (Verdict.SLOWER, True)
    add(cell, *noisy(0.1, cell.wanted))
    cell.look(12)
    assert cell.final is Verdict.SLOWER


def test_each_look_spends_its_share_once():
    """Looks are taken one after the other, one for each number of pairs that is due."""
    cell = timed()
    for pairs in range(1, LOOKS[-1] + 1):
        add(cell, 0.5 * (-1) ** pairs)
        cell.look(12)
        assert cell.looks == sum(due <= pairs for due in LOOKS)
    assert not cell.is_open


def test_a_cell_that_cannot_be_decided_says_what_it_would_take():
    """The interval so far, and the budget for one that is narrow enough; no budget, if no more pairs are measured."""
    cell = timed(*noisy(0.0, 9, 0.05))
    found = cell.judged(60.0)
    assert found.verdict == "undecided"
    assert "after 60 s; about " in found.reason
    assert "--budget" in found.reason
    assert found.smallest_change > 0.02
    cell.logs[:] = noisy(0.0, LOOKS[-1], 0.5)
    cell.looks = len(LOOKS)
    assert cell.judged(60.0).reason.endswith(
        "no more than 90 pairs are measured: give it a larger --tolerance"
    )


def test_too_few_pairs_say_nothing():
    """Fewer than three have no interval worth the name; none at all means that the cell was not run."""
    assert "only 2 pairs" in timed(0.5, 0.5).judged(9.0).reason
    assert "only 1 pair was" in timed(0.5).judged(9.0).reason
    assert timed(0.5, 0.5).judged(9.0).ratio is None
    assert timed().judged(9.0).verdict == "not run"


def test_a_problem_is_told_with_its_side():
    """Of a cell with a problem nothing else counts."""
    cell = timed(*noisy(0.1, 20))
    cell.problem = SideFailed(LOOPS, "both", "the clock did not go forward")
    found = cell.judged(9.0)
    assert (found.verdict, found.reason) == ("failed", "in either revision: the clock did not go forward")
    assert not cell.is_open
