"""The statistics against cases with known answers, brute force, and what must always hold."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metaloop.study.statistics import (
    EXACT,
    FLIPS,
    MOST,
    POWER,
    compare,
    detectable,
    effect_size,
    family,
    fewest,
    holm,
    interval,
    needed,
    power,
    sign_flip_test,
)

DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Crossed less self-fertilised maize, in eighths of an inch: Fisher's own example of the test."""

number = st.integers(-1000, 1000).map(lambda i: i / 10)
some = st.lists(number, min_size=1, max_size=12)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_fishers_own_example():
    assert sign_flip_test(DARWIN) == 2 * 863 / 2**15


@pytest.mark.parametrize(
    "differences, p",
    [([3.0], 1.0), ([1, 2, 3], 2 / 8), ([1, 2, -3], 1.0), ([1] * 10, 2 / 1024), ([0, 0, 0], 1.0)],
)
def test_small_sign_flip_tests_by_hand(differences, p):
    assert sign_flip_test(differences) == p


def test_the_sign_flip_test_is_scipys():
    rng = np.random.default_rng(1)
    for n in (2, 5, 9):
        differences = rng.normal(0.5, 1, n)
        theirs = stats.permutation_test(
            (differences, np.zeros(n)),
            lambda a, b: abs(np.mean(a - b)),
            permutation_type="samples",
            n_resamples=np.inf,
            alternative="greater",
        )
        assert sign_flip_test(differences) == pytest.approx(theirs.pvalue)


@given(some.filter(lambda values: len(values) <= 8))
def test_the_sign_flip_test_is_its_definition(values):
    whole = [round(10 * v) for v in values]  # exact, so ties are ties
    flipped = [
        abs(sum(s * v for s, v in zip(signs, whole, strict=True)))
        for signs in product((1, -1), repeat=len(whole))
    ]
    assert sign_flip_test(values) == sum(v >= abs(sum(whole)) for v in flipped) / len(flipped)


def test_numerical_ties_count():
    # 0.1 + 0.2 + (-0.3) is not quite 0, nor is its mirror image: all ties with the observed 0
    assert sign_flip_test([0.1, 0.2, -0.3]) == 1.0
    assert sign_flip_test([0.1, 0.7, -0.8, 0.1, 0.7, -0.8]) == 1.0


@given(some, st.sampled_from([-1e-6, -1.0, 3.0, 1e6]))
def test_p_does_not_depend_on_unit_sign_or_order(values, unit):
    p = sign_flip_test(values)
    assert p == sign_flip_test([unit * v for v in values])
    assert p == sign_flip_test(sorted(values))
    assert 2.0 ** (1 - len(values)) <= p <= 1


def test_beyond_the_exact_test_random_flips_come_close_and_repeat():
    rng = np.random.default_rng(4)
    differences = list(rng.normal(0.4, 1, EXACT + 4))
    p = sign_flip_test(differences)
    assert p == sign_flip_test(differences)
    assert p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.01)
    assert sign_flip_test([1.0] * 40) == 1 / (FLIPS + 1)
    assert sign_flip_test([0.0] * 40) == 1.0


def test_holms_known_answer():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(p_values)
def test_holm_lies_between_no_correction_and_bonferronis(ps):
    adjusted = holm(ps)
    for p, q in zip(ps, adjusted, strict=True):
        assert p <= q <= min(1.0, len(ps) * p)
    assert [q for _, q in sorted(zip(ps, adjusted, strict=True))] == sorted(adjusted)


@given(p_values, st.floats(0.001, 0.5))
def test_holm_rejects_what_stepping_down_rejects(ps, level):
    rejected = 0
    for k, p in enumerate(sorted(ps)):
        if (len(ps) - k) * p > level:
            break
        rejected += 1
    assert sum(q <= level for q in holm(ps)) == rejected


def test_the_interval_is_the_t_interval_of_many_normal_values():
    values = np.random.default_rng(2).normal(3, 2, 400)
    low, high = interval(values)
    known = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert (low, high) == pytest.approx(known, abs=0.02)


def test_the_interval_at_ten_is_as_wide_as_the_t_interval_and_not_the_plain_percentile_one():
    values = stats.norm.ppf((np.arange(10) + 0.5) / 10)
    low, high = interval(values)
    reach = stats.t.ppf(0.975, 9) * stats.sem(values)
    assert (high - low) / 2 == pytest.approx(reach, rel=0.04)
    plain = stats.bootstrap((values,), np.mean, method="percentile", rng=0).confidence_interval
    assert high - low > 1.15 * (plain.high - plain.low)


def test_an_interval_without_spread_has_no_width():
    assert interval([2.5]) == (2.5, 2.5)
    assert interval([2.5] * 10) == (2.5, 2.5)
    with pytest.raises(ValueError, match="no values"):
        interval([])


@settings(max_examples=40, deadline=None)
@given(some, st.sampled_from([0.01, 7.0]), number)
def test_an_interval_moves_with_its_values(values, unit, shift):
    low, high = interval(values)
    assert low - 1e-9 <= np.mean(values) <= high + 1e-9
    moved = interval([unit * v + shift for v in values])
    assert moved == pytest.approx((unit * low + shift, unit * high + shift), abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_of_few_values_the_interval_is_the_t_interval(n):
    """The means of their resamples end at the least and the greatest, too near by far."""
    samples = np.random.default_rng(n).normal(1, 2, (2000, n))
    bounds = np.array([interval(row) for row in samples])
    assert ((bounds[:, 0] <= 1) & (bounds[:, 1] >= 1)).mean() == pytest.approx(0.95, abs=0.015)


@settings(max_examples=20, deadline=None)
@given(some)
def test_an_interval_repeats(values):
    assert interval(values) == interval(values)


def test_effect_sizes():
    assert effect_size([1, 2, 3, 4, 5]) == pytest.approx(3 / math.sqrt(2.5) * 0.8)
    assert effect_size([-2.0, -2.0, -2.0]) == -math.inf
    assert effect_size([0.3, 0.1 + 0.2, 0.3]) == math.inf  # equal but for rounding
    assert effect_size([0.0, 0.0]) == 0
    assert math.isnan(effect_size([1.0]))


def test_the_correction_makes_effect_sizes_right_on_average():
    samples = np.random.default_rng(5).normal(0.8, 1, (20_000, 10))
    assert np.mean([effect_size(row) for row in samples]) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    "n, effect, known",  # R: power.t.test(n, delta, type = "paired", strict = TRUE)
    [(34, 0.5, 0.8077775), (10, 1.0, 0.8030969), (10, 0.0, 0.05)],
)
def test_known_powers(n, effect, known):
    assert power(n, 1.0, effect) == pytest.approx(known, abs=1e-6)
    assert power(n, 3.0, -3 * effect) == pytest.approx(known, abs=1e-6)


def test_known_numbers_of_pairs():
    assert (needed(1, 0.5), needed(1, 1), needed(2, -1)) == (34, 10, 34)
    assert needed(0, 0.1) == needed(0.001, 1) == 6
    assert needed(1, 1e-9) == MOST
    with pytest.raises(ValueError, match="difference of 0"):
        needed(1, 0)


def test_too_few_pairs_show_nothing_whatever_the_difference():
    assert power(5, 1, 100) == 0 == power(1, 0, 100)
    assert power(6, 1, 100) == 1 == power(6, 0, 100)
    assert sign_flip_test([1.0] * 5) > 0.05 >= sign_flip_test([1.0] * 6)
    assert detectable(5, 1) == math.inf
    assert power(10, 1, 100, level=0.05 / 26) == 0 < power(10, 1, 100, level=0.05 / 25)


@settings(deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.sampled_from([0.05, 0.005]))
def test_needed_is_the_smallest(spread, difference, level):
    n = needed(spread, difference, level)
    assert n == MOST or power(n, spread, difference, level) >= POWER
    assert power(n - 1, spread, difference, level) < POWER


@settings(deadline=None)
@given(st.integers(6, 5000), st.just(0.0) | st.floats(1e-3, 1e3))
def test_the_detectable_difference_is_detected(n, spread):
    found = detectable(n, spread)
    assert found == 0 == spread or power(n, spread, found) == pytest.approx(POWER, abs=1e-6)


@given(st.integers(2, 10**9), st.floats(1e-6, 1e3), st.floats(1e-8, 0.5))
def test_power_is_a_probability(n, difference, level):
    assert 0 <= power(n, 1.0, difference, level) <= 1 + 1e-12


@pytest.mark.parametrize("effect", [0.0, 0.5, 0.8, 1.2])
@pytest.mark.parametrize("n", [10, 14])
def test_the_sign_flip_test_has_the_power_of_the_t_test(n, effect):
    samples = np.random.default_rng(n).normal(effect, 1, (1500, n))
    found = np.mean([sign_flip_test(row) <= 0.05 for row in samples])
    assert found == pytest.approx(power(n, 1, effect), abs=0.035)


def test_a_comparison_tells_everything():
    differences = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    told = compare(differences, 2.0)
    assert (told.n, told.mean, told.matters, told.p_holm) == (8, 4.5, 2.0, None)
    assert told.interval == interval(differences)
    assert told.p == 2 / 2**8
    assert told.effect == effect_size(differences)
    assert told.spread == pytest.approx(math.sqrt(6))
    assert told.power == power(8, told.spread, 2.0)
    assert told.needed == needed(told.spread, 2.0)
    assert told.detectable == detectable(8, told.spread)


def test_a_single_pair_tells_that_it_tells_nothing():
    told = compare([2.0], 1.0)
    assert all(map(math.isnan, (told.spread, told.effect, told.power, told.detectable)))
    assert (told.p, told.needed) == (1.0, None)


@pytest.mark.parametrize("same", [0.0, 0.3])
def test_equal_differences_tell_nothing_of_power(same):
    told = compare([same] * 10, 1.0)
    assert told.spread == 0 and told.needed is None
    assert math.isnan(told.power) and math.isnan(told.detectable)


@pytest.mark.parametrize("differences, matters", [([], 1.0), ([1.0], 0.0), ([1.0], math.nan)])
def test_comparisons_that_make_no_sense_are_refused(differences, matters):
    with pytest.raises(ValueError):
        compare(differences, matters)


def test_a_family_is_corrected_together_and_keeps_the_rest():
    told = [compare([1.0] * 9 + [2.0], 0.2), compare([-1.0, 1.0, 0.5], 1.0)]
    corrected = family(told)
    assert [c.p_holm for c in corrected] == [2 * told[0].p, told[1].p]
    assert [c.mean for c in corrected] == [1.1, pytest.approx(1 / 6)]
    assert corrected[0].power == power(10, told[0].spread, 0.2, level=0.025) < told[0].power
    assert corrected[0].needed == needed(told[0].spread, 0.2, level=0.025) > told[0].needed
    assert family(told[:1])[0].power == told[0].power
    assert family([]) == []


@pytest.mark.parametrize("questions", [1, 2, 9, 25])
def test_the_fewest_pairs_that_can_show_anything(questions):
    n = fewest(questions)
    least = [family([compare([1.0] * m, 1.0)] * questions)[0].p_holm for m in (n - 1, n)]
    assert least[1] < 0.05 <= least[0]


def test_ten_pairs_can_answer_at_most_25_questions():
    best = compare([1.0 + i / 10 for i in range(10)], 1.0)
    assert family([best] * 25)[0].p_holm <= 0.05 < family([best] * 26)[0].p_holm
