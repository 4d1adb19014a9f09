"""A local model behind the seam: loaded on first use, shared, one generating at a time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from weakref import WeakKeyDictionary

from metaloop.models.base import FAILED, Completion, ModelUnavailable, Request, charge, spent_on
from metaloop.models.local.catalog import Entry
from metaloop.models.local.cores import Pace, best_threads
from metaloop.models.local.pull import weights
from metaloop.models.local.server import Server
from metaloop.models.provider import ProviderModel
from metaloop.models.reference import Reference

TIMEOUT_S = 1200.0
"""For one answer; a crowded machine writes a token a second."""

_loaded: dict[str, Loaded] = {}
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class LocalModel:
    """A model of the catalogue. Any number of these share one server in this process."""

    small = True

    def __init__(self, entry: Entry) -> None:
        self.name = f"local:{entry.name}"
        self._entry = entry

    async def complete(self, request: Request) -> Completion:
        """Answer; raises ModelUnavailable when the weights are not here, ModelError as usual.

        Two models at once on few cores crawl, so each call waits for its turn; `seconds` of the
        completion leaves that wait out.
        """
        async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            loaded = _loaded.get(self.name)
            if loaded is not None and await loaded.may_widen():
                loaded = None
            loaded = loaded or await self._load(await best_threads())
            start = time.monotonic()
            await loaded.server.recall(request.system)
            try:
                answer = await loaded.client.complete(request)
            except FAILED as error:
                if (spent := spent_on(error)) is not None:  # free, of use or not
                    charge(error, [replace(spent, usd=0.0)])
                raise
            seconds = time.monotonic() - start
            # Without the time that a new system prompt took: reading is no slow writing.
            crawls = loaded.server.threads > 1 and loaded.pace.crawls(
                answer.output_tokens, answer.seconds
            )
            del loaded  # so that a server that is given up is freed before the next one loads
            if crawls:
                await self._load(threads=1)
        return replace(answer, seconds=seconds, usd=0.0)

    async def _load(self, threads: int) -> Loaded:
        path = await asyncio.to_thread(weights, self._entry)
        if path is None:
            raise ModelUnavailable(
                f"{self.name} is not on this machine: run `metaloop models pull {self._entry.name}`"
            )
        _loaded.pop(self.name, None)
        _loaded[self.name] = loaded = Loaded(
            self.name, await asyncio.to_thread(Server, path, threads)
        )
        return loaded


class Loaded:
    """A running server, the client that speaks to it, and how fast it has been."""

    LOOK_EVERY = 6

    def __init__(self, name: str, server: Server) -> None:
        self.server = server
        self.calls = 0
        self.pace = Pace()
        reference = Reference("openai", "local", f"{server.url}/v1")
        self.client = ProviderModel(
            reference, name=name, api_key=server.key, timeout_s=TIMEOUT_S, attempts=1
        )

    async def may_widen(self) -> bool:
        """Now and then: are cores idle by now that were busy when the threads were chosen?"""
        self.calls += 1
        return self.calls % self.LOOK_EVERY == 0 and await best_threads() > self.server.threads
