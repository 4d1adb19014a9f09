"""Learning in a run: what is tried, what is remembered, and that it is the same after a resume."""

from __future__ import annotations

import asyncio
import hashlib
from random import Random
from types import SimpleNamespace

import pytest
from scripted import ScriptedModel

from metaloop.journal.records import MechanismRecord, TrialRecord
from metaloop.models.base import (
    Completion,
    ModelError,
    ModelUnavailable,
    Request,
    charge,
    spent_on,
)
from metaloop.models.recorder import Call
from metaloop.models.router.learner import REFIT, Learner
from metaloop.models.router.outcomes import Logged, Outcomes
from metaloop.models.router.router import Router
from metaloop.models.seeds import call_seed

from .tables import EXPERTS, TOPICS, question

SEED = 3


def trial(number: int, status: str = "discarded", **more: object) -> TrialRecord:
    fields = {"arm": "model", "by": "model", "parent": 0, "params": {}, "score": 1.0, "gain": 0.0}
    fields |= {"changed": "", "content": "x"} | more
    return TrialRecord(number=number, status=status, **fields)


def mechanism(name: str, born: int, *, proven: bool) -> MechanismRecord:
    screening = {} if proven else None
    return MechanismRecord(
        name, name, "generated", "rejected", "", "", born=born, screening=screening
    )


def logged(number: int, attempt: int = 0, model: str = "a", **more: object) -> Logged:
    seed = call_seed(SEED, number, attempt)
    return Logged("proposer", seed, f"query {number}", model, 0.5, **more)


def scores(outcomes: Outcomes, *log: Logged, seen: int = 1 << 60) -> list[float]:
    return [score for row in outcomes.rows(log, seen) for score in row.scores.values()]


@pytest.mark.parametrize(
    ("status", "by", "score"),
    [
        ("kept", "model", 1.0),
        ("discarded", "model", 0.5),
        ("discarded", "m1", 0.5),
        ("quarantined", "model", 0.5),
        ("crashed", "model", 0.0),
        ("timed_out", "model", 0.0),
        ("rejected", "model", 0.0),
        ("kept", "fallback", 0.0),
    ],
)
def test_a_proposal_earns_by_what_became_of_its_trial(status: str, by: str, score: float) -> None:
    outcomes = Outcomes(SEED, [trial(0), trial(1, status, by=by)], [])
    assert scores(outcomes, logged(1)) == [score]


def test_an_answer_that_was_asked_for_again_was_refused() -> None:
    outcomes = Outcomes(SEED, [trial(0), trial(1, "kept")], [])
    assert scores(outcomes, logged(1, 0), logged(1, 1)) == [0.0, 1.0]


def test_a_model_that_failed_in_the_call_scored_nothing_and_its_cost_is_unknown() -> None:
    outcomes = Outcomes(SEED, [trial(0), trial(1, "kept")], [])
    failed, answered = outcomes.rows([logged(1, model="b", failed=("a",))])
    assert (failed.scores, failed.costs) == ({"a": 0.0}, {})
    assert (answered.scores, answered.costs) == ({"b": 1.0}, {"b": 0.5})


def test_a_trial_that_is_not_decided_has_no_outcome() -> None:
    outcomes = Outcomes(SEED, [trial(0), trial(1, "kept")], [])
    assert scores(outcomes, logged(2)) == []
    assert scores(outcomes, logged(1), seen=1) == []


def test_an_invention_earns_by_proof_and_by_gain() -> None:
    made = [
        mechanism("m1", 9, proven=False),
        mechanism("m2", 9, proven=True),
        mechanism("m3", 17, proven=True),
    ]
    gain = trial(20, "kept", arm="m3", by="m3", gain=0.2)
    trials = [*(trial(n) for n in range(20)), gain]
    outcomes = Outcomes(SEED, trials, made)

    def call(step: int, offset: int) -> Logged:
        return Logged("inventor", call_seed(SEED, step, 1000) + offset, "q", "a", None)

    log = [call(8, 10), call(8, 110), call(16, 10), call(8, 210)]
    assert scores(outcomes, *log) == [0.0, 0.5, 1.0]
    assert scores(outcomes, *log, seen=20) == [0.0, 0.5, 0.5]
    assert scores(outcomes, *log, seen=17) == [0.0, 0.5]
    assert scores(outcomes, *log, seen=9) == []


def test_roles_that_nobody_verifies_teach_nothing() -> None:
    outcomes = Outcomes(SEED, [trial(0), trial(1)], [])
    seed = call_seed(SEED, 1, 0)
    assert outcomes.rows([Logged("strategist", seed, "q", "a", 0.0)]) == []


def play(
    learner: Learner,
    outcomes: Outcomes,
    count: int,
    chance: object,
    rng: Random,
    cost: object = None,
) -> list[str]:
    """Decide `count` trials, each ending as `chance(topic, model)` has it; who was chosen."""
    chosen = []
    for number in range(len(outcomes.trials), len(outcomes.trials) + count):
        topic = rng.choice(list(TOPICS))
        query = question(topic, rng)
        decision = learner.decide(query, f"{number:x}", outcomes)
        chosen.append(decision.model)
        usd = cost(decision.model) if callable(cost) else 0.0
        learner.log.append(
            Logged(
                "proposer",
                call_seed(SEED, number, 0),
                query,
                decision.model,
                usd,
                (),
                learner.fitted,
            )
        )
        kept = rng.random() < chance(topic, decision.model)
        outcomes.trials.append(trial(number, "kept" if kept else "crashed"))
    return chosen


def test_all_are_tried_first_and_the_best_is_found() -> None:
    learner, outcomes = Learner(["a", "b", "c"], 1.0), Outcomes(SEED, [trial(0)], [])
    chosen = play(learner, outcomes, 120, lambda _, m: 0.9 if m == "b" else 0.2, Random(1))
    assert set(chosen[:20]) == {"a", "b", "c"}
    assert chosen[-40:].count("b") >= 35


def test_clusters_decide_as_soon_as_they_earn() -> None:
    learner, outcomes = Learner(sorted(EXPERTS.values()), 1.0), Outcomes(SEED, [trial(0)], [])

    def chance(topic: str, model: str) -> float:
        return 0.95 if EXPERTS[topic] == model else 0.05

    play(learner, outcomes, 300, chance, Random(2))
    right = 0
    rng = Random(3)
    for i in range(60):
        topic = rng.choice(list(TOPICS))
        decision = learner.decide(question(topic, rng), f"{i:x}", outcomes)
        right += decision.model == EXPERTS[topic]
    assert decision.clusters
    assert right >= 50


def test_what_is_as_good_and_cheaper_is_preferred() -> None:
    learner, outcomes = Learner(["dear", "cheap"], 0.5), Outcomes(SEED, [trial(0)], [])
    cost = {"dear": 1.0, "cheap": 0.01}
    chosen = play(learner, outcomes, 60, lambda *_: 0.8, Random(1), cost.get)
    assert chosen[-20:].count("cheap") == 20


def test_a_model_whose_cost_stays_unknown_is_left_out_below_alpha_one() -> None:
    learner, outcomes = Learner(["dark", "known"], 0.5), Outcomes(SEED, [trial(0)], [])
    cost = {"known": 0.5}
    chosen = play(learner, outcomes, 30, lambda *_: 0.8, Random(1), cost.get)
    assert "dark" in chosen
    assert "dark" not in chosen[chosen.index("known") + 1 :]


def test_where_cost_alone_counts_and_none_is_known_all_are_tried() -> None:
    learner, outcomes = Learner(["a", "b", "c"], 0.0), Outcomes(SEED, [trial(0)], [])
    chosen = {learner.decide("query", f"{i:x}", outcomes).model for i in range(30)}
    assert chosen == {"a", "b", "c"}


def test_a_cost_is_known_before_the_trial_is_decided() -> None:
    """Or a model with its first call under way would be out, even as a fallback."""
    learner, outcomes = Learner(["a", "b"], 0.5), Outcomes(SEED, [trial(0), trial(1)], [])
    learner.log += [logged(1, model="a"), logged(2, model="b")]
    decision = learner.decide("query", "1", outcomes)
    assert {decision.model, *decision.fallbacks} == {"a", "b"}


@pytest.mark.parametrize("calls", [7, REFIT, REFIT + 1, 2 * REFIT + 3])
def test_after_a_resume_it_knows_and_decides_as_it_would_have(calls: int) -> None:
    models = sorted(EXPERTS.values())
    learner, outcomes = Learner(models, 0.9), Outcomes(SEED, [trial(0)], [])
    play(learner, outcomes, calls, lambda t, m: float(EXPERTS[t] == m), Random(4))
    resumed = Learner(models, 0.9)
    resumed.restore(list(learner.log), Outcomes(SEED, list(outcomes.trials), []))
    rng = Random(5)
    for i in range(20):
        query, key = question(rng.choice(list(TOPICS)), rng), f"{i:x}"
        assert learner.decide(query, key, outcomes) == resumed.decide(query, key, outcomes)
        assert learner.fitted == resumed.fitted


def ask(seed: int = 0) -> Request:
    return Request("proposer", "system", "prompt", seed=seed)


async def test_the_answer_names_the_model_and_the_decision() -> None:
    models = {name: ScriptedModel(lambda _: "fine", name=name) for name in ("a", "b")}
    router = Router("router:a|b", models, 1.0)
    answer = await router.complete(ask())
    assert answer.model == answer.details["route"]["model"]
    assert answer.details["route"]["fallbacks"] != [answer.model]
    assert router.small


async def test_the_next_model_answers_for_one_that_cannot() -> None:
    for error in (ModelError("garbage"), ModelUnavailable("down")):
        models = {
            "a": ScriptedModel(lambda _, e=error: e, name="a"),
            "b": ScriptedModel(lambda _: "fine", name="b", small=False),
        }
        router = Router("router:a|b", models, 1.0)
        for seed in range(6):
            assert (await router.complete(ask(seed))).model == "b"
        assert models["a"].requests


async def test_a_model_that_is_not_there_is_not_waited_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr("metaloop.models.router.router.time", clock)

    def out(_: Request) -> Exception:
        nonlocal now
        now += 240  # as long as a provider may make us wait
        return ModelUnavailable("down")

    models = {
        "a": ScriptedModel(out, name="a"),
        "b": ScriptedModel(lambda _: "fine", name="b"),
    }
    router = Router("router:a|b", models, 1.0)
    for seed in range(100):
        now += 10
        assert (await router.complete(ask(seed))).model == "b"
    assert 1 <= len(models["a"].requests) <= 2
    models["a"].requests.clear()
    now += 1e6
    models["b"] = router._models["b"] = ScriptedModel(lambda _: ModelUnavailable("down"), name="b")
    for seed in range(2):  # with nobody else there, it is asked all the same
        with pytest.raises(ModelUnavailable):
            await router.complete(ask(seed))
    assert len(models["a"].requests) == 2


async def test_garbage_of_one_does_not_wake_another_that_rests() -> None:
    models = {
        "a": ScriptedModel(lambda _: ModelUnavailable("down"), name="a"),
        "b": ScriptedModel(lambda _: ModelError("garbage"), name="b"),
    }
    router = Router("router:a|b", models, 1.0)
    for seed in range(8):
        with pytest.raises(ModelError, match="garbage"):
            await router.complete(ask(seed))
    assert len(models["a"].requests) == 1


async def test_what_an_unavailable_model_may_have_cost_is_charged() -> None:
    late = ModelUnavailable("late", Completion("", "a", 100, 10, 2.0, 3.0))
    models = {
        "a": ScriptedModel(lambda _: late, name="a"),
        "b": ScriptedModel(lambda _: "fine", name="b"),
    }
    answers = [await Router("r", models, 1.0).complete(ask(seed)) for seed in range(8)]
    assert {answer.usd for answer in answers} == {0.0, 3.0}
    models["b"] = ScriptedModel(lambda _: ModelUnavailable("down"), name="b")
    with pytest.raises(ModelUnavailable) as failed:
        await Router("r", models, 1.0).complete(ask())
    assert failed.value.spent is not None
    assert (failed.value.spent.model, failed.value.spent.usd) == ("r", 3.0)


async def test_when_a_call_is_cancelled_those_that_failed_before_are_charged_too() -> None:
    class Cancelled(ScriptedModel):
        async def complete(self, request: Request) -> Completion:
            error = asyncio.CancelledError()
            charge(error, [Completion("", "b", 100, 10, 2.0, 0.5)])
            raise error

    models = {"a": priced("a", False, 3.0), "b": Cancelled([], name="b")}
    charged = set()
    for seed in range(8):
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await Router("router:a|b", models, 1.0).complete(ask(seed))
        spent = spent_on(cancelled.value)
        charged.add(spent and spent.usd)
    assert charged == {0.5, 3.5}  # b alone, or after a


async def test_when_none_is_there_the_run_pauses_and_when_all_fail_the_call_failed() -> None:
    for error in (ModelError("garbage"), ModelUnavailable("down")):
        models = {name: ScriptedModel(lambda _, e=error: e, name=name) for name in ("a", "b")}
        with pytest.raises(type(error), match=str(error)):
            await Router("router:a|b", models, 1.0).complete(ask())


def priced(name: str, answers: bool, usd: float | None) -> ScriptedModel:
    """A model whose answers cost `usd`, also those of no use."""
    answer = Completion("fine" if answers else "", name, 100, 10, 2.0, usd)

    class Priced(ScriptedModel):
        async def complete(self, request: Request) -> Completion:
            if not answers:
                raise ModelError(f"{name}: empty answer", spent=answer)
            return answer

    return Priced([], name=name)


@pytest.mark.parametrize(("wasted", "in_all"), [(3.0, 3.5), (None, None)])
async def test_an_answer_costs_what_failed_before_it_as_well(
    wasted: float | None, in_all: float | None
) -> None:
    models = {"a": priced("a", False, wasted), "b": priced("b", True, 0.5)}
    router = Router("router:a|b", models, 1.0)
    answers = [await router.complete(ask(seed)) for seed in range(8)]
    fallen = [answer for answer in answers if answer.details["route"]["failed"]]
    assert fallen
    for answer in fallen:
        assert (answer.model, answer.usd) == ("b", in_all)
        assert (answer.input_tokens, answer.output_tokens, answer.seconds) == (200, 20, 4.0)
        # What it learns of b is the price of b.
        assert Logged.of(Call(router.name, ask(), answer)).cost == 0.5


async def test_when_all_fail_all_are_charged() -> None:
    models = {"a": priced("a", False, 3.0), "b": priced("b", False, 0.5)}
    router = Router("router:a|b", models, 1.0)
    with pytest.raises(ModelError, match=r"a: empty.*b: empty|b: empty.*a: empty") as failed:
        await router.complete(ask())
    spent = failed.value.spent
    assert spent is not None
    assert (spent.model, spent.input_tokens, spent.seconds, spent.usd) == (
        "router:a|b", 200, 4.0, 3.5,
    )  # fmt: skip


def test_a_failed_call_that_was_charged_is_a_failed_call() -> None:
    spent = Completion("", "a", 100, 10, 2.0, 3.0)
    logged = Logged.of(Call("a", ask(), spent, error="empty"))
    assert (logged.model, logged.cost, logged.failed) == (None, None, ("a",))


def test_nothing_is_learned_from_a_call_that_nobody_answered() -> None:
    spent = Completion("", "a", 100, 10, 2.0, 3.0, details={"unanswered": True})
    assert Logged.of(Call("a", ask(), spent, error="late")).failed == ()
    router = Router("router:a|b", {"a": ScriptedModel([]), "b": ScriptedModel([])}, 1.0)
    router.follow(Outcomes(SEED, [trial(0)], []), [Call(router.name, ask(), spent, error="late")])
    assert router._learners == {}


async def test_it_learns_from_its_own_calls_alone() -> None:
    models = {name: ScriptedModel(lambda _: "fine", name=name) for name in ("a", "b")}
    outcomes = Outcomes(SEED, [trial(0)], [])
    other = Call("other", ask(), Completion("x", "other", 1, 1, 0.0, 0.0))
    router = Router("router:a|b", models, 1.0)
    router.follow(outcomes, [other])
    assert (await router.complete(ask())).model in models


def test_randomness_is_spread_evenly() -> None:
    learner, outcomes = Learner(["a", "b"], 1.0), Outcomes(SEED, [trial(0)], [])
    keys = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(300)]
    chosen = [learner.decide("q", key, outcomes).model for key in keys]
    assert 110 < chosen.count("a") < 190
