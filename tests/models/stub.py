"""A real HTTP server that speaks (or garbles) the chat-completions protocol, for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the stub sends back; `hang_s` seconds late."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    hang_s: float = 0.0


def ok(text: str | None = "fine", **more: Any) -> Reply:
    """A good chat completion."""
    message = {"role": "assistant", "content": text}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
    }
    return Reply(body=json.dumps(body | more).encode())


def silent(finish_reason: str = "length", written: int = 500, **message: Any) -> Reply:
    """A chat completion without text that is charged: `written` tokens of thought, say."""
    message = {"role": "assistant", "content": None} | message
    choice = {"index": 0, "finish_reason": finish_reason, "message": message}
    used = {"prompt_tokens": 1000, "completion_tokens": written, "total_tokens": 1000 + written}
    return ok(choices=[choice], usage=used)


def said(*content: dict[str, Any], stop_reason: str = "end_turn") -> Reply:
    """A message as Anthropic words it."""
    body = {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "stub",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 500},
    }
    return Reply(body=json.dumps(body).encode())


def refusal(status: int, message: str = "no", **headers: str) -> Reply:
    """An error as OpenAI words it."""
    return Reply(status, json.dumps({"error": {"message": message}}).encode(), headers)


class Stub:
    """What the server was asked, and what it will say: `answer` of the number and the body."""

    def __init__(self, answer: Callable[[int, dict[str, Any]], Reply]) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.headers: list[str] = []
        self.url = ""
        self.released = threading.Event()


@contextmanager
def serving(answer: Callable[[int, dict[str, Any]], Reply]) -> Iterator[Stub]:
    """Run a stub on a loopback port for as long as the block lasts."""
    stub = Stub(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stub.asked.append(body)
            stub.keys.append(self.headers["Authorization"])
            stub.headers.append(str(self.headers))
            reply = stub.answer(len(stub.asked), body)
            stub.released.wait(reply.hang_s)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:
                pass  # the client has given up

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield stub
    finally:
        stub.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
