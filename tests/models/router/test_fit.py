"""What is learned from tables whose truth is known."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from metaloop.models.router import fit as module
from metaloop.models.router.file import load, save
from metaloop.models.router.fit import choose, cross_validate, difference, fit, fit_policy
from metaloop.models.router.table import Row, Table

from .tables import COSTS, EXPERTS, TOPICS, question, rows


def test_queries_go_to_the_expert_of_their_topic() -> None:
    fitted = fit(Table(rows(400)))
    assert fitted.policy.evidence.earned
    rng = Random(99)
    for topic in TOPICS:
        vector = fitted.embedder.embed([question(topic, rng)])[0]
        assert fitted.policy.decide(vector, 1.0).model == EXPERTS[topic]


def test_alpha_zero_is_the_cheapest_everywhere() -> None:
    fitted = fit(Table(rows(400)))
    vectors = fitted.embedder.embed([question(topic, Random(1)) for topic in TOPICS])
    assert {fitted.policy.decide(v, 0.0).model for v in vectors} == {"eve"}


@pytest.mark.parametrize("seed", range(4))
def test_where_clusters_carry_nothing_it_says_so_and_takes_the_best_single(seed: int) -> None:
    fitted = fit(Table(rows(600, gap=0.0, seed=seed)))
    policy = fitted.policy
    single = policy.models[int(policy.mean_scores.argmax())]
    assert "clusters earn nothing" in str(policy.evidence)
    vectors = fitted.embedder.embed([question(topic, Random(1)) for topic in TOPICS])
    for alpha in (1.0, 0.8, 0.5, 0.0):
        for decision in (policy.decide(vector, alpha) for vector in vectors):
            assert decision.expected_cost is not None
            assert decision.expected_cost <= COSTS[single] + 1e-12
            assert "clusters earn nothing" in decision.reason
    assert policy.decide(vectors[0], 1.0).model == single == "ada"


def test_few_rows_are_enough_for_one_choice_and_no_more() -> None:
    fitted = fit(Table(rows(5)))
    assert not fitted.policy.evidence.earned
    assert "too few" in str(fitted.policy.evidence)


def test_queries_of_the_same_words_make_fewer_clusters_than_asked_for() -> None:
    made = [Row(f"{'a b' if i % 2 else 'b a'} {'!' * (i % 3)}", {"m": 1.0}) for i in range(60)]
    table = Table(made)
    policy = fit_policy(table, fit(table).embedder.embed(table.queries), clusters=20)
    assert len(policy.samples) == 20
    assert policy.samples.count("") > 0


def test_one_row_of_one_sign() -> None:
    fitted = fit(Table([Row("?", {"m": 1.0})]))
    assert fitted.policy.decide(fitted.embedder.embed(["words"])[0], 0.5).model == "m"


def test_one_lucky_answer_does_not_beat_many_good_ones() -> None:
    many = [Row(f"query {i}", {"good": 0.9, "poor": 0.3}) for i in range(50)]
    policy = fit(Table([*many, Row("query", {"new": 1.0})])).policy
    assert policy.models[int(policy.mean_scores.argmax())] == "good"


def test_clusters_earn_even_where_each_row_knows_one_model_alone() -> None:
    rng = Random(0)
    logged = []
    for row in rows(1500, gap=0.6):
        model = rng.choice(sorted(row.scores))
        logged.append(Row(row.query, {model: row.scores[model]}, {model: COSTS[model]}))
    fitted = fit(Table(logged))
    assert fitted.policy.evidence.earned
    for topic in TOPICS:
        vector = fitted.embedder.embed([question(topic, Random(5))])[0]
        assert fitted.policy.decide(vector, 1.0).model == EXPERTS[topic]


def test_a_model_without_costs_has_none_in_any_cluster() -> None:
    made = [Row(r.query, r.scores, {"ada": 0.1}) for r in rows(300)]
    policy = fit(Table(made)).policy
    assert np.isnan(policy.costs[:, 1:]).all()
    assert policy.costs[:, 0] == pytest.approx(0.1)


def test_cross_validation_never_learns_from_a_duplicate(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rows(200)
    table = Table([*made, *(Row(r.query.upper(), r.scores, r.costs) for r in made)])
    seen: list[tuple[set[str], set[str]]] = []
    trained: list[Table] = []
    learn, ask = module.fit_policy, module.choose
    vectors = fit(table).embedder.embed(table.queries)
    where = {v.tobytes(): q.lower() for v, q in zip(vectors, table.queries, strict=True)}

    def learned(part: Table, vectors: np.ndarray, clusters: int | None = None) -> object:
        trained.append(part)
        return learn(part, vectors, clusters)

    def asked(policy: object, out: np.ndarray, alpha: float = 1.0) -> object:
        seen.append(({q.lower() for q in trained[-1].queries}, {where[v.tobytes()] for v in out}))
        return ask(policy, out, alpha)

    monkeypatch.setattr(module, "fit_policy", learned)
    monkeypatch.setattr(module, "choose", asked)
    cross_validate(table, vectors)
    assert seen
    assert not any(train & out for train, out in seen)


def test_a_router_decides_alike_after_it_was_saved(tmp_path: Path) -> None:
    table = Table(rows(150))
    fitted = fit(table)
    save(fitted, tmp_path / "r.json")
    again = load(tmp_path / "r.json")
    for query in table.queries[:50]:
        before, after = (f.embedder.embed([query])[0] for f in (fitted, again))
        assert (before == after).all()
        for alpha in (1.0, 0.6):
            assert fitted.policy.decide(before, alpha) == again.policy.decide(after, alpha)


def test_the_same_table_gives_the_same_router(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(fit(Table(rows(60))), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": "other"}', '{"format": "metaloop-router-1"}']
)
def test_a_file_that_is_no_router_is_refused_with_the_mend(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="metaloop route fit"):
        load(path)


def test_a_damaged_router_is_refused(tmp_path: Path) -> None:
    import json

    path = tmp_path / "r.json"
    save(fit(Table(rows(50))), path)
    data = json.loads(path.read_text())
    data["models"].pop()
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="damaged"):
        load(path)


def test_a_difference_on_the_same_rows_is_paired() -> None:
    scores = np.array([[1.0, 0.9], [0.5, 0.4], [0.3, 0.2]])
    gain, error = difference(scores, np.zeros(3, int), np.ones(3, int), np.arange(3))
    assert (gain, error) == (pytest.approx(0.1), pytest.approx(0.0, abs=1e-12))


def test_a_choice_that_was_never_scored_proves_nothing() -> None:
    scores = np.array([[1.0, np.nan], [1.0, np.nan]])
    choices = np.ones(2, int), np.zeros(2, int)
    assert difference(scores, *choices, np.arange(2)) == (0.0, float("inf"))


def test_a_query_asked_ten_times_proves_no_more_than_once() -> None:
    made = rows(100, gap=0.0)
    tables = Table(made), Table([row for row in made for _ in range(10)])
    once, often = (cross_validate(t, fit(t).embedder.embed(t.queries)) for t in tables)
    assert once.clusters == often.clusters > 0
    assert often.error == pytest.approx(once.error, rel=0.3)


def test_small_clusters_lean_on_the_mean() -> None:
    table = Table([*rows(100), Row("zebra zebra", {"ada": 0.0, "bob": 0.0, "eve": 1.0})])
    vectors = fit(table).embedder.embed(table.queries)
    policy = fit_policy(table, vectors, clusters=5)
    alone = int(policy.nearest(vectors[-1])[0][0])
    if policy.counts[alone].max() == 1:
        assert policy.scores[alone, 2] < 0.6
    assert choose(policy, vectors).shape == (101,)
