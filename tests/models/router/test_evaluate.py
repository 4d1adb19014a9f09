"""The evaluation: a split without duplicates, the controls in their order, the real data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metaloop.models.router import evaluate as module
from metaloop.models.router.evaluate import (
    NO_CLUSTER,
    ORACLE,
    RANDOM,
    ROUTER,
    SHUFFLED,
    SINGLE,
    evaluate,
)
from metaloop.models.router.plot import draw_curve
from metaloop.models.router.table import Row, Table, load_table

from .tables import rows

DATA = Path(__file__).parents[4] / "shared/data/routing/dcrouter-train.jsonl.gz"


def test_router_and_controls_come_out_in_their_order() -> None:
    found = evaluate(Table(rows(300)), seeds=1)
    score = {arm: found.of(arm).score for arm in (SINGLE, RANDOM, ORACLE)}
    router = found.of(ROUTER, 1.0)
    assert score[RANDOM] < score[SINGLE] < router.score <= score[ORACLE]
    assert router.gain_interval[0] > 0
    assert router.score_interval[0] < router.score < router.score_interval[1]
    assert found.of(NO_CLUSTER, 1.0).score == score[SINGLE]
    assert found.of(SHUFFLED, 1.0).score < router.score - 0.1
    assert found.of(SINGLE).share == 1.0
    assert "<svg" in draw_curve(found)


def test_no_duplicate_is_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = []
    measure = module._measure

    def spy(train: Table, test: Table, *rest: object) -> object:
        sides.append((train, test))
        return measure(train, test, *rest)

    monkeypatch.setattr(module, "_measure", spy)
    made = rows(40)
    evaluate(Table([*made, *(Row(f" {r.query.upper()} ", r.scores) for r in made)]), seeds=2)
    for train, test in sides:
        known = {" ".join(q.lower().split()) for q in train.queries}
        assert not known & {" ".join(q.lower().split()) for q in test.queries}
        assert len(test) == pytest.approx(0.3 * 80, abs=4)


def test_unknown_costs_have_no_share() -> None:
    found = evaluate(Table([Row(r.query, r.scores) for r in rows(30)]), seeds=1)
    assert all(point.cost is None and point.share is None for point in found.points)
    with pytest.raises(ValueError, match="no cost is known"):
        draw_curve(found)


def test_where_no_held_out_row_knows_the_choice_nothing_is_said() -> None:
    """Logs of one model per row. Of the best model's rows one is held out, by the second split."""
    logged = [Row(r.query, {"bob": 0.2}, {"bob": 0.1}) for r in rows(40)]
    for i in (0, 14, 25):
        logged[i] = Row(logged[i].query, {"ada": 1.0}, {"ada": 0.2})
    nothing, found = (evaluate(Table(logged), seeds) for seeds in (1, 2))
    single = nothing.of(SINGLE)
    assert (single.score, single.score_interval, single.error) == (None, None, None)
    assert (single.gain_interval, single.cost) == (None, None)
    assert found.of(SINGLE).score == 1.0
    assert found.of(SINGLE).score_interval == (1.0, 1.0)  # of the resamples that hold the row
    for one in (nothing, found):
        json.dumps(one.to_dict(), allow_nan=False)
    assert "<svg" in draw_curve(found)


def test_too_few_queries_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="fewer than 10"):
        evaluate(Table(rows(5)))


@pytest.mark.skipif(not DATA.exists(), reason="the routing data is not here")
def test_on_real_queries_a_router_beats_the_best_single_model() -> None:
    found = evaluate(load_table(DATA), seeds=1)
    single, router = found.of(SINGLE), found.of(ROUTER, 1.0)
    assert router.gain_interval[0] > 0
    assert router.score >= single.score + 0.015
    cheap = found.cheapest(single.score)
    assert cheap is not None and cheap.share is not None
    assert cheap.share <= 0.35
    assert found.of(SHUFFLED, 1.0).score <= single.score + single.error
