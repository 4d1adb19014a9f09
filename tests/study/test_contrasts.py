"""From cells to comparisons: who is paired with whom, and what is said when cells are missing."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.study.contrasts import against, asymmetry, grouped, liveness, role, summary
from metaloop.study.result import Cell, Mechanism, Result
from metaloop.study.statistics import interval

A, B, C = "local:strong-9b", "local:middle-3b", "local:weak-1b"


def result(outer, inner, seed, gain, arm="C", task="toy", **fields):
    """A run of three trials whose last gains `gain`."""
    base = Result(
        cell=Cell(task, arm, outer, inner, seed),
        baseline=2.0,
        direction="minimize",
        curve=[0.0, 0.0, gain / 2, gain],
        sealed=None,
        calls=3,
        input_tokens=900,
        output_tokens=100,
        model_seconds=6.0,
        trial_seconds=4.0,
        usd=None,
        mechanisms=[],
    )
    return replace(base, **fields)


def summaries(results):
    return [summary(group) for group in grouped(results)]


def mechanism(**fields):
    return replace(Mechanism("m", "M", "generated", "installed", True, 5, 2, 0.0), **fields)


def square(gain, models=(A, B), seeds=range(6)):
    """All pairs of models, all seeds."""
    return [
        result(outer, inner, seed, gain(outer, inner, seed))
        for outer, inner in product(models, repeat=2)
        for seed in seeds
    ]


def test_the_asymmetry_is_mixed_less_pure():
    gains = {(A, A): 4.0, (A, B): 3.0, (B, A): 2.0, (B, B): 0.0}
    (told,) = asymmetry(square(lambda o, i, s: gains[o, i] + 10 * s), "toy", "C", 0.1)
    assert told.n == 6
    assert told.mean == pytest.approx((3 + 2) / 2 - (4 + 0) / 2)
    assert told.spread == 0


@given(st.dictionaries(st.integers(0, 9), st.lists(st.floats(-9, 9), min_size=4, max_size=4)))
def test_what_two_models_add_to_each_other_cancels(effects):
    """Main effects of either role and of the seed leave no asymmetry."""
    rows = square(
        lambda o, i, s: effects[s][o == A] + effects[s][2 + (i == A)], seeds=sorted(effects)
    )
    told = asymmetry(rows, "toy", "C", 0.1)
    assert len(told) == bool(effects)
    assert all(abs(c.mean) < 1e-12 and c.n == len(effects) for c in told)


def test_the_role_contrast_follows_the_roster():
    rows = square(lambda o, i, s: 1.0 if (o, i) == (A, B) else 0.25)
    (told,) = role(rows, "toy", "C", [A, B], 0.1)
    assert told.mean == pytest.approx(0.75)
    (turned,) = role(rows, "toy", "C", [B, A], 0.1)
    assert turned.mean == pytest.approx(-0.75)


def test_three_models_make_three_comparisons_of_each_kind():
    rows = square(lambda o, i, s: 1.0 if {o, i} == {A, B} else 0.0, models=(A, B, C))
    assert [c.mean for c in asymmetry(rows, "toy", "C", 0.1)] == [1.0, 0.0, 0.0]
    assert len(role(rows, "toy", "C", [A, B, C], 0.1)) == 3


def test_only_seeds_that_all_parts_have_are_paired():
    rows = square(lambda o, i, s: 100.0 * s + (5 * s if o != i else 0))
    gone = {(A, A, 0), (B, A, 1), (B, B, 5)}
    rows = [r for r in rows if (r.cell.outer, r.cell.inner, r.cell.seed) not in gone]
    rows += [result(A, B, 1, 1e6, arm="B"), result(A, B, 2, 1e6, task="other")]
    (told,) = asymmetry(list(reversed(rows)), "toy", "C", 0.1)
    assert (told.n, told.mean) == (3, pytest.approx(5 * (2 + 3 + 4) / 3))


def test_what_is_missing_is_absent():
    rows = [r for r in square(lambda o, i, s: 0.0) if r.cell.inner == A]
    assert asymmetry(rows, "toy", "C", 0.1) == []
    assert role(rows, "toy", "C", [A, B, C], 0.1) == []
    assert against(rows, "toy", "C", "restart", 0.1) == []
    assert asymmetry([], "toy", "C", 0.1) == summaries([]) == liveness([]).rows == []


def test_controls_are_those_of_the_same_inner_model_or_of_none():
    rows = square(lambda o, i, s: 5.0)
    rows += [result(None, A, s, 1.0, arm="restart") for s in range(6)]
    rows += [result(None, B, s, 2.0, arm="restart") for s in range(4)]
    rows += [result(None, None, s, 4.5, arm="tpe") for s in range(6)]
    told = against(rows, "toy", "C", "restart", 0.1)
    assert [(c.mean, c.n) for c in told] == [(4, 6), (3, 4), (4, 6), (3, 4)]
    assert [c.mean for c in against(rows, "toy", "C", "tpe", 0.1)] == [0.5] * 4
    alone = against(rows, "toy", "restart", "tpe", 0.1)
    assert [c.mean for c in alone] == [-3.5, -2.5]
    assert against(rows, "toy", "tpe", "restart", 0.1) == []


def test_an_arm_with_both_models_is_compared_pair_by_pair():
    rows = square(lambda o, i, s: 5.0)
    rows += [replace(r, cell=replace(r.cell, arm="B"), curve=[0, 3.0]) for r in rows[:6]]
    (told,) = against(rows, "toy", "C", "B", 0.1)
    assert (told.n, told.mean) == (6, 2.0)


def test_other_measures_than_the_gain():
    rows = [
        replace(r, sealed=None if r.cell.seed == 0 else 7.0 * (r.cell.outer == r.cell.inner))
        for r in square(lambda o, i, s: 1.0 if o != i else 0.0)
    ]
    (told,) = asymmetry(rows, "toy", "C", 0.1, measure="area")
    assert told.mean == pytest.approx(0.5)
    (told,) = asymmetry(rows, "toy", "C", 0.1, measure="sealed")
    assert (told.n, told.mean) == (5, -7)


def test_summaries():
    rows = [result(A, B, seed, g, usd=0.5) for seed, g in enumerate([1.0, 2.0, 6.0])]
    rows[0] = replace(rows[0], sealed=0.5)
    (row,) = summaries([rows[2], rows[0], rows[1], rows[1]])
    assert (row.task, row.arm, row.outer, row.inner, row.n) == ("toy", "C", A, B, 3)
    assert (row.gain.n, row.gain.mean, row.gain.median) == (3, 3.0, 2.0)
    assert row.gain.interval == interval([1.0, 2.0, 6.0])
    assert row.area.mean == pytest.approx(1.5)
    assert row.sealed is not None and (row.sealed.n, row.sealed.mean) == (1, 0.5)
    assert (row.tokens, row.seconds, row.usd) == (1000, 10, 0.5)
    assert (row.per_1000_tokens, row.per_second, row.per_usd) == (3.0, 0.3, 6.0)


def test_a_cost_that_is_missing_is_not_zero():
    rows = [result(A, B, 0, 1.0, usd=0.5), result(A, B, 1, 1.0)]
    assert (summaries(rows)[0].usd, summaries(rows)[0].per_usd) == (None, None)
    free = [result(None, None, 0, 1.0, arm="tpe", input_tokens=0, output_tokens=0, usd=0.0)]
    row = summaries(free)[0]
    assert (row.usd, row.per_usd, row.per_1000_tokens, row.sealed) == (0.0, None, None, None)


def test_liveness_counts_mechanisms_that_a_model_wrote():
    made = [
        mechanism(live=2, gain=1.0),
        mechanism(state="retired", live=0),
        mechanism(state="rejected", live=0),
        mechanism(state="rejected", proven=False, live=0),
        mechanism(origin="builtin", live=9, gain=1.0),
        mechanism(origin="placebo", live=0),  # an inert one acted in its place
    ]
    told = liveness([result(A, B, 0, 3.0, mechanisms=made), result(A, B, 1, 1.0)])
    (row,) = told.rows
    assert (row.n, row.invented, row.proven, row.installed, row.live) == (2, 5, 4, 3, 1)
    assert (row.trials, row.share) == (2, 0.25)
    assert told.violations == []


def test_a_gain_of_a_mechanism_that_never_acted_is_a_violation_and_no_share():
    bad = mechanism(live=0, gain=0.5)
    told = liveness([result(A, B, 3, 1.0, mechanisms=[bad]), result(A, A, 3, 0.0)])
    assert [(v.cell.seed, v.mechanism) for v in told.violations] == [(3, bad)]
    assert [row.share for row in told.rows] == [0, None]
