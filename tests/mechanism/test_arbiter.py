"""Whom the arbiter gives the trials to."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.mechanism.arbiter import MODEL, Arbiter

ARMS = ["a", "b", "c"]
gains = st.floats(-1e3, 1e3) | st.sampled_from([0.0, math.inf, -math.inf, math.nan, 1e308])
records = st.lists(st.tuples(st.sampled_from([*ARMS, "gone"]), gains), max_size=30)


def made(seed=0, recorded=(), owed=0, arms=(MODEL, *ARMS)):
    arbiter = Arbiter(seed)
    for arm in arms:
        arbiter.add(arm, owed)
    for arm, gain in recorded:
        arbiter.record(arm, gain)
    return arbiter


def play(arbiter, trials, gain, workers=1):
    """Let the arbiter choose, and credit what `gain` says of each choice once it is decided."""
    chosen = []
    for number in range(1, trials + 1):
        decided = max(0, number - workers)
        chosen.append(arbiter.choose(number, chosen[decided:]))
        if number >= workers:
            arbiter.record(chosen[decided], gain(chosen[decided], decided + 1))
    return chosen


@given(st.integers(0, 9), records, st.lists(st.integers(1, 40), max_size=10))
def test_a_choice_depends_on_seed_number_and_records_alone(seed, recorded, asked_before):
    """So a resumed run, which asks each number once, goes on like one that never stopped."""
    one, other = made(seed, recorded), made(seed, recorded)
    for number in asked_before:
        one.choose(number)
    assert [one.choose(n) for n in range(40)] == [other.choose(n) for n in range(40)]


@given(records, st.integers(1, 4), st.integers(1, 9))
def test_owed_trials_are_paid_before_credit_decides(recorded, owed, workers):
    arbiter = made(recorded=recorded)
    arbiter.record("a", 1e6)
    for arm in ("new", "newer"):
        arbiter.add(arm, owed)
    chosen = play(arbiter, 2 * owed, lambda arm, number: 0.0, workers)
    assert chosen.count("new") == chosen.count("newer") == owed


@pytest.mark.parametrize("owed", [0, 1])
def test_trials_side_by_side_are_shared_among_arms_that_are_alike(owed):
    chosen = play(made(owed=owed), 16, lambda arm, number: 0.0, workers=8)
    for window in (chosen[:8], chosen[8:]):
        assert sorted(window) == sorted([MODEL, *ARMS] * 2)


@given(records, st.sets(st.sampled_from(ARMS)))
def test_a_retired_arm_is_never_chosen_again(recorded, retired):
    arbiter = made(recorded=recorded, owed=2)
    for arm in retired:
        arbiter.retire(arm)
    assert not retired & set(play(arbiter, 40, lambda arm, number: 1.0))
    arbiter.record("a", 5.0)  # its last trial was in flight
    assert retired.isdisjoint(arbiter.credit())


def test_without_arms_the_model_is_on():
    arbiter = Arbiter(0)
    assert arbiter.choose(1) == MODEL
    arbiter.add("a", 1)
    arbiter.retire("a")
    arbiter.retire("a")
    assert arbiter.choose(2) == MODEL


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_credit_prefers_the_arm_that_earns_whatever_the_metric_measures_in(scale):
    chosen = play(
        made(), 80, lambda arm, number: scale * (arm == "b" and Random(number).random() < 0.5)
    )
    assert chosen.count("b") > 40
    assert set(chosen) == {MODEL, *ARMS}  # the others are tried all the same


def test_who_earned_least_is_told_of_those_that_had_their_trials():
    arbiter = made(recorded=[("a", 3.0), ("a", 0.0), ("b", 1.0), ("c", 0.0)])
    arbiter.add("new", 3)
    assert arbiter.least_first(["a", "b", "c", "new"]) == ["c", "b", "a"]
    assert made(recorded=[("b", 0.0)]).least_first(["b", "a"]) == ["b", "a"]  # the first, of equals


def test_old_gains_count_less():
    """An arm that earned once, long ago, gives way to one that earns now."""
    arbiter = made()
    play(arbiter, 30, lambda arm, number: 1.0 * (arm == "a"))
    late = play(arbiter, 60, lambda arm, number: 1.0 * (arm == "c"))[30:]
    assert late.count("c") > late.count("a")


@given(st.lists(st.tuples(st.sampled_from(ARMS), gains), max_size=40))
def test_what_is_no_gain_never_credits_and_no_value_breaks_the_choice(recorded):
    arbiter = made(recorded=recorded)
    for arm, credit in arbiter.credit().items():
        assert math.isfinite(credit)
        assert credit >= 0
        if not any(name == arm and gain > 0 for name, gain in recorded):
            assert credit == 0
    later = play(arbiter, 80, lambda arm, number: 0.0)
    assert set(later) == {MODEL, *ARMS}
