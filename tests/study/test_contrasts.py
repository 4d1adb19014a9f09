"""From cells to differences: who is paired with whom, and what is said when cells are missing."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from results import result

from metaloop.study.contrasts import asymmetry, difference, matched, measured, pooled, role

A, B, C = "local:strong-9b", "local:middle-3b", "local:weak-1b"


def square(gain, models=(A, B), seeds=range(6)):
    """All pairs of models, all seeds."""
    return [
        result(outer, inner, seed, gain(outer, inner, seed))
        for outer, inner in product(models, repeat=2)
        for seed in seeds
    ]


def arm(results, name="C"):
    return measured(results, "toy", name)


def differences(a, control):
    """Of each pair of models, by seed."""
    return [difference(values, others) for _, values, others in matched(a, control)]


def test_the_asymmetry_is_mixed_less_pure():
    gains = {(A, A): 4.0, (A, B): 3.0, (B, A): 2.0, (B, B): 0.0}
    rows = square(lambda o, i, s: gains[o, i] + 10 * s)
    assert asymmetry(arm(rows), A, B) == [pytest.approx((3 + 2) / 2 - (4 + 0) / 2)] * 6


@given(st.dictionaries(st.integers(0, 9), st.lists(st.floats(-9, 9), min_size=4, max_size=4)))
def test_what_two_models_add_to_each_other_cancels(effects):
    """Main effects of either role and of the seed leave no asymmetry."""
    rows = square(
        lambda o, i, s: effects[s][o == A] + effects[s][2 + (i == A)], seeds=sorted(effects)
    )
    told = asymmetry(arm(rows), A, B)
    assert len(told) == len(effects)
    assert all(abs(difference) < 1e-12 for difference in told)


def test_the_role_contrast_is_the_first_outside_less_the_reverse():
    cells = arm(square(lambda o, i, s: 1.0 if (o, i) == (A, B) else 0.25))
    assert role(cells, A, B) == [0.75] * 6
    assert role(cells, B, A) == [-0.75] * 6


def test_two_models_are_compared_whatever_others_did():
    cells = arm(square(lambda o, i, s: 1.0 if {o, i} == {A, B} else 0.0, models=(A, B, C)))
    assert [asymmetry(cells, *two) for two in ((A, B), (A, C), (B, C))] == [
        [1] * 6,
        [0] * 6,
        [0] * 6,
    ]


def test_only_seeds_that_all_parts_have_are_paired():
    rows = square(lambda o, i, s: 100.0 * s + (5 * s if o != i else 0))
    gone = {(A, A, 0), (B, A, 1), (B, B, 5)}
    rows = [r for r in rows if (r.cell.outer, r.cell.inner, r.cell.seed) not in gone]
    rows += [result(A, B, 1, 1e6, arm="B"), result(A, B, 2, 1e6, task="other")]
    assert asymmetry(arm(list(reversed(rows))), A, B) == [5 * s for s in (2, 3, 4)]


def test_what_is_missing_is_absent():
    cells = arm([r for r in square(lambda o, i, s: 0.0) if r.cell.inner == A])
    assert asymmetry(cells, A, B) == role(cells, A, B) == []
    assert matched(cells, {}) == pooled(cells, {}) == []
    assert asymmetry({}, A, B) == []


def test_controls_are_those_of_the_same_inner_model_or_of_none():
    rows = square(lambda o, i, s: 5.0)
    rows += [result(None, A, s, 1.0, arm="restart") for s in range(6)]
    rows += [result(None, B, s, 2.0, arm="restart") for s in range(4)]
    rows += [result(None, None, s, 4.5, arm="tpe") for s in range(6)]
    c, restart, tpe = arm(rows), arm(rows, "restart"), arm(rows, "tpe")
    assert differences(c, restart) == [[4] * 6, [3] * 4, [4] * 6, [3] * 4]
    assert differences(c, tpe) == [[0.5] * 6] * 4
    assert differences(restart, tpe) == [[-3.5] * 6, [-2.5] * 4]
    assert differences(tpe, restart) == []


def test_an_arm_with_both_models_is_compared_pair_by_pair():
    rows = square(lambda o, i, s: 5.0)
    rows += [replace(r, cell=replace(r.cell, arm="B"), curve=[0, 3.0]) for r in rows[:6]]
    assert differences(arm(rows), arm(rows, "B")) == [[2.0] * 6]


def test_other_measures_than_the_gain():
    rows = [
        replace(r, sealed=None if r.cell.seed == 0 else 7.0 * (r.cell.outer == r.cell.inner))
        for r in square(lambda o, i, s: 1.0 if o != i else 0.0)
    ]
    assert asymmetry(measured(rows, "toy", "C", "area"), A, B) == [pytest.approx(0.5)] * 6
    assert asymmetry(measured(rows, "toy", "C", "sealed"), A, B) == [-7] * 5


def test_pooled_pairs_each_cell_with_its_own_control():
    rows = [
        result(A, A, 1, 5.0), result(B, A, 1, 6.0), result(A, B, 1, 7.0), result(A, A, 2, 9.0),
        result(None, A, 1, 1.0, arm="A"), result(None, B, 1, 3.0, arm="A"),
        result(None, None, 1, 2.0, arm="tpe"),
    ]  # fmt: skip
    assert pooled(arm(rows), arm(rows, "A")) == [pytest.approx((4 + 5 + 4) / 3)]
    assert pooled(arm(rows), arm(rows, "tpe")) == [pytest.approx(4)]
    assert pooled(arm(rows), arm(rows, "gp")) == []
