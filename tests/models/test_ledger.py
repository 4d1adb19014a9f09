"""What is spent, and what stops it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from scripted import ScriptedModel

from metaloop.models.base import Completion, ModelError, Request, Role
from metaloop.models.cassette import Cassette
from metaloop.models.ledger import Budget, BudgetReached, Ledger, Metered
from metaloop.models.prices import price
from metaloop.models.provider import ProviderModel
from metaloop.models.recorder import Call, Recorded
from metaloop.models.reference import Reference
from metaloop.models.roles import Roles

from .stub import ok, serving, silent

ASK = Request("proposer", "s", "p")


def paid(usd: float | None, *, cached: bool = False) -> Completion:
    return Completion("text", "m", 100, 10, seconds=2.0, usd=usd, cached=cached)


class PaidModel:
    """A fake model that charges a dollar a call."""

    name, small = "paid", False

    async def complete(self, request: Request) -> Completion:
        return paid(1.0)


def test_roles_are_counted_apart() -> None:
    ledger = Ledger()
    ledger.add("proposer", paid(0.5))
    ledger.add("proposer", paid(0.25))
    ledger.add("inventor", paid(1.0))
    proposer = ledger.roles["proposer"]
    assert (proposer.calls, proposer.input_tokens, proposer.output_tokens) == (2, 200, 20)
    assert (proposer.seconds, proposer.usd, ledger.usd) == (4.0, 0.75, 1.75)


def test_an_unknown_price_is_not_zero() -> None:
    ledger = Ledger()
    ledger.add("proposer", paid(0.5))
    ledger.add("proposer", paid(None))
    assert ledger.roles["proposer"].usd is None
    assert ledger.usd is None
    assert (ledger.known_usd, ledger.roles["proposer"].unpriced) == (0.5, 1)


def test_cached_calls_cost_nothing() -> None:
    ledger = Ledger()
    ledger.add("proposer", paid(None, cached=True))
    usage = ledger.roles["proposer"]
    assert (usage.calls, usage.cached, usage.input_tokens, usage.usd) == (1, 1, 0, 0.0)


async def test_failed_calls_are_counted() -> None:
    ledger = Ledger()
    model = Metered(ScriptedModel([ModelError("x"), "ok"]), ledger, Budget())
    with pytest.raises(ModelError):
        await model.complete(ASK)
    await model.complete(ASK)
    usage = ledger.roles["proposer"]
    assert (usage.calls, usage.failed) == (2, 1)


async def test_answers_of_no_use_use_up_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = price(Reference.parse("openai:gpt-4o"), 1000, 500)
    assert cost
    ledger, cassette = Ledger(), Cassette(tmp_path / "calls.jsonl")
    budget = Budget(usd=1.5 * cost)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with serving(lambda *_: silent("stop")) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        asked = ProviderModel(Reference.parse("openai:gpt-4o"))
        model = Metered(Recorded(asked, cassette), ledger, budget)
        for seed in range(2):
            with pytest.raises(ModelError):
                await model.complete(replace(ASK, seed=seed))
        with pytest.raises(BudgetReached):
            await model.complete(replace(ASK, seed=2))
    assert len(stub.asked) == 2
    used = ledger.roles["proposer"]
    assert (used.failed, used.input_tokens, used.output_tokens) == (2, 2000, 1000)
    assert ledger.usd == pytest.approx(2 * cost)


async def test_a_failure_from_the_record_costs_nothing_again(tmp_path: Path) -> None:
    ledger, cassette = Ledger(), Cassette(tmp_path / "calls.jsonl")
    failure = ModelError("empty", spent=paid(1.0))
    model = Metered(Recorded(ScriptedModel([failure]), cassette), ledger, Budget())
    for _ in range(2):
        with pytest.raises(ModelError, match="empty"):
            await model.complete(ASK)
    used = ledger.roles["proposer"]
    assert (used.calls, used.failed, used.cached, used.usd) == (2, 2, 1, 1.0)
    assert (used.input_tokens, used.seconds) == (100, 2.0)


def test_a_recorded_failure_is_entered_with_what_it_cost() -> None:
    ledger = Ledger()
    ledger.enter(Call("paid", ASK, paid(1.0), error="empty"))
    used = ledger.roles["proposer"]
    assert (used.failed, used.input_tokens, used.usd, used.models) == (1, 100, 1.0, {"paid"})


async def test_a_budget_in_dollars_stops_at_an_unknown_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with serving(lambda *_: ok(usage=None)) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        asked = ProviderModel(Reference.parse("openai:gpt-4o"))
        model = Metered(asked, Ledger(), Budget(usd=5.0))
        assert (await model.complete(ASK)).text == "fine"
        with pytest.raises(BudgetReached, match=r"proposer.*unknown.*minutes"):
            await model.complete(ASK)
        unlimited = Metered(asked, Ledger(), Budget(minutes=5))
        for _ in range(2):
            await unlimited.complete(ASK)
    assert len(stub.asked) == 3


def test_what_is_free_or_from_the_record_does_not_stop_a_budget_in_dollars() -> None:
    ledger = Ledger()
    ledger.add("proposer", paid(0.0))
    ledger.add("proposer", paid(None, cached=True))
    ledger.fail("proposer", "m", 1.0)
    Budget(usd=5.0).check(ledger)


async def test_dollars_are_a_hard_stop_before_spending() -> None:
    ledger = Ledger()
    model = Metered(PaidModel(), ledger, Budget(usd=2.0))
    await model.complete(ASK)
    await model.complete(ASK)
    with pytest.raises(BudgetReached, match=r"\$2"):
        await model.complete(ASK)
    assert ledger.roles["proposer"].calls == 2


def test_minutes_are_counted_over_all_sittings() -> None:
    Budget(minutes=1, elapsed_s=50).check(Ledger())
    with pytest.raises(BudgetReached, match="1 minutes"):
        Budget(minutes=1, elapsed_s=61).check(Ledger())


def test_nothing_may_be_spent_of_nothing() -> None:
    for budget in (Budget(usd=0.0), Budget(minutes=0.0)):
        with pytest.raises(BudgetReached):
            budget.check(Ledger())


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_a_senseless_budget_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="budget-usd"):
        Budget(usd=limit)
    with pytest.raises(ValueError, match="budget-minutes"):
        Budget(minutes=limit)


def test_dollars_cannot_bound_an_unknown_price() -> None:
    refs = ["local:smollm2-135m", "openai:gpt-4o", "openai:mine@http://127.0.0.1:1/v1"]
    Budget(minutes=5).admit(refs)
    Budget(usd=5).admit(refs[:2])
    with pytest.raises(ValueError, match="openai:mine@"):
        Budget(usd=5).admit(refs)


def test_a_ledger_can_be_written_as_json() -> None:
    ledger = Ledger()
    ledger.add("proposer", paid(None))
    assert json.loads(json.dumps(ledger.to_dict()))["proposer"]["usd"] is None


def test_roles_default_to_inner_and_outer_and_share_connections() -> None:
    roles = Roles(
        "local:qwen2.5-coder-0.5b", "local:qwen2.5-coder-1.5b", {"inventor": "anthropic:claude-x"}
    )
    expected: dict[Role, str] = {
        "proposer": "local:qwen2.5-coder-0.5b",
        "strategist": "local:qwen2.5-coder-1.5b",
        "repairer": "local:qwen2.5-coder-1.5b",
        "inventor": "anthropic:claude-x",
    }
    assert {role: roles[role].name for role in expected} == expected
    assert roles["strategist"] is roles["repairer"]
    assert len({id(model) for model in roles.values()}) == 3


def test_each_distinct_model_is_wrapped_once() -> None:
    ledger, mine = Ledger(), ScriptedModel(["a"])
    roles = Roles(mine, mine, {"repairer": "openai:x"}, wrap=lambda m: Metered(m, ledger, Budget()))
    assert roles["proposer"] is roles["inventor"]
    assert isinstance(roles["repairer"], Metered)
    assert roles.references == {"repairer": "openai:x"}


def test_an_unknown_role_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"invetor.*inventor"):
        Roles("openai:a", "openai:b", {"invetor": "openai:c"})
    known = "advocate; roles are proposer, strategist, inventor, repairer$"
    with pytest.raises(ValueError, match=known):  # nobody asks one, so none may demand a key
        Roles("openai:a", "openai:b", {"advocate": "openai:c"})
    with pytest.raises(ValueError, match="provider"):
        Roles("gpt", "openai:b")
