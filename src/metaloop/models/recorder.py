"""Every call is recorded once and answered from the record ever after."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol
from weakref import WeakValueDictionary

from metaloop.models.base import (
    Completion,
    Model,
    ModelError,
    ModelUnavailable,
    Request,
    spent_on,
)


@dataclass(frozen=True)
class Call:
    """One question and what came of it. With an `error`, the text of a `ModelError`, it failed; a
    completion beside that is what it cost all the same.

    A call that nobody answered, but that may have cost something, is kept for that alone: it is
    under no key of a request, so that the request is made again.
    """

    model: str
    request: Request
    completion: Completion | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        if self.completion is None and self.error is None:
            raise ValueError("a call has a completion, an error, or both")

    @property
    def answer(self) -> Completion | None:
        """The completion, if it is of use."""
        return self.completion if self.error is None else None

    @property
    def unanswered(self) -> bool:
        """Kept for what it may have cost alone."""
        return self.completion is not None and bool(self.completion.details.get("unanswered"))

    @property
    def key(self) -> str:
        """What the call is found by: see `Request.key`."""
        key = self.request.key(self.model)
        return f"{key} unanswered" if self.unanswered else key


class Recording(Protocol):
    """Calls that were made, to read from."""

    def get(self, key: str) -> Call | None:
        """The call recorded under `key`, if any."""
        ...


class CallStore(Recording, Protocol):
    """Where calls are kept: a cassette, or the journal."""

    def put(self, call: Call) -> None:
        """Keep `call` durably. A key that is there already stays as it is.

        The journal, which counts what was spent, keeps all that are unanswered.
        """
        ...


class Layered:
    """A store that reads from a recording too, and writes into the run's own journal alone: there
    what was recorded is `free`, or costs what it did."""

    def __init__(self, own: CallStore, recording: Recording, *, free: bool) -> None:
        self.own, self.recording, self.free = own, recording, free

    def get(self, key: str) -> Call | None:
        call = self.own.get(key)
        if call is None and (call := self.recording.get(key)) is not None:
            if call.completion is not None:
                call = replace(call, completion=replace(call.completion, cached=self.free))
            self.own.put(call)
        return call

    def put(self, call: Call) -> None:
        self.own.put(call)


class ReplayMiss(ModelUnavailable):
    """A replay asked what was never recorded: it has left the recorded path and must stop."""


class Recorded:
    """A model whose calls are kept in `store` and never made twice.

    Failed calls (`ModelError`) are kept as well, so that a replay fails where the run did; of an
    unavailable provider or a cancelled call no more than what may be charged is, since that is
    asked again. With `replay`, nothing is ever called. Identical requests at the same time become
    one call.
    """

    def __init__(self, model: Model, store: CallStore, *, replay: bool = False) -> None:
        self.name = model.name
        self.small = model.small
        self._model = model
        self._store = store
        self._replay = replay
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def complete(self, request: Request) -> Completion:
        """Answer from the record, else call and record.

        Raises ReplayMiss in a replay that lacks the call; else what the model raises, or raised.
        """
        key = request.key(self.name)
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:
            call = self._store.get(key)
            if call is None:
                return await self._ask(request)
        if call.answer is not None:
            return replace(call.answer, cached=True)
        spent = call.completion and replace(call.completion, cached=True)
        raise ModelError(call.error or "", spent)

    async def _ask(self, request: Request) -> Completion:
        if self._replay:
            raise ReplayMiss(
                f"replay: {self.name} was never asked this as {request.role}, seed {request.seed}; "
                "replay with the task, models and settings of the recorded run, or without --replay"
            )
        try:
            completion = await self._model.complete(request)
        except ModelError as error:
            self._store.put(Call(self.name, request, error.spent, str(error)))
            raise
        except (ModelUnavailable, asyncio.CancelledError) as error:
            if (spent := spent_on(error)) is not None:
                spent = replace(spent, details=spent.details | {"unanswered": True})
                self._store.put(Call(self.name, request, spent, str(error) or "cancelled"))
            raise
        self._store.put(Call(self.name, request, completion))
        return completion
