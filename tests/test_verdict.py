"""What the pairs' log ratios mean: definitions, properties, and how often the method errs."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from steelyard import verdict
from steelyard.verdict import (
    LOOKS,
    SPENT,
    SUITE_LEVEL,
    TRIALS,
    Estimate,
    Verdict,
    at_look,
    conviction_level,
    convicts,
    estimate,
    fresh_pairs,
    pair_log_ratio,
    seconds_needed,
    smallest_change,
    trimmed,
    width_needed,
)

LOGS = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=2, max_size=100)


# What an interval says


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.99, 1.01, Verdict.SAME),
        (1 / 1.02, 1.02, Verdict.SAME),
        (1.005, 1.02, Verdict.SAME),
        (1 / 1.02, 0.999, Verdict.SAME),
        (1.005, 1.0201, Verdict.SLOWER),
        (1.5, 1.6, Verdict.SLOWER),
        (1.0, 1.03, Verdict.UNDECIDED),
        (0.98, 0.999, Verdict.FASTER),
        (0.5, 0.6, Verdict.FASTER),
        (0.97, 1.0, Verdict.UNDECIDED),
        (0.9, 1.1, Verdict.UNDECIDED),
        (0.98, 1.01, Verdict.UNDECIDED),
    ],
)
def test_definitions(low, high, expected):
    """Same within the tolerance, bounds included, before all else; slower and faster strictly to one side of 1."""
    assert Estimate((low * high) ** 0.5, low, high, 6, 3.0).verdict(0.02) is expected


@given(st.floats(0.1, 10), st.floats(1, 3), st.floats(0.001, 0.5))
def test_definitions_are_symmetrical(ratio, width, tolerance):
    """With the sides exchanged, slower is faster and all else as it was."""
    one, other = (
        Estimate(ratio, ratio / width, ratio * width, 6, 3.0),
        Estimate(1 / ratio, 1 / ratio / width, width / ratio, 6, 3.0),
    )
    for bound in (one.low, one.high, other.low, other.high):
        assume(min(abs(bound - edge) for edge in (1, 1 + tolerance, 1 / (1 + tolerance))) > 1e-9)
    exchanged = {Verdict.SLOWER: Verdict.FASTER, Verdict.FASTER: Verdict.SLOWER}
    found = one.verdict(tolerance)
    assert other.verdict(tolerance) is exchanged.get(found, found)


# One pair


def test_a_pairs_ratio():
    """Each block is held against its neighbour of the other side; of all ratios the middle four tenths count."""
    base = [[1.0, 2.0, 4.0, 1.0, 1.0], [1.0, 1.0, 1.0, 3.0, 1.0]]
    head = [[1.1, 2.2, 4.4, 9.0, 0.1], [1.1, 8.0, 0.2, 3.3, 7.0]]
    assert pair_log_ratio(base, head) == pytest.approx(math.log(1.1))
    assert pair_log_ratio(head, base) == pytest.approx(-math.log(1.1))
    assert pair_log_ratio([[2.0]], [[3.0]]) == pytest.approx(math.log(1.5))


@given(
    st.lists(st.lists(st.floats(0.5, 2), min_size=4, max_size=4), min_size=1, max_size=9), st.floats(0.5, 2)
)
def test_what_slows_both_alike_does_not_count(base, factor):
    """However the times go up and down, a head that is slower by a factor beside every block of base's is that."""
    head = [[time * factor for time in setup] for setup in base]
    assert pair_log_ratio(base, head) == pytest.approx(math.log(factor), abs=1e-12)


@pytest.mark.parametrize("stuck", [0.0, -2.0, float("nan")])
def test_a_clock_that_stands_still_or_jumps_back(stuck):
    """A block without a positive time tells nothing, nor does its neighbour; the others are enough."""
    assert pair_log_ratio([[stuck, 2.0], [1.0, 1.0]], [[5.0, 3.0], [1.5, stuck]]) == pytest.approx(
        math.log(1.5)
    )
    assert pair_log_ratio([[stuck, 2.0]], [[5.0, 3.0]]) == pytest.approx(math.log(1.5))


@pytest.mark.parametrize(
    ("base", "head"),
    [([[0.0, -1.0]], [[1.0, 1.0]]), ([[1.0], [0.0]], [[0.0], [1.0]]), ([[]], [[]]), ([], [])],
)
def test_a_clock_that_never_went_forward(base, head):
    """Without any two neighbours that took time there is no ratio."""
    with pytest.raises(ValueError, match="did not go forward"):
        pair_log_ratio(base, head)


@pytest.mark.parametrize(("base", "head"), [([[1.0], [1.0]], [[1.0]]), ([[1.0, 1.0]], [[1.0]])])
def test_both_sides_have_the_same_blocks(base, head):
    """Ratios are of neighbours."""
    with pytest.raises(ValueError, match="shorter"):
        pair_log_ratio(base, head)


# The interval


@pytest.mark.parametrize("pairs", [10, 20, 30, 60, 90])
def test_the_trimmed_interval_is_scipys(pairs):
    """Tukey and McLaughlin's, wherever a fifth of the pairs is a whole number."""
    logs = np.random.default_rng(pairs).standard_t(3, pairs) / 20
    low, high = stats.mstats.trimmed_mean_ci(logs, limits=(0.2, 0.2), alpha=0.03)
    found = estimate(logs, 0.03)
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)), rel=1e-12)
    assert found.ratio == pytest.approx(math.exp(stats.trim_mean(logs, 0.2)), rel=1e-12)
    assert found.pairs == pairs


@pytest.mark.parametrize("pairs", range(2, 5))
def test_few_pairs_have_students_interval(pairs):
    """Below five pairs nothing is trimmed."""
    logs = np.random.default_rng(pairs).normal(0.1, 0.05, pairs)
    low, high = stats.t.interval(0.95, pairs - 1, logs.mean(), stats.sem(logs))
    found = estimate(logs, 0.05)
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)), rel=1e-12)
    assert found.half_width == pytest.approx((high - low) / 2)


def test_by_hand():
    """Ten pairs: the outermost two of either end are cut from the mean, and pulled in for the variance."""
    logs = [0.5, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, -3.0]
    center, standard_error, freedom = trimmed(logs)
    winsorised = [0.02, 0.02, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.07, 0.07]
    assert center == pytest.approx(0.045)
    assert standard_error == pytest.approx(np.std(winsorised, ddof=1) * math.sqrt(10) / 6)
    assert freedom == 5


@given(LOGS)
def test_exchanged_sides_invert(logs):
    """Head over base is one over base over head, interval included."""
    one, other = at_look(logs), at_look([-log for log in logs])
    assert other.ratio == pytest.approx(1 / one.ratio)
    assert (other.low, other.high) == pytest.approx((1 / one.high, 1 / one.low))


@given(LOGS, st.floats(-2, 2))
def test_a_factor_multiplies(logs, shift):
    """A head that is slower by a factor in every pair has its ratio and interval multiplied by it."""
    one, other = at_look(logs), at_look([log + shift for log in logs])
    factor = math.exp(shift)
    assert other.ratio == pytest.approx(one.ratio * factor)
    assert (math.log(other.low), math.log(other.high)) == pytest.approx(
        (math.log(one.low) + shift, math.log(one.high) + shift), rel=1e-6, abs=1e-9
    )


@given(LOGS, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(logs, random):
    """Nothing is assumed of when a pair was measured."""
    shuffled = list(logs)
    random.shuffle(shuffled)
    assert at_look(shuffled) == at_look(logs)


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=100))
def test_every_estimate_is_a_number(logs):
    """However far apart the pairs are, low <= ratio <= high are positive, finite, and can be reckoned with."""
    found = at_look(logs)
    assert 0 < found.low <= found.ratio <= found.high < math.inf
    assert 0 <= found.half_width < math.inf
    assert 0 <= smallest_change(found) < math.inf
    assert 1 <= seconds_needed(found, 0.02, 1.0) < math.inf


@pytest.mark.parametrize("pairs", [12, 19, 28, 60])
def test_an_outlier_neither_decides_nor_widens(pairs):
    """From ten pairs on, one process that was unlucky by a factor of ten changes little; before, it may."""
    logs = np.random.default_rng(pairs).normal(0, 0.01, pairs)
    unlucky = [*logs[1:], math.log(10)]
    clean, found = at_look(logs), at_look(unlucky)
    assert abs(math.log(found.ratio)) < clean.half_width
    assert found.half_width < 2 * clean.half_width
    plain = stats.sem(unlucky)
    assert found.half_width < plain


@pytest.mark.parametrize("log", [0.0, 0.1, -0.3])
@pytest.mark.parametrize("pairs", [2, 6, 13, 90])
def test_pairs_without_spread(log, pairs):
    """They leave an interval of no width at their value, as a counter would that is exact."""
    found = at_look([log] * pairs)
    assert (found.low, found.ratio, found.high) == pytest.approx((math.exp(log),) * 3)
    assert found.half_width == pytest.approx(0, abs=1e-12)
    assert smallest_change(found) == pytest.approx(0, abs=1e-12)
    assert seconds_needed(found, 0.02, 5.0) == 5.0
    expected = {0.0: Verdict.SAME, 0.1: Verdict.SLOWER, -0.3: Verdict.FASTER}[log]
    assert found.verdict(0.02) is expected
    for suspicion in (Verdict.SLOWER, Verdict.FASTER):
        assert convicts([log] * pairs, suspicion, 10) == (suspicion is expected)


@pytest.mark.parametrize("logs", [[], [0.1]])
def test_one_pair_is_too_few(logs):
    """It tells nothing of how much pairs differ."""
    with pytest.raises(ValueError, match="pairs tell nothing"):
        at_look(logs)


def test_two_pairs_have_an_interval():
    """A very wide one."""
    found = at_look([0.01, 0.02])
    assert found.low < 0.6
    assert 1.015 < found.ratio < 1.016
    assert found.high > 1.6
    assert found.verdict(0.02) is Verdict.UNDECIDED


# The looks


def test_the_looks_spend_the_whole_error():
    """Each has its share, and they are in order."""
    assert math.fsum(SPENT) == pytest.approx(1)
    assert min(SPENT) > 0
    assert len(SPENT) == len(LOOKS)
    assert sorted(set(LOOKS)) == list(LOOKS)


@pytest.mark.parametrize(("pairs", "look"), [(2, 0), (6, 0), (7, 1), (9, 1), (10, 2), (90, 7), (200, 7)])
def test_an_early_end_spends_the_next_look(pairs, look):
    """A budget that ends between two looks has the coming one's share."""
    logs = np.random.default_rng(pairs).normal(0, 0.01, pairs)
    found, expected = at_look(logs), estimate(logs, 0.05 * SPENT[look])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


# The suite


@pytest.mark.parametrize("cells", [1, 2, 5, 8, 12, 30, 100, 1000])
def test_both_stages_together_bound_the_suite(cells):
    """The cells times both levels are the suite's, at most; and no fresh pairs convict on a whim."""
    levels = [conviction_level(cells, trial) for trial in range(len(TRIALS))]
    assert cells * 0.05 * sum(levels) <= SUITE_LEVEL * (1 + 1e-12)
    assert 0 < min(levels) <= max(levels) <= 0.25
    assert conviction_level(cells + 1) <= conviction_level(cells) == levels[0]
    assert sum(TRIALS) == pytest.approx(1)


@pytest.mark.parametrize("suspicion", [Verdict.SLOWER, Verdict.FASTER])
def test_fresh_pairs_convict_by_a_one_sided_t_test(suspicion):
    """At the level of the suite: what is enough in a small one may not be in a large one; never on the other side."""
    sign = 1 if suspicion is Verdict.SLOWER else -1
    fresh = sign * np.array([0.01, 0.02, 0.03, 0.01, 0.02, 0.03])
    center, standard_error, freedom = trimmed(sign * fresh)
    p = float(stats.t.sf(center / standard_error, freedom))
    large = math.ceil(0.4 * TRIALS[0] / p)
    assert convicts(fresh, suspicion, large - 1)
    assert not convicts(fresh, suspicion, large + 1)
    assert not convicts(-fresh, suspicion, 1)


def draws(kind, shape, seed):
    """Log ratios around 0: of processes that are like one another, or now and then unlucky."""
    rng = np.random.default_rng(seed)
    return 0.02 * (rng.normal(size=shape) if kind == "normal" else rng.standard_t(4, size=shape))


def intervals(logs):
    """The intervals of all looks, bounds by look and cell: as ``at_look``, but for many cells at once."""
    bounds = []
    for pairs, share in zip(LOOKS, SPENT, strict=True):
        values, cut = np.sort(logs[:, :pairs], axis=1), int(verdict.TRIM * pairs)
        winsorised = np.clip(values, values[:, [cut]], values[:, [pairs - 1 - cut]])
        kept = pairs - 2 * cut
        half = (
            stats.t.ppf(1 - 0.05 * share / 2, kept - 1)
            * winsorised.std(axis=1, ddof=1)
            * math.sqrt(pairs)
            / kept
        )
        center = values[:, cut : pairs - cut].mean(axis=1)
        bounds.append((center - half, center + half))
    return np.array(bounds)


def test_the_simulation_does_as_the_method():
    """Its intervals are those of the functions that it stands in for."""
    logs = draws("t", (3, LOOKS[-1]), seed=1)
    for look, pairs in enumerate(LOOKS):
        for cell in range(3):
            found = at_look(logs[cell, :pairs])
            assert np.log([found.low, found.high]) == pytest.approx(intervals(logs)[look, :, cell], rel=1e-9)


@pytest.mark.parametrize(("kind", "least"), [("normal", 0.95), ("t", 0.93)])
def test_the_intervals_of_all_looks_cover(kind, least):
    """In 20,000 cells, whatever a reader looks at: all eight intervals hold the true ratio in 95 % of cells, of processes with heavy tails 93 %."""
    low, high = intervals(draws(kind, (20_000, LOOKS[-1]), seed=2)).transpose(1, 0, 2)
    assert np.mean(((low < 0) & (high > 0)).all(axis=0)) >= least


@pytest.mark.parametrize("kind", ["normal", "t"])
@pytest.mark.parametrize(("cells", "suites"), [(12, 2500), (100, 300)])
def test_suites_without_a_change_are_seldom_accused(kind, cells, suites):
    """In thousands of suites in which nothing has changed, fewer than one in twenty calls any cell slower or faster."""
    accused = np.zeros(suites, dtype=bool)
    low, high = intervals(draws(kind, (cells * suites, LOOKS[-1]), seed=cells)).transpose(1, 0, 2)
    within = (low >= -math.log(1.02)) & (high <= math.log(1.02))
    ended = (np.cumsum(within, axis=0) - within) > 0  # the same at an earlier look
    suspect = ((low > 0) | (high < 0)) & ~within & ~ended
    fresh = draws(kind, (cells * suites, len(TRIALS), verdict.FRESH), seed=cells + 1)
    for cell in np.flatnonzero(suspect.any(axis=0)):
        look = int(suspect[:, cell].argmax())
        suspicion = Verdict.SLOWER if low[look, cell] > 0 else Verdict.FASTER
        trials = [convicts(pairs, suspicion, cells, trial) for trial, pairs in enumerate(fresh[cell])]
        accused[cell // cells] |= any(trials)
    assert suspect.any(axis=0).sum() > 100, "nobody was suspected: this shows nothing"
    assert accused.mean() <= 0.05


@pytest.mark.parametrize("cells", [12, 100])
@pytest.mark.parametrize("pairs", [6, 7, 10, 13, 19, 28])
def test_the_margin_of_the_suite_level(pairs, cells):
    """By fresh pairs alone a suspect without a change is convicted at most as often as the margin to one in twenty allows."""
    level = conviction_level(cells)
    found = sum(
        convicts(fresh, Verdict.SLOWER, cells) for fresh in draws("normal", (20_000, pairs), seed=pairs)
    )
    assert found / 20_000 <= level * 0.05 / SUITE_LEVEL


# What is told of noise


@given(st.floats(1e-4, 0.5), st.floats(1.01, 5), st.sampled_from([2, 6, 9, 13, 40, 90]))
def test_a_noisier_cell_shows_less_and_needs_longer(half, factor, pairs):
    """Both grow with the interval; the time with its square."""
    calm = Estimate(1, math.exp(-half), math.exp(half), pairs, 3.0)
    noisy = Estimate(1, math.exp(-half * factor), math.exp(half * factor), pairs, 3.0)
    assert math.expm1(half) < smallest_change(calm) < smallest_change(noisy)
    assert smallest_change(calm) < math.expm1(1.5 * half)
    tolerance = math.expm1(half / 3)
    assert seconds_needed(calm, tolerance, 2.0) == pytest.approx(18)
    assert seconds_needed(noisy, tolerance, 2.0) == pytest.approx(18 * factor**2)
    assert seconds_needed(calm, 2 * tolerance, 2.0) < 18


@given(st.floats(-0.1, 0.1), st.floats(1e-4, 0.5), st.floats(0.001, 0.1))
def test_an_undecided_cell_needs_longer_than_it_took(log, half, tolerance):
    """And with an interval as narrow as is needed, at the same place, it is undecided no more."""
    found = Estimate(math.exp(log), math.exp(log - half), math.exp(log + half), 9, 3.0)
    needed = 0.999 * width_needed(found, tolerance)
    narrow = Estimate(math.exp(log), math.exp(log - needed), math.exp(log + needed), 9, 3.0)
    assert narrow.verdict(tolerance) is not Verdict.UNDECIDED
    if found.verdict(tolerance) is Verdict.UNDECIDED:
        assert seconds_needed(found, tolerance, 10.0) > 9.99


def test_a_cell_that_is_narrow_enough_needs_no_more():
    """What it took is what it takes."""
    assert seconds_needed(Estimate(1.3, 1.299, 1.301, 6, 3.0), 0.02, 7.0) == 7.0


def test_the_smallest_change_is_found_in_four_of_five_cases():
    """A slowdown of that size, and a noise like this one's: suspected, and then convicted in one of two trials."""
    found = at_look(draws("normal", 19, seed=5))
    _, standard_error, _ = trimmed(draws("normal", 19, seed=5))
    noise = standard_error * math.sqrt(19)
    rng = np.random.default_rng(6)
    change = math.log1p(smallest_change(found))
    suspected = intervals(rng.normal(change, noise, (2_000, LOOKS[-1])))[LOOKS.index(19), 0] > 0
    fresh = rng.normal(change, noise, (2_000, 2, fresh_pairs(19)))
    convicted = [
        any(convicts(pairs, Verdict.SLOWER, 12, trial) for trial, pairs in enumerate(trials))
        for trials in fresh
    ]
    assert np.mean(suspected & convicted) == pytest.approx(0.8, abs=0.06)
