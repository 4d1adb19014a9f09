"""One model for every provider, over pydantic-ai's direct requests."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from metaloop.models.base import (
    FAILED,
    Completion,
    ModelError,
    ModelUnavailable,
    Request,
    charge,
    in_all,
    spent_on,
)
from metaloop.models.keys import find_key, own_headers
from metaloop.models.prices import plausible, price
from metaloop.models.reference import Reference

if TYPE_CHECKING:
    from pydantic_ai.exceptions import ModelAPIError
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model as Client
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.usage import RequestUsage

LONGEST_ANSWER = 1_000_000
"""Characters; what is longer is garbage, whatever `max_tokens` said."""

LONGEST_WAIT_S = 60.0
"""Between two attempts; who asks for more is given up at once."""

THOUGHT_TOKENS = 8_000
"""More tokens for a model that thought until none was left to answer with."""

_FICKLE = ("temperature", "seed")
"""Settings that some models refuse; they are then left out."""
_MISREAD = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""The libraries read answers trustingly: JSON of another shape, or none, ends in one of these."""
_COMMON = 1.0
"""The highest temperature that all providers know."""


class ProviderModel:
    """A chat model of a provider, or behind an OpenAI-compatible URL.

    A rate limit, a server error or a timeout is tried again, `attempts` times in all, after
    `first_wait_s` doubled each time (with jitter), or for as long as the provider asks. What took
    longer than `timeout_s`, or broke off on the way, may be paid for: it is tried once more only,
    with double the time. With one attempt a model is asked once, whatever it says.
    """

    def __init__(
        self,
        reference: Reference,
        *,
        name: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 180.0,
        attempts: int = 5,
        first_wait_s: float = 1.0,
    ) -> None:
        self.name = name or str(reference)
        self.small = reference.small
        self._reference = reference
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._first_wait_s = first_wait_s
        self._refused: set[str] = set()
        self._thought = 0
        self._hottest = _COMMON if reference.provider == "anthropic" else math.inf
        # HTTP connections belong to the event loop that opened them.
        self._client: tuple[asyncio.AbstractEventLoop, Client] | None = None

    async def complete(self, request: Request) -> Completion:
        """Answer; raises ModelError when it is garbage, ModelUnavailable when none comes.

        What is returned or raised is charged with what came to nothing on the way to it; so is a
        cancelled call.
        """
        wasted: list[Completion] = []
        try:
            answer = await self._with_room(request, wasted)
        except FAILED as error:
            spent = spent_on(error)
            charge(error, [*wasted, spent] if spent else wasted)
            raise
        return in_all([*wasted, answer])

    async def _with_room(self, request: Request, wasted: list[Completion]) -> Completion:
        """An answer. A model that thinks gets tokens for it as soon as it had too few left over.

        The call is recorded by `request`, which does not change.
        """
        thought, cut = self._thought, None
        try:
            cut = await self._answer(_longer(request, thought), wasted)
            if thought or self._attempts == 1 or not _cut_by_thought(cut):
                return cut
            wasted.append(cut)
        except _Starved as starved:
            if thought or self._attempts == 1 or starved.spent is None:
                raise
            wasted.append(starved.spent)
        except ModelError as error:
            if not thought or error.spent is not None:
                raise
            return await self._answer(request, wasted)  # so much room may be what is refused
        try:
            answer = await self._answer(_longer(request, THOUGHT_TOKENS), wasted)
        except ModelError as error:
            if cut is None or error.spent is not None:
                raise
            wasted.remove(cut)
            return cut  # so much room is refused: what was written is all there is
        self._thought = THOUGHT_TOKENS
        return answer

    async def _answer(self, request: Request, wasted: list[Completion]) -> Completion:
        """An answer, in so many attempts; those that were given up are put into `wasted`."""
        client = self._connected()
        attempt, timeout_s = 1, self._timeout_s
        while True:
            start = time.monotonic()
            try:
                answer = await self._ask(client, request, timeout_s)
            except asyncio.CancelledError:
                wasted.append(self._at_most(request, start))
                raise
            if not isinstance(answer, Exception):
                return self._completion(answer, time.monotonic() - start)
            asked = answer.retry_after
            last = attempt >= self._attempts or (asked or 0.0) > LONGEST_WAIT_S
            if _cut_off(answer):
                wasted.append(self._at_most(request, start))
                last = last or timeout_s > self._timeout_s
                timeout_s = 2 * self._timeout_s
            if last:
                tries = "1 attempt" if attempt == 1 else f"{attempt} attempts"
                raise ModelUnavailable(
                    f"{self.name} gave no answer in {tries}: {_brief(answer)}"
                ) from answer
            await asyncio.sleep(self._wait_s(attempt, asked))
            attempt += 1

    async def _ask(
        self, client: Client, request: Request, timeout_s: float
    ) -> ModelResponse | ModelAPIError:
        """One attempt. An error that is worth another attempt is returned, others are raised."""
        from pydantic_ai import exceptions as errors
        from pydantic_ai.direct import model_request
        from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart

        message = ModelRequest([SystemPromptPart(request.system), UserPromptPart(request.prompt)])
        # Endpoints take the schema as it is; the providers' own strict dialects are left to
        # pydantic-ai, which rewords what they do not know.
        parameters = _parameters(client, request, strict=False if self._reference.url else None)
        start = time.monotonic()
        while True:
            settings = self._settings(request, timeout_s)
            try:
                return await model_request(
                    client,
                    [message],
                    model_settings=settings,
                    model_request_parameters=parameters,
                )
            except errors.ModelAPIError as error:
                if refused := _refused(error, settings):
                    self._do_without(refused, settings)
                    continue
                if _passing(error):
                    return error
                if _lasting(error):
                    told = f"{self.name}: {_brief(error)}{self._without_key(error)}"
                    raise ModelUnavailable(told) from error
                refusal = hasattr(error, "status_code")
                spent = None if refusal else self._at_most(request, start)
                raise ModelError(f"{self.name}: {_brief(error)}", spent) from error
            except (errors.AgentRunError, *_MISREAD) as error:
                told = f"{self.name}: malformed answer: {_brief(error)}"
                raise ModelError(told, self._at_most(request, start)) from error

    def _connected(self) -> Client:
        """The client of this event loop; raises ModelUnavailable when it lacks a key."""
        from pydantic_ai.exceptions import UserError

        loop = asyncio.get_running_loop()
        if self._client is None or self._client[0] is not loop:
            if not self._api_key and (mend := self._reference.missing()):
                raise ModelUnavailable(mend)
            try:
                self._client = (loop, _client(self._reference, self._api_key))
            except (UserError, ImportError) as error:
                raise ModelUnavailable(f"{self.name}: {_brief(error)}") from error
        return self._client[1]

    def _without_key(self, error: ModelAPIError) -> str:
        """The mend, where an endpoint refused to answer without a key."""
        url, refused = self._reference.url, getattr(error, "status_code", 0) in (401, 403)
        if not url or not refused or self._api_key or find_key("openai", url):
            return ""
        return "; it was sent no key: put one into METALOOP_KEYS, as URL=KEY"

    def _settings(self, request: Request, timeout_s: float) -> ModelSettings:
        settings: ModelSettings = {
            "max_tokens": request.max_tokens,
            "request_timeout": timeout_s,
            "timeout": timeout_s,
            "max_retries": 0,  # retrying is ours
        }
        if "temperature" not in self._refused:
            settings["temperature"] = min(request.temperature, self._hottest)
        if "seed" not in self._refused:
            settings["seed"] = request.seed
        return settings

    def _do_without(self, refused: str, settings: ModelSettings) -> None:
        """Leave a setting out from now on; but a high temperature may only be out of range."""
        if refused == "temperature" and settings["temperature"] > _COMMON:
            self._hottest = _COMMON
        else:
            self._refused.add(refused)

    def _wait_s(self, attempt: int, asked: float | None) -> float:
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 (spreads retries, guards nothing)
        wait = self._first_wait_s * 2.0 ** (attempt - 1) * jitter
        return min(max(wait, asked or 0.0), LONGEST_WAIT_S)

    def _at_most(self, request: Request, start: float) -> Completion:
        """What an attempt since `start` without a legible answer may have cost: an upper bound.

        Providers charge for what they wrote to nobody as well, and tell nobody how much. Taken are
        a token for every two bytes of the request, and all tokens that the answer was allowed.
        """
        asked = f"{request.system}{request.prompt}{json.dumps(request.schema)}"
        read, written = len(asked.encode("utf-8", "replace")) // 2, request.max_tokens
        usd = price(self._reference, read, written)
        seconds = time.monotonic() - start
        return Completion("", self.name, read, written, seconds, usd, details={"at_most": 1})

    def _completion(self, answer: ModelResponse, seconds: float) -> Completion:
        """Read an answer; raises ModelError, with what was spent, when it is of no use."""
        text, usage = clean(answer.text or ""), answer.usage
        read, written = usage.input_tokens, usage.output_tokens
        if not plausible(read, written):
            read = written = 0
        # Some endpoints report nothing: no tokens, no price.
        measured = written > 0 or (read > 0 and not text)
        usd = price(self._reference, read, written) if measured else None
        details = {"finish_reason": answer.finish_reason} | _thought(usage)
        completion = Completion(text, self.name, read, written, seconds, usd, details=details)
        spent = replace(completion, text="")
        if not text.strip():
            kind = _Starved if answer.finish_reason == "length" else ModelError
            raise kind(f"{self.name}: empty answer (finish: {answer.finish_reason})", spent)
        if len(text) > LONGEST_ANSWER:
            raise ModelError(f"{self.name}: an answer of {len(text)} characters", spent)
        return completion


def _thought(usage: RequestUsage) -> dict[str, int]:
    """How many tokens went into thought, under whichever name they are told."""
    names = ("reasoning_tokens", "thinking_tokens", "thoughts_tokens")
    told = [tokens for name in names if (tokens := usage.details.get(name))]
    return {"thought_tokens": told[0]} if told else {}


def _cut_by_thought(answer: Completion) -> bool:
    """Whether an answer was cut short, and might not have been without the thought before it."""
    return answer.details["finish_reason"] == "length" and "thought_tokens" in answer.details


class _Starved(ModelError):
    """All tokens were used up before anything was written, as by thought."""


def _longer(request: Request, tokens: int) -> Request:
    return replace(request, max_tokens=request.max_tokens + tokens)


def clean(text: str) -> str:
    """`text` as every store can hold it: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _client(reference: Reference, api_key: str | None) -> Client:
    from pydantic_ai.models import infer_model
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    if reference.url:
        key = api_key or find_key(reference.provider, reference.url) or "none"
        endpoint = OpenAICompatibleProvider("endpoint", base_url=reference.url, api_key=key)
        own = endpoint.client.with_options(default_headers=own_headers(reference.url, key))
        endpoint = OpenAICompatibleProvider("endpoint", openai_client=own)
        # Only OpenAI itself wants the newer `max_completion_tokens`: others ignore or refuse it.
        profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
        return OpenAIChatModel(reference.name, provider=endpoint, profile=profile)
    # Chat completions rather than OpenAI's newer interface: those know seeds.
    kind = "openai-chat" if reference.provider == "openai" else reference.provider
    return infer_model(f"{kind}:{reference.name}")


def _refused(error: ModelAPIError, settings: ModelSettings) -> str | None:
    """The setting, if any, that this refusal (400, 422) names and that we can do without."""
    if getattr(error, "status_code", None) not in (400, 422):
        return None
    text = f"{error.message} {error.body}".lower()
    return next((name for name in _FICKLE if name in settings and name in text), None)


def _parameters(client: Client, request: Request, *, strict: bool | None) -> ModelRequestParameters:
    """Constrain the answer to the schema where the model can; else the prompt alone asks for it."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition

    if request.schema is None or not client.profile.get("supports_json_schema_output"):
        return ModelRequestParameters()
    answer = OutputObjectDefinition(json_schema=request.schema, name="answer", strict=strict)
    return ModelRequestParameters(
        output_mode="native", output_object=answer, allow_text_output=False
    )


def _passing(error: ModelAPIError) -> bool:
    """Whether the same request may well succeed in a while."""
    from pydantic_ai import exceptions as errors

    if isinstance(error, errors.ModelQuotaExceededError):
        return False
    if isinstance(error, errors.ModelConnectionError):
        # Nobody is there, when the connection is refused: the run waits for that, not the call.
        return error.phase != "connect" or isinstance(error, errors.ModelTimeoutError)
    status = getattr(error, "status_code", 0)
    return (
        isinstance(error, errors.ModelRequestTimeout) or status in (408, 409, 429) or status >= 500
    )


def _cut_off(error: ModelAPIError) -> bool:
    """Whether a deadline, ours or a gateway's, or the network ended it after it was sent."""
    from pydantic_ai import exceptions as errors

    if isinstance(error, errors.ModelConnectionError):
        return error.phase not in ("pool", "connect")
    late = getattr(error, "status_code", 0) in (408, 504, 524)
    return late or isinstance(error, errors.ModelRequestTimeout)


def _lasting(error: ModelAPIError) -> bool:
    """Whether every other request would fail as well: no server, no access, no credit, no model."""
    from pydantic_ai import exceptions as errors

    kinds = (
        errors.ModelConnectionError,
        errors.ModelAuthenticationError,
        errors.ModelNotFoundError,
        errors.ModelQuotaExceededError,
    )
    return isinstance(error, kinds) or getattr(error, "status_code", 0) in (401, 402, 403, 404)


def _brief(error: Exception) -> str:
    """One line of `error` that is safe to print: servers word errors, and not all are friends."""
    words = " ".join(str(error).split())
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)
    return text if len(text) <= 300 else text[:300] + "…"
