"""`route serve`: an OpenAI-compatible endpoint that forwards each request to the chosen model.

A request for the model `auto:0.7` is decided at alpha = 0.7. When the chosen model does not answer
the next one is asked, as long as nothing was passed on to the client.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from metaloop.models.base import ModelUnavailable
from metaloop.models.reference import Reference
from metaloop.models.router.admission import (
    ClientError,
    admit,
    error_body,
    read_alpha,
    read_body,
    read_query,
)
from metaloop.models.router.fit import Fitted
from metaloop.models.router.policy import REST_S, Decision
from metaloop.models.router.relay import Event, Routed, events, relayed, whole
from metaloop.models.router.upstream import UpstreamFault, Upstreams

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Stream:
    """The lines of a streamed answer, and what lets go of the model that writes it."""

    lines: AsyncIterator[str]
    close: Callable[[], Awaitable[None]]


class Endpoint:
    """Decides, forwards, and falls back. One per server."""

    def __init__(self, fitted: Fitted) -> None:
        """Raises ValueError when no model of the router can be called, saying why."""
        self._fitted = fitted
        self._references = {name: Reference.parse(name) for name in fitted.policy.models}
        self.missing = {name: mend for name, r in self._references.items() if (mend := r.missing())}
        """Models that cannot be called, and what would mend it."""
        if len(self.missing) == len(self._references):
            mends = "; ".join(self.missing.values())
            raise ValueError(f"no model of this router can be called: {mends}")
        self._resting: dict[str, float] = {}
        self.upstreams = Upstreams()

    async def complete(self, body: Event) -> Event | Stream:
        """The answer to a chat completion, whole or as a stream, which is to be closed.

        Raises ClientError for what the client can mend, and when every model failed.
        """
        alpha, query = read_alpha(body.get("model")), read_query(body.get("messages"))
        try:
            vectors = await asyncio.to_thread(self._fitted.embedder.embed, [query])
            decision = self._decide(vectors[0], alpha)
        except (ValueError, ModelUnavailable) as error:
            raise ClientError(str(error), 503) from error
        failed: list[str] = []
        for model in (decision.model, *decision.fallbacks):
            routed = Routed(model, decision, tuple(failed))
            try:
                if body.get("stream"):
                    return await self._stream(routed, body)
                async with self.upstreams.ask(self._references[model], body) as response:
                    await _refuse(response)
                    return await whole(response, routed)
            except UpstreamFault as fault:
                self._resting[model] = time.monotonic() + REST_S
                failed.append(f"{model}: {fault}")
        raise ClientError("no model answered: " + "; ".join(failed), 502)

    def _decide(self, vector: Any, alpha: float) -> Decision:
        """Skip models that cannot be called, and for a while those that did not answer."""
        now = time.monotonic()
        resting = {model for model, until in self._resting.items() if until > now}
        try:
            return self._fitted.policy.decide(vector, alpha, self.missing.keys() | resting)
        except ValueError:  # better one that failed a moment ago than none
            return self._fitted.policy.decide(vector, alpha, self.missing)

    async def _stream(self, routed: Routed, body: Event) -> Stream:
        """Its first chunk is awaited here, while others may still answer."""
        options = body.get("stream_options") or {}
        asked = bool(options.get("include_usage")) if isinstance(options, dict) else False
        counted = body | {"stream_options": {"include_usage": True}}
        plain = {name: value for name, value in body.items() if name != "stream_options"}
        reference = self._references[routed.model]
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(self.upstreams.ask(reference, counted))
            if not response.is_success and b"stream_options" in await response.aread():
                await stack.aclose()
                response = await stack.enter_async_context(self.upstreams.ask(reference, plain))
            await _refuse(response)
            chunks = events(response)
            try:
                first = await anext(chunks)
            except StopAsyncIteration:
                raise UpstreamFault("the stream is empty") from None
            kept = stack.pop_all()
        return Stream(_lines(relayed(_chain(first, chunks), routed, asked)), kept.aclose)


async def _lines(chunks: AsyncIterator[Event]) -> AsyncIterator[str]:
    """Chunks as server-sent events."""
    try:
        async for chunk in chunks:
            yield f"data: {json.dumps(chunk)}\n\n"
    except (UpstreamFault, httpx.HTTPError) as fault:
        # Part of the answer is out, so another model cannot go on.
        yield f"data: {json.dumps(error_body(f'the model broke off: {fault}', 502))}\n\n"
        return
    yield "data: [DONE]\n\n"


async def _chain(first: Event, rest: AsyncIterator[Event]) -> AsyncIterator[Event]:
    yield first
    async for chunk in rest:
        yield chunk


async def _refuse(response: httpx.Response) -> None:
    """Raise ClientError when the upstream says that the request itself is at fault."""
    if not response.is_success:
        text = (await response.aread()).decode("utf-8", "replace")
        raise ClientError(f"the model refused the request: {text[:1000]}", response.status_code)


async def _attended(
    request: Request, answer: Coroutine[Any, Any, Event | Stream]
) -> Event | Stream:
    """The answer, given up when the client leaves before it: a model would work for nobody.

    Raises ClientError, which nobody reads, when it is given up.
    """

    async def leave() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    work, left = asyncio.create_task(answer), asyncio.create_task(leave())
    try:
        await asyncio.wait((work, left), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientError("the client left before the answer came", 499)
        return await work
    finally:
        work.cancel()
        left.cancel()
        await asyncio.gather(work, left, return_exceptions=True)


def make_app(endpoint: Endpoint, key: str | None = None) -> Starlette:
    """The web application. With `key`, every request must carry it as bearer token."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route

    class Relay(StreamingResponse):
        """Closes the stream however it ends: the client may leave before it began."""

        def __init__(self, stream: Stream) -> None:
            super().__init__(stream.lines, media_type="text/event-stream")
            self._close = stream.close

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._close()

    async def chat(request: Request) -> Response:
        try:
            admit(request.headers, key)
            answer = await _attended(request, endpoint.complete(await read_body(request)))
        except ClientError as error:
            return JSONResponse(error_body(str(error), error.status), error.status)
        if isinstance(answer, dict):
            # In ASCII: a model's answer may hold half of a surrogate pair, which has no bytes.
            return Response(json.dumps(answer), media_type="application/json")
        return Relay(answer)

    async def models(request: Request) -> Response:
        try:
            admit(request.headers, key)
        except ClientError as error:
            return JSONResponse(error_body(str(error), error.status), error.status)
        listed = {"id": "auto", "object": "model", "created": 0, "owned_by": "metaloop"}
        return JSONResponse({"object": "list", "data": [listed]})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with endpoint.upstreams:
            yield

    routes = [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/models", models, methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)
