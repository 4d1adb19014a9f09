"""Models behind one real server on a loopback port: they answer, fail, or break off, by name."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


class Upstream:
    """What was asked of it. A model's name says how it behaves, see `_answer`."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.left = threading.Event()
        """Set when a client left `hang` waiting."""
        self.url = ""

    def reference(self, name: str) -> str:
        return f"openai:{name}@{self.url}/v1"

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/chat/completions", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        self.keys.append(request.headers["authorization"])
        kind = body["model"].split("-")[0]
        if kind == "fail":
            return JSONResponse({"error": {"message": "busy"}}, 503)
        if kind == "garble":
            return PlainTextResponse("<html>")
        if kind == "refuse":
            return JSONResponse({"error": {"message": "too long"}}, 400)
        if kind == "old" and "stream_options" in body:
            return JSONResponse({"error": {"message": "stream_options: unknown field"}}, 422)
        if kind == "badkey":  # as Google words it
            details = [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
            return JSONResponse([{"error": {"message": "not valid", "details": details}}], 400)
        if kind == "broke":  # as Anthropic words it
            message = "Your credit balance is too low to access the Anthropic API."
            return JSONResponse({"error": {"message": message}}, 400)
        if kind == "hang":
            while (await request.receive())["type"] != "http.disconnect":
                pass
            self.left.set()
            return PlainTextResponse("")
        if kind == "nan":
            return PlainTextResponse('{"choices": [{"logprob": NaN}]}')
        text = f"{body['model']} says {body['messages'][-1]['content']}"
        text += "\ud83d" if kind == "half" else ""
        if body.get("stream"):
            return StreamingResponse(_chunks(text, kind), media_type="text/event-stream")
        await asyncio.sleep(0.02)
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": text},
        }
        answer = json.dumps(_frame("chat.completion", [choice]) | {"usage": USAGE})
        return Response(answer, media_type="application/json")


async def _chunks(text: str, kind: str) -> AsyncIterator[str]:
    """A chunk per word, the end, and usage where nobody stops before."""
    if kind == "break":  # as Azure begins
        yield _event(_frame("chat.completion.chunk", []) | {"prompt_filter_results": []})
    for i, word in enumerate(text.split()):
        if kind == "break" and i == 2:
            return
        choice = {"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}
        yield _event(_frame("chat.completion.chunk", [choice]))
        if kind == "ping":
            yield _event({"type": "ping"})
        await asyncio.sleep(0)
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield _event(_frame("chat.completion.chunk", [end]))
    if kind == "bare":
        yield _event({"usage": USAGE})
    else:
        yield _event(_frame("chat.completion.chunk", []) | {"usage": USAGE})
    if kind != "undone":
        yield "data: [DONE]\n\n"


def _frame(kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "1", "object": kind, "created": 1, "model": "upstream", "choices": choices}


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """Serve `app` from a thread of its own; gives its URL."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", backlog=512))
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
