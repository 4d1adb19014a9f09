"""The seam to models: a request, its completion, and the protocol every model keeps."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol

Role = Literal["proposer", "strategist", "inventor", "repairer"]


@dataclass(frozen=True)
class Request:
    """One question to a model.

    `system` is the fixed part of the prompt and comes first, so that it is read once and cached;
    `prompt` is what changes. With `schema` (JSON Schema of an object) the answer is constrained
    to it where the provider can, and must be checked by the caller in any case.
    """

    role: Role
    system: str
    prompt: str
    schema: dict[str, Any] | None = None
    temperature: float = 0.7
    seed: int = 0
    max_tokens: int = 512

    def key(self, model: str) -> str:
        """SHA-256 of the model's name and the full request: the same key, the same answer."""
        # Not sorted: the order of a schema's properties is the order in which they are written.
        return hashlib.sha256(json.dumps([model, asdict(self)]).encode()).hexdigest()


@dataclass(frozen=True)
class Completion:
    """A model's answer. `usd` is None when the price is unknown, 0.0 only for local models.

    `cached` answers were read from a record: they cost nothing now, whatever `usd` says they once
    cost. `details["finish_reason"]` is "length" when `max_tokens` cut the text short. With
    `details["at_most"]`, so many attempts are in it that were given up or cannot be read, each
    charged with the most that it may have cost: nobody tells what it did.
    """

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    seconds: float
    usd: float | None = None
    cached: bool = False
    details: dict[str, Any] = field(default_factory=dict)


def in_all(answers: Sequence[Completion]) -> Completion:
    """The last of `answers`, charged with all of them."""
    known = [answer.usd for answer in answers if answer.usd is not None]
    untold = sum(answer.details.get("at_most", 0) for answer in answers)
    return replace(
        answers[-1],
        input_tokens=sum(answer.input_tokens for answer in answers),
        output_tokens=sum(answer.output_tokens for answer in answers),
        seconds=sum(answer.seconds for answer in answers),
        usd=sum(known) if len(known) == len(answers) else None,
        details=answers[-1].details | ({"at_most": untold} if untold else {}),
    )


class ModelError(Exception):
    """This one call failed for good (refused, malformed, empty); others may still succeed.

    `spent` holds the tokens, seconds and dollars of an answer that came, and is charged for, but
    was of no use or not to be read; None where none came.
    """

    def __init__(self, text: str, spent: Completion | None = None) -> None:
        super().__init__(text)
        self.spent = spent


class ModelUnavailable(Exception):
    """The provider is out of reach or rejects us, after retries: the run pauses, state saved.

    `spent` holds what was used up all the same: see `ModelError`.
    """

    def __init__(self, text: str, spent: Completion | None = None) -> None:
        super().__init__(text)
        self.spent = spent


FAILED = (ModelError, ModelUnavailable, asyncio.CancelledError)
"""How a call ends without an answer. Cancelled, it may be paid for as well: see `spent_on`."""


def spent_on(error: BaseException) -> Completion | None:
    """What the call that ended in `error`, one of `FAILED`, used up all the same."""
    spent: Completion | None = getattr(error, "spent", None)
    return spent


def charge(error: BaseException, answers: Sequence[Completion]) -> None:
    """Let `error` carry what `answers` cost, for `spent_on` to find."""
    if answers:
        # asyncio's own error carries it too: timeouts do not know a subclass of that.
        vars(error)["spent"] = in_all(answers)


class Model(Protocol):
    """One chat model. A router over several is a Model too."""

    name: str
    small: bool
    """True for models that want one compact call and a worked example (roughly below 7B)."""

    async def complete(self, request: Request) -> Completion:
        """Answer; raises ModelError or ModelUnavailable."""
        ...
