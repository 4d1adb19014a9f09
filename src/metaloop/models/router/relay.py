"""Passing an answer on: the actual model, what it cost and why it was chosen are written in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaloop.models.prices import price
from metaloop.models.reference import Reference
from metaloop.models.router.policy import Decision
from metaloop.models.router.upstream import UpstreamFault

if TYPE_CHECKING:
    import httpx

Event = dict[str, Any]


@dataclass(frozen=True)
class Routed:
    """Who answers, by which decision, and who failed before."""

    model: str
    decision: Decision
    failed: tuple[str, ...]

    def note(self, usage: object) -> dict[str, Any]:
        """The field `metaloop` of an answer. `cost` is in dollars, null where nobody knows."""
        return {
            "model": self.model,
            "cost": _cost(self.model, usage),
            "reason": self.decision.reason,
            "clusters": list(self.decision.clusters),
            "expected_score": self.decision.expected_score,
            "expected_cost": self.decision.expected_cost,
            "failed": list(self.failed),
        }


async def whole(response: httpx.Response, routed: Routed) -> Event:
    """A complete answer; raises UpstreamFault when it is none."""
    try:
        answer = json.loads(await response.aread(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise UpstreamFault("the answer is not JSON") from None
    if not isinstance(answer, dict) or not answer.get("choices"):
        raise UpstreamFault("the answer holds no choice")
    return answer | {"model": routed.model, "metaloop": routed.note(answer.get("usage"))}


async def events(response: httpx.Response) -> AsyncIterator[Event]:
    """The chunks of a streamed answer; raises UpstreamFault when one is garbled or they break off.

    What an endpoint reports in place of a chunk ({"error": ...}) is a fault as well. Not all say
    [DONE]: a text that has ended is whole.
    """
    ended = False
    async for line in response.aiter_lines():
        field, _, data = line.partition(":")
        if field != "data":
            continue
        if data.strip() == "[DONE]":
            return
        try:
            chunk = json.loads(data, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise UpstreamFault("a chunk is not JSON") from None
        if isinstance(chunk, dict) and chunk.get("choices") is None and not chunk.get("error"):
            if not chunk.get("usage"):
                continue  # a sign of life
            chunk["choices"] = []
        if not isinstance(chunk, dict) or not isinstance(chunk.get("choices"), list):
            raise UpstreamFault("a chunk holds no choices")
        ended = ended or _finishes(chunk)
        yield chunk
    if not ended:
        raise UpstreamFault("the stream broke off")


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity; the client's JSON may have no such thing."""
    raise ValueError(name)


async def relayed(
    chunks: AsyncIterator[Event], routed: Routed, usage: bool
) -> AsyncIterator[Event]:
    """The same chunks under the actual model's name; the last one tells the cost.

    Usage comes after the chunk that finishes the text, so that one is held back until then. A
    client that did not ask for a chunk of usage (`usage`) does not get one.
    """
    held: Event | None = None
    counts: object = None
    async for chunk in chunks:
        chunk["model"] = routed.model
        counts = chunk.get("usage") or counts
        if not chunk["choices"] and not usage:
            continue
        if held is not None:
            yield held
            held = None
        if _ends(chunk):
            held = chunk
        else:
            yield chunk
    if held is not None:
        yield held | {"metaloop": routed.note(counts)}


def _ends(chunk: Event) -> bool:
    """True for what comes last: usage, or the end of the text."""
    return not chunk["choices"] or _finishes(chunk)


def _finishes(chunk: Event) -> bool:
    """True for the end of the text."""
    return any(isinstance(c, dict) and c.get("finish_reason") for c in chunk["choices"])


def _cost(model: str, usage: object) -> float | None:
    """Dollars of an answer; None when the price or the number of tokens is unknown."""
    reference = Reference.parse(model)
    if reference.provider == "local":
        return 0.0
    match usage:
        case {"prompt_tokens": int(read), "completion_tokens": int(written)}:
            return price(reference, read, written)
    return None
