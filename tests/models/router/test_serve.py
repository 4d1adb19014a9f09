"""The endpoint as its clients meet it: the official client, over real sockets."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.models.reference import Reference
from metaloop.models.router.admission import ClientError, check_binding, read_alpha, read_query
from metaloop.models.router.fit import Fitted
from metaloop.models.router.policy import Evidence, Policy
from metaloop.models.router.relay import Event, events
from metaloop.models.router.serve import Endpoint, make_app
from metaloop.models.router.upstream import UpstreamFault, Upstreams

from .upstream import USAGE, Upstream, running


class Words:
    """Two dimensions: how much of `code`, how much of `law` is in a query."""

    def embed(self, queries: list[str]) -> np.ndarray:
        return np.array([[float("code" in q), float("law" in q)] for q in queries])

    def to_dict(self) -> dict[str, str]:
        return {"kind": "words"}


def router(*models: str) -> Fitted:
    """Two clusters, code and law. The first model is best at code, the last at law; cost falls."""
    scores = np.array([np.linspace(0.9, 0.5, len(models)), np.linspace(0.5, 0.9, len(models))])
    costs = np.broadcast_to(np.linspace(1.0, 0.1, len(models)), scores.shape)
    evidence = Evidence(2, 0.1, 0.01, 100, earned=True)
    means = scores.mean(axis=0), costs.mean(axis=0)
    policy = Policy(models, np.eye(2), scores, costs, np.ones_like(scores), *means, evidence)
    return Fitted(Words(), policy)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    with running(made.app()) as url:
        made.url = url
        yield made


Serve = Callable[..., openai.OpenAI]


@pytest.fixture
def serve(upstream: Upstream) -> Iterator[Callable[..., object]]:
    """Serve a router over models of the stub, as `with serve("good-a", "good-b") as client`."""

    @contextmanager
    def made(*names: str, key: str | None = None) -> Iterator[openai.OpenAI]:
        endpoint = Endpoint(router(*(upstream.reference(name) for name in names)))
        with running(make_app(endpoint, key)) as url:
            base = f"{url}/v1"
            with openai.OpenAI(base_url=base, api_key=key or "x", max_retries=0) as client:
                yield client

    return made


def ask(client: openai.OpenAI, text: str, model: str = "auto:1", **more: object) -> object:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": text}]
    return client.chat.completions.create(model=model, messages=messages, **more)


def test_each_question_goes_to_its_expert_and_the_answer_names_it(serve, upstream) -> None:
    with serve("gpt-4o", "gpt-4o-mini") as client:
        code, law = ask(client, "some code"), ask(client, "some law")
    assert code.choices[0].message.content == "gpt-4o says some code"
    assert code.model == upstream.reference("gpt-4o")
    assert law.model == upstream.reference("gpt-4o-mini")
    assert law.metaloop["model"] == law.model
    assert law.metaloop["cost"] is None  # nobody knows what an endpoint of one's own costs
    assert "clusters 1, 0" in law.metaloop["reason"]
    assert law.usage.prompt_tokens == 1000
    assert upstream.asked[0]["messages"][0]["content"] == "be brief"


def test_alpha_is_part_of_the_models_name(serve, upstream) -> None:
    with serve("good-dear", "good-cheap") as client:
        assert ask(client, "code", "auto:0").model == upstream.reference("good-cheap")
        assert ask(client, "code", "auto:1").model == upstream.reference("good-dear")
        assert ask(client, "code", "auto").model
        assert [model.id for model in client.models.list()] == ["auto"]


def test_a_stream_comes_in_chunks_and_its_last_one_tells_model_and_cost(serve, upstream) -> None:
    with serve("good-a", "good-b") as client:
        chunks = list(ask(client, "a code", stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "good-a says a code "
    assert len(chunks) == 5
    assert {chunk.model for chunk in chunks} == {upstream.reference("good-a")}
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].metaloop["model"] == upstream.reference("good-a")


def test_a_client_that_asks_for_usage_gets_its_chunk(serve) -> None:
    with serve("good-a", "good-b") as client:
        options = {"include_usage": True}
        chunks = list(ask(client, "code", stream=True, stream_options=options))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 1100


@pytest.mark.parametrize("fault", ["fail-a", "garble-a", "badkey-a", "broke-a"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_is_retried_on_the_next_model(serve, upstream, fault: str, stream: bool) -> None:
    with serve(fault, "good-b") as client:
        answer = ask(client, "code", stream=stream)
        last = list(answer)[-1] if stream else answer
        assert last.model == upstream.reference("good-b")
        assert len(last.metaloop["failed"]) == 1
        assert fault in last.metaloop["failed"][0]
        again = ask(client, "code")
    assert again.model == upstream.reference("good-b")
    assert again.metaloop["failed"] == []  # who failed a moment ago is skipped
    assert [body["model"] for body in upstream.asked] == [fault, "good-b", "good-b"]


def test_a_model_that_nobody_serves_is_skipped(upstream) -> None:
    models = ("openai:gone@http://127.0.0.1:9/v1", upstream.reference("good-b"))
    with running(make_app(Endpoint(router(*models)))) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0)
        assert ask(client, "code").model == models[1]


def test_when_all_fail_the_client_is_told_of_each(serve) -> None:
    with serve("fail-a", "garble-b") as client:
        with pytest.raises(openai.InternalServerError, match=r"fail-a.*503.*garble-b") as told:
            ask(client, "code")
        assert told.value.status_code == 502
        with pytest.raises(openai.InternalServerError):  # and may try again at once
            ask(client, "code")


def test_a_refused_request_is_the_clients_to_mend(serve, upstream) -> None:
    with serve("refuse-a", "good-b") as client:
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError, match="too long"):
                ask(client, "code", stream=stream)
    assert [body["model"] for body in upstream.asked] == ["refuse-a"] * 2


def test_a_stream_that_breaks_off_ends_in_an_error_and_not_in_silence(serve) -> None:
    with serve("break-a", "good-b") as client:
        stream = iter(ask(client, "code", stream=True))
        assert next(stream).choices[0].delta.content == "break-a "
        with pytest.raises(openai.APIError, match="broke off"):
            list(stream)


@pytest.mark.parametrize("kind", ["undone", "bare", "ping"])
def test_a_stream_that_ends_in_another_way_is_whole(serve, kind: str) -> None:
    """Endpoints leave [DONE] out, or `choices` where there are none, or send signs of life."""
    with serve(f"{kind}-a", "good-b") as client:
        options = {"include_usage": True}
        chunks = list(ask(client, "code", stream=True, stream_options=options))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == f"{kind}-a says code "
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 1100)
    assert chunks[-1].metaloop["failed"] == []


TEXT = {"choices": [{"delta": {"content": "x"}, "finish_reason": None}]}
END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
BARE = [{"choices": []}, {"usage": {"total_tokens": 1}}]
SIGNS = [{}, {"type": "ping"}, {"choices": None}, {"error": None}]


@given(
    st.lists(st.sampled_from([TEXT, *BARE, *SIGNS]), max_size=6),
    st.lists(st.sampled_from([*BARE, *SIGNS]), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_a_stream_is_whole_when_its_text_has_ended(
    text: list[Event], after: list[Event], ended: bool, done: bool
) -> None:
    sent = [*text, END, *after] if ended else text
    lines = [*(json.dumps(chunk) for chunk in sent), *(["[DONE]"] if done else [])]
    response = httpx.Response(200, text="".join(f"data: {line}\n\n" for line in lines))

    async def read() -> list[Event]:
        return [chunk async for chunk in events(response)]

    if ended or done:
        kept = [chunk for chunk in sent if chunk not in SIGNS]
        assert asyncio.run(read()) == [{"choices": []} | chunk for chunk in kept]
    else:
        with pytest.raises(UpstreamFault, match="broke off"):
            asyncio.run(read())


def test_who_does_not_know_stream_options_is_asked_without(serve, upstream) -> None:
    with serve("old-a", "good-b") as client:
        chunks = list(ask(client, "code", stream=True))
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert ["stream_options" in body for body in upstream.asked] == [True, False]


@pytest.mark.parametrize("stream", [False, True])
def test_counts_that_make_no_sense_have_no_cost(monkeypatch, upstream, stream: bool) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{upstream.url}/v1")
    monkeypatch.setitem(USAGE, "prompt_tokens", -1)
    with running(make_app(Endpoint(router("openai:gpt-4o", "openai:gpt-4o-mini")))) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0)
        answer = ask(client, "code", stream=stream)
        last = list(answer)[-1] if stream else answer
    assert (last.model, last.metaloop["cost"]) == ("openai:gpt-4o", None)


def test_two_hundred_requests_at_once_lose_none(upstream) -> None:
    models = (upstream.reference("good-a"), upstream.reference("good-b"))

    async def all_of_them(url: str) -> list[str]:
        async with openai.AsyncOpenAI(base_url=url, api_key="x", max_retries=0) as client:

            async def one(i: int) -> str:
                text = f"{'code' if i % 2 else 'law'} {i}"
                messages = [{"role": "user", "content": text}]
                create = client.chat.completions.create
                if i % 4 < 2:
                    answer = await create(model="auto:1", messages=messages)
                    return str(answer.choices[0].message.content).strip()
                stream = await create(model="auto:1", messages=messages, stream=True)
                parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
                return "".join(parts).strip()

            return await asyncio.gather(*map(one, range(200)))

    with running(make_app(Endpoint(router(*models)))) as url:
        answers = asyncio.run(all_of_them(f"{url}/v1"))
    told = [
        f"good-{'a' if i % 2 else 'b'} says {'code' if i % 2 else 'law'} {i}" for i in range(200)
    ]
    assert answers == told
    assert len(upstream.asked) == 200


@pytest.mark.parametrize("stream", [False, True])
def test_no_model_goes_on_for_a_client_that_left(serve, upstream, stream: bool) -> None:
    with serve("hang-a", "good-b") as client:
        with pytest.raises(openai.APITimeoutError):
            ask(client, "code", stream=stream, timeout=2.0)
        assert upstream.left.wait(5)
        assert [body["model"] for body in upstream.asked] == ["hang-a"]  # and no other is asked


async def test_a_local_model_is_loaded_once_though_its_first_client_left(monkeypatch) -> None:
    loading, loaded = threading.Event(), []

    def load(path: str, threads: int) -> str:
        loading.wait(5)
        loaded.append(path)
        return "server"

    async def one() -> int:
        return 1

    monkeypatch.setattr("metaloop.models.local.pull.weights", lambda entry: "weights")
    monkeypatch.setattr("metaloop.models.local.cores.best_threads", one)
    monkeypatch.setattr("metaloop.models.local.server.Server", load)
    upstreams, reference = Upstreams(), Reference.parse("local:smollm2-135m")
    first = asyncio.create_task(upstreams._serve(reference))
    await asyncio.sleep(0.05)
    first.cancel()
    second = asyncio.create_task(upstreams._serve(reference))
    await asyncio.sleep(0)
    loading.set()
    assert await second == "server"
    assert first.cancelled()
    assert loaded == ["weights"]


def test_with_a_key_nobody_is_served_without_it(serve) -> None:
    with serve("good-a", "good-b", key="secret") as client:
        assert ask(client, "code").choices
        other = client.with_options(api_key="guess")
        with pytest.raises(openai.AuthenticationError):
            ask(other, "code")
        with pytest.raises(openai.AuthenticationError):
            other.models.list()


def test_the_clients_key_goes_no_further(serve, upstream, monkeypatch) -> None:
    monkeypatch.setenv("METALOOP_KEYS", f"{upstream.url}=ours")
    with serve("good-a", "good-b", key="theirs") as client:
        ask(client, "code")
    assert upstream.keys == ["Bearer ours"]


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_without_a_key_a_web_page_is_not_served(serve, headers: dict[str, str]) -> None:
    with serve("good-a", "good-b") as client:
        url = f"{client.base_url}chat/completions"
        body = {"model": "auto", "messages": [{"role": "user", "content": "code"}]}
        assert httpx.post(url, json=body, headers=headers).status_code == 403
        assert httpx.post(url, json=body).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com"])
def test_an_open_address_needs_a_key(host: str) -> None:
    with pytest.raises(ValueError, match="METALOOP_ROUTE_KEY"):
        check_binding(host, None)
    check_binding(host, "key")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_a_loopback_address_needs_none(host: str) -> None:
    check_binding(host, None)


@pytest.mark.parametrize("model", [None, 1, "gpt-4o", "auto:", "auto:2", "auto:nan", "auto:x"])
def test_another_model_is_refused_with_the_mend(model: object) -> None:
    with pytest.raises(ClientError, match=r"auto:0\.7"):
        read_alpha(model)


def test_the_last_message_of_the_user_is_what_is_routed() -> None:
    parts = [
        {"type": "text", "text": "one"},
        {"type": "image_url"},
        {"type": "text", "text": "two"},
    ]
    told = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "so"},
    ]
    assert read_query(told) == "one\ntwo"
    for messages in (None, [], [1], [{"role": "system", "content": "x"}]):
        with pytest.raises(ClientError, match="messages"):
            read_query(messages)


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 100_000])
def test_what_is_no_request_is_a_400(serve, content: str) -> None:
    with serve("good-a", "good-b") as client:
        assert httpx.post(f"{client.base_url}chat/completions", content=content).status_code == 400


@pytest.mark.parametrize(
    ("value", "mend"),
    [
        ('"\\ud83d"', "surrogate"),
        ("NaN", "Infinity"),
        ("-Infinity", "Infinity"),
        ("1e999", "1e308"),
    ],
)
def test_what_json_cannot_say_is_a_400_with_the_mend(serve, value: str, mend: str) -> None:
    body = '{"model": "auto", "messages": [{"role": "user", "content": "code"}], "user": %s}'
    with serve("good-a", "good-b") as client:
        answer = httpx.post(f"{client.base_url}chat/completions", content=body % value)
    assert answer.status_code == 400
    assert mend in answer.json()["error"]["message"]


def test_half_a_character_in_an_answer_is_passed_on(serve) -> None:
    with serve("half-a", "good-b") as client:
        assert ask(client, "code").choices[0].message.content == "half-a says code\ud83d"
        chunks = list(ask(client, "code", stream=True))
    assert chunks[2].choices[0].delta.content == "code\ud83d "


def test_an_answer_with_nan_is_no_json(serve, upstream) -> None:
    with serve("nan-a", "good-b") as client:
        assert ask(client, "code").model == upstream.reference("good-b")


def test_a_router_of_strangers_cannot_be_served() -> None:
    with pytest.raises(ValueError, match="provider:name"):
        Endpoint(router("gpt", "claude"))


def test_a_router_without_a_key_for_any_model_says_what_is_missing(monkeypatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=r"OPENAI_API_KEY.*ANTHROPIC_API_KEY"):
        Endpoint(router("openai:gpt-4o", "anthropic:claude-sonnet-4-5"))
