"""From cells to groups: what they reached and cost, and whether their mechanisms acted."""

from dataclasses import replace

import pytest
from results import result

from metaloop.study.groups import grouped, liveness, summary
from metaloop.study.result import Mechanism
from metaloop.study.statistics import interval

A, B = "local:strong-9b", "local:weak-1b"


def summaries(results):
    return [summary(group) for group in grouped(results)]


def mechanism(**fields):
    return replace(Mechanism("m", "M", "generated", "installed", True, 5, 2, 0.0), **fields)


def test_summaries():
    rows = [result(A, B, seed, g, usd=0.5) for seed, g in enumerate([1.0, 2.0, 6.0])]
    rows[0] = replace(rows[0], sealed=0.5)
    (row,) = summaries([rows[2], rows[0], rows[1], rows[1]])
    group = row.group
    assert (group.task, group.arm, group.outer, group.inner, group.n) == ("toy", "C", A, B, 3)
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
    assert (row.group.n, row.invented, row.proven, row.installed, row.live) == (2, 5, 4, 3, 1)
    assert (row.trials, row.share) == (2, 0.25)
    assert told.violations == []


def test_a_gain_of_a_mechanism_that_never_acted_is_a_violation_and_no_share():
    bad = mechanism(live=0, gain=0.5)
    told = liveness([result(A, B, 3, 1.0, mechanisms=[bad]), result(A, A, 3, 0.0)])
    assert [(v.cell.seed, v.mechanism) for v in told.violations] == [(3, bad)]
    assert [row.share for row in told.rows] == [0, None]


def test_without_results_there_are_no_groups():
    assert summaries([]) == liveness([]).rows == []
