"""Decisions: the best by score and cost, nobody who cannot answer, no price taken for nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaloop.models.router.policy import Evidence, Policy

MODELS = ("a", "b", "c", "d")
unit = st.floats(0, 1)
dollars = st.floats(1e-6, 10) | st.just(0.0)


def policy(
    scores: object, costs: object, *, earned: bool = True, centroids: object = None
) -> Policy:
    """A policy of one cluster per row of `scores`, at the axes unless told otherwise."""
    s, c = np.atleast_2d(np.array(scores, float)), np.atleast_2d(np.array(costs, float))
    at = np.eye(len(s), 4) if centroids is None else np.array(centroids, float)
    c = np.broadcast_to(c, s.shape)
    evidence = Evidence(len(s), 0.1, 0.01, 100, earned)
    names = MODELS[: s.shape[1]]
    return Policy(names, at, s, c, np.ones_like(s), s.mean(axis=0), c.mean(axis=0), evidence)


def test_each_cluster_has_its_expert() -> None:
    made = policy([[0.9, 0.1], [0.1, 0.9]], [1, 1], centroids=[[1, 0, 0, 0], [0, 1, 0, 0]])
    assert made.decide(np.array([1.0, 0, 0, 0]), 1.0).model == "a"
    decision = made.decide(np.array([0, 1.0, 0, 0]), 1.0)
    assert (decision.model, decision.runner_up, decision.clusters) == ("b", "a", (1, 0))
    assert decision.expected_score == pytest.approx(0.9, abs=0.01)


def test_alpha_trades_score_for_cost() -> None:
    made = policy([0.8, 0.6], [1.0, 0.1])
    vector = np.array([1.0, 0, 0, 0])
    assert made.decide(vector, 1.0).model == "a"
    assert made.decide(vector, 0.5).model == "b"
    assert made.decide(vector, 0.0).model == "b"


def test_a_cost_that_nobody_knows_is_not_zero() -> None:
    made = policy([0.9, 0.5, 0.6], [np.nan, 1.0, 0.5])
    vector = np.array([1.0, 0, 0, 0])
    cheap = made.decide(vector, 0.5)
    assert cheap.model == "c"
    assert "a" not in cheap.fallbacks
    assert "cost unknown, so left out: a" in cheap.reason
    best = made.decide(vector, 1.0)
    assert (best.model, best.expected_cost) == ("a", None)


def test_where_no_cost_is_known_the_score_decides() -> None:
    decision = policy([0.2, 0.7], [np.nan, np.nan]).decide(np.array([1.0, 0, 0, 0]), 0.3)
    assert decision.model == "b"
    assert "no cost is known" in decision.reason


def test_a_query_of_unknown_words_gets_the_best_of_all_queries() -> None:
    made = policy([[0.9, 0.0, 0.5], [0.0, 0.9, 0.6]], [1, 1, 1])
    decision = made.decide(np.zeros(4), 1.0)
    assert (decision.model, decision.clusters) == ("c", ())
    assert "nothing in the query is known" in decision.reason


def test_nobody_left_is_an_error() -> None:
    with pytest.raises(ValueError, match="no model is left"):
        policy([0.5, 0.5], [1, 1]).decide(np.ones(4), 1.0, unavailable={"a", "b"})


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alpha_out_of_range_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha is"):
        policy([0.5, 0.5], [1, 1]).decide(np.ones(4), alpha)


tables = st.tuples(
    st.lists(st.tuples(unit, unit, unit, unit), min_size=3, max_size=3),
    st.tuples(dollars, dollars, dollars, dollars),
)


@settings(deadline=None)
@given(tables, unit, st.sets(st.sampled_from(MODELS), max_size=3), st.booleans())
def test_the_choice_is_best_and_available_and_the_rest_follow(
    table: tuple[list[tuple[float, ...]], tuple[float, ...]],
    alpha: float,
    away: set[str],
    earned: bool,
) -> None:
    made = policy(*table, earned=earned)
    vector = np.array([0.6, 0.8, 0.0, 0.0])
    decision = made.decide(vector, alpha, unavailable=away)
    assert {decision.model, *decision.fallbacks} == set(MODELS) - away
    assert decision.model not in decision.fallbacks
    utility = made.rank(*made.expect(vector)[1:], alpha)[1]
    order = [utility[MODELS.index(m)] for m in (decision.model, *decision.fallbacks)]
    assert order == sorted(order, reverse=True)
    assert decision.score == order[0]


@settings(deadline=None)
@given(tables, unit)
def test_without_clusters_it_never_costs_more_than_the_best_single_model(
    table: tuple[list[tuple[float, ...]], tuple[float, ...]], alpha: float
) -> None:
    made = policy(*table, earned=False)
    top = made.mean_scores.max()
    single = min(c for s, c in zip(made.mean_scores, made.mean_costs, strict=True) if s == top)
    decision = made.decide(np.array([1.0, 0, 0, 0]), alpha)
    assert decision.expected_cost is not None
    if alpha == 1:
        assert decision.expected_score == top
    assert decision.expected_cost <= single + 1e-9 or decision.expected_score == top
