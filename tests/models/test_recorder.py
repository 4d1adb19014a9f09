"""Recording and replaying calls, in memory and in a file that may have been cut short."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedModel

from metaloop.models.base import Completion, ModelError, ModelUnavailable, Request, Role
from metaloop.models.cassette import Cassette
from metaloop.models.recorder import Call, Recorded, ReplayMiss

ASK = Request("proposer", "sys", "what next?", schema={"type": "object"}, seed=1)

TEXT = st.text(max_size=30)
REQUESTS = st.builds(
    Request,
    role=st.sampled_from(get_args(Role)),
    system=TEXT,
    prompt=st.text(st.characters(), max_size=30),  # lone surrogates too
    schema=st.none() | st.dictionaries(TEXT, st.integers() | TEXT, max_size=3),
    temperature=st.floats(0, 2),
    seed=st.integers(0, 2**31),
    max_tokens=st.integers(1, 4096),
)
COMPLETIONS = st.builds(
    Completion,
    text=TEXT,
    model=TEXT,
    input_tokens=st.integers(0, 9999),
    output_tokens=st.integers(0, 9999),
    seconds=st.floats(0, 100),
    usd=st.none() | st.floats(0, 1),
)
CALLS = st.one_of(
    st.builds(Call, model=TEXT, request=REQUESTS, completion=COMPLETIONS),
    st.builds(Call, model=TEXT, request=REQUESTS, error=TEXT),
    st.builds(Call, model=TEXT, request=REQUESTS, completion=COMPLETIONS, error=TEXT),
)


@pytest.fixture
def cassette(tmp_path: Path) -> Cassette:
    return Cassette(tmp_path / "calls.jsonl")


async def test_a_call_is_made_once_and_costs_nothing_again(cassette: Cassette) -> None:
    inner = ScriptedModel(["first", "second"])
    model = Recorded(inner, cassette)
    first, again = await model.complete(ASK), await model.complete(ASK)
    assert (first.cached, again.cached) == (False, True)
    assert first.text == again.text == "first"
    assert len(inner.requests) == 1


async def test_every_field_of_a_request_counts(cassette: Cassette) -> None:
    changes: list[Request] = [
        replace(ASK, role="inventor"),
        replace(ASK, system="s"),
        replace(ASK, prompt="p"),
        replace(ASK, schema=None),
        replace(ASK, schema={"type": "object", "title": "t"}),
        replace(ASK, temperature=0.1),
        replace(ASK, seed=2),
        replace(ASK, max_tokens=1),
    ]
    model = Recorded(ScriptedModel(lambda r: f"{r.seed}"), cassette)
    for request in [ASK, *changes]:
        assert not (await model.complete(request)).cached
    other = Recorded(ScriptedModel(["else"], name="other"), cassette)
    assert (await other.complete(ASK)).text == "else"


def test_the_order_of_a_schema_counts() -> None:
    a, b = {"type": "string"}, {"type": "integer"}
    one = replace(ASK, schema={"properties": {"a": a, "b": b}})
    two = replace(ASK, schema={"properties": {"b": b, "a": a}})
    assert one.key("m") != two.key("m")


async def test_a_replay_needs_no_model(cassette: Cassette) -> None:
    await Recorded(ScriptedModel(["kept"]), cassette).complete(ASK)
    replay = Recorded(ScriptedModel([]), Cassette(cassette.path), replay=True)
    assert (await replay.complete(ASK)).text == "kept"
    with pytest.raises(ReplayMiss, match="seed 9"):
        await replay.complete(replace(ASK, seed=9))


async def test_failures_are_replayed_and_outages_are_not(cassette: Cassette) -> None:
    outage = ModelUnavailable("down")
    model = Recorded(ScriptedModel([outage, ModelError("garbage"), "never asked"]), cassette)
    with pytest.raises(ModelUnavailable):
        await model.complete(ASK)
    for _ in range(2):
        with pytest.raises(ModelError, match="garbage"):
            await model.complete(ASK)
    with pytest.raises(ModelError, match="garbage"):
        await Recorded(ScriptedModel([]), Cassette(cassette.path), replay=True).complete(ASK)


async def test_an_outage_that_may_have_cost_something_is_kept_for_that_alone(
    cassette: Cassette,
) -> None:
    spent = Completion("", "scripted", 1000, 500, 2.0, 0.01, details={"at_most": 2})
    model = Recorded(ScriptedModel([ModelUnavailable("late", spent), "at last"]), cassette)
    with pytest.raises(ModelUnavailable):
        await model.complete(ASK)
    [call] = cassette
    assert (call.unanswered, call.completion and call.completion.usd) == (True, 0.01)
    assert (await model.complete(ASK)).text == "at last"
    replay = Recorded(ScriptedModel([]), Cassette(cassette.path), replay=True)
    assert (await replay.complete(ASK)).text == "at last"


async def test_a_failure_is_replayed_with_what_it_cost(cassette: Cassette) -> None:
    spent = Completion("", "scripted", 1000, 500, 2.0, 0.01, details={"finish_reason": "length"})
    model = Recorded(ScriptedModel([ModelError("empty", spent=spent)]), cassette)
    with pytest.raises(ModelError) as first:
        await model.complete(ASK)
    replay = Recorded(ScriptedModel([]), Cassette(cassette.path), replay=True)
    with pytest.raises(ModelError, match="empty") as again:
        await replay.complete(ASK)
    assert first.value.spent == spent
    assert again.value.spent == replace(spent, cached=True)


def test_a_failure_recorded_before_its_cost_was_kept_still_serves(cassette: Cassette) -> None:
    old = {"model": "m", "request": asdict(ASK), "answer": {"error": "empty"}}
    cassette.path.write_text(json.dumps(old) + "\n")
    assert Cassette(cassette.path).get(ASK.key("m")) == Call("m", ASK, error="empty")


def test_a_call_came_to_something() -> None:
    with pytest.raises(ValueError, match="completion"):
        Call("m", ASK)


class SlowModel:
    """A fake model that takes its time, and fails as often as it is told to."""

    name, small = "slow", True

    def __init__(self, outages: int = 0) -> None:
        self.calls = 0
        self.outages = outages

    async def complete(self, request: Request) -> Completion:
        self.calls += 1
        call = self.calls
        await asyncio.sleep(0.02)
        if call <= self.outages:
            raise ModelUnavailable("down")
        return Completion(f"answer {call}", self.name, 1, 1, 0.02)


async def test_identical_requests_at_once_become_one_call(cassette: Cassette) -> None:
    inner = SlowModel()
    model = Recorded(inner, cassette)
    answers = await asyncio.gather(*(model.complete(ASK) for _ in range(5)))
    assert inner.calls == 1
    assert sorted(a.cached for a in answers) == [False, True, True, True, True]


async def test_different_requests_do_not_wait_for_each_other(cassette: Cassette) -> None:
    model = Recorded(SlowModel(), cassette)
    async with asyncio.timeout(0.5):
        await asyncio.gather(*(model.complete(replace(ASK, seed=s)) for s in range(50)))


async def test_who_waits_takes_over_when_the_first_fails_or_is_cancelled(
    cassette: Cassette,
) -> None:
    model = Recorded(SlowModel(outages=1), cassette)
    first, second = (asyncio.create_task(model.complete(ASK)) for _ in range(2))
    with pytest.raises(ModelUnavailable):
        await first
    assert (await second).text == "answer 2"
    model = Recorded(SlowModel(), cassette)
    other = replace(ASK, seed=5)
    first, second = (asyncio.create_task(model.complete(other)) for _ in range(2))
    await asyncio.sleep(0.005)
    first.cancel()
    assert (await second).text == "answer 2"


@given(st.lists(CALLS, max_size=6), st.data())
def test_a_cassette_gives_back_what_it_got_wherever_it_was_cut(
    tmp_path_factory: pytest.TempPathFactory, calls: list[Call], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cassette") / "deep" / "calls.jsonl"
    cassette = Cassette(path)
    ends = [0]
    for call in calls:
        cassette.put(call)
        ends.append(path.stat().st_size)
    distinct = list({call.key: call for call in reversed(calls)}.values())
    assert sorted(map(repr, Cassette(path))) == sorted(map(repr, distinct))

    if calls:
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        survivor = Cassette(path)
        assert len(survivor) == len({e for e in ends if 0 < e <= cut})
        for call in calls:
            survivor.put(call)
        assert path.read_bytes() == whole


def test_a_damaged_line_is_named(cassette: Cassette) -> None:
    cassette.put(Call("m", ASK, error="e"))
    with cassette.path.open("a") as file:
        file.write('{"model": 1}\n')
    with pytest.raises(ValueError, match="line 2"):
        Cassette(cassette.path)


def test_a_cassette_written_before_requests_gained_a_field_still_serves(cassette: Cassette) -> None:
    cassette.put(Call("m", Request("proposer", "s", "p"), error="e"))
    text = cassette.path.read_text()
    assert '"max_tokens": 512' in text
    cassette.path.write_text(text.replace(', "max_tokens": 512', ""))
    assert Cassette(cassette.path).get(Request("proposer", "s", "p").key("m")) is not None
