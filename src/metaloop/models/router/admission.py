"""Who is served by `route serve`, and what may be asked of it."""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaloop.models.router.name import DEFAULT_ALPHA

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST = 32_000_000
"""Bytes of a request."""


class ClientError(Exception):
    """The request cannot be served; told to the client with an HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def read_alpha(model: object) -> float:
    """The alpha in `auto` or `auto:ALPHA`; raises ClientError for any other model."""
    name, colon, text = model.partition(":") if isinstance(model, str) else ("", "", "")
    try:
        alpha = float(text) if colon else DEFAULT_ALPHA
    except ValueError:
        alpha = -1.0
    if name != "auto" or not 0 <= alpha <= 1:
        raise ClientError(f"model: write auto, or auto:0.7 for alpha = 0.7 (got {model!r})", 404)
    return alpha


def read_query(messages: object) -> str:
    """What the router goes by: the text of the last message of the user.

    It is the part that changes; system prompt and earlier turns stay. Raises ClientError where
    there is none.
    """
    for message in reversed(messages if isinstance(messages, list) else []):
        match message:
            case {"role": "user", "content": str(text)}:
                return text
            case {"role": "user", "content": list(parts)}:
                texts = (part.get("text") for part in parts if isinstance(part, dict))
                return "\n".join(text for text in texts if isinstance(text, str))
    raise ClientError("messages: must be a list with a message of the user")


def check_binding(host: str, key: str | None) -> None:
    """Raise ValueError when the server would be open to others without a key."""
    if not key and not is_loopback(host):
        raise ValueError(
            f"{host} can be reached from elsewhere: set METALOOP_ROUTE_KEY to a key that clients "
            "must send, or bind to 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """True for addresses that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def admit(headers: Mapping[str, str], key: str | None) -> None:
    """Raise ClientError unless the client has the key or, without one, is on this machine.

    A web page in a browser here is no client: it may send requests to a loopback address, under
    another name (DNS rebinding).
    """
    if key:
        sent = headers.get("authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(sent.encode(), key.encode()):
            raise ClientError("wrong or missing key", 401)
        return
    host = headers.get("host", "")
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if not is_loopback(name.strip("[]")) or "origin" in headers:
        raise ClientError("without a key only programs on this machine are served", 403)


async def read_body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; raises ClientError when it is none, or too large."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            raise ClientError(f"the request has more than {LARGEST} bytes", 413)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ClientError(f"the request is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ClientError("the request is not a JSON object")
    _check_sendable(body)
    return body


def _check_sendable(body: dict[str, Any]) -> None:
    """Raise ClientError for what Python reads as JSON and no model is sent."""
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise ClientError(
            f"the request holds {half}, half of a surrogate pair: send whole characters"
        ) from None
    except ValueError:
        raise ClientError(
            "the request holds NaN, Infinity or a number beyond 1e308, which JSON has not: send "
            "null or leave it out"
        ) from None


def error_body(message: str, status: int) -> dict[str, Any]:
    """As OpenAI words it."""
    kind = "invalid_request_error" if status < 500 else "api_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
