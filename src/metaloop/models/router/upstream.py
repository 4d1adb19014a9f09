"""Where `route serve` forwards to: every provider by its OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from metaloop.models.base import ModelUnavailable
from metaloop.models.keys import find_key, openai_url
from metaloop.models.local.catalog import CATALOG
from metaloop.models.reference import Reference

if TYPE_CHECKING:
    from metaloop.models.local.server import Server

ENDPOINTS = {
    "anthropic": "https://api.anthropic.com/v1",
    "google": "https://generativelanguage.googleapis.com/v1beta/openai",
}
TIMEOUT_S = 600.0
"""For the next bytes of an answer."""
CONNECT_S = 10.0


class UpstreamFault(Exception):
    """This model did not answer; another one may."""


@dataclass(frozen=True)
class Address:
    """An endpoint, its key, and what the model is called there."""

    url: str
    key: str
    name: str


class Upstreams:
    """Connections to models. Opened with `async with`; local models load with their first call."""

    def __init__(self) -> None:
        self._local: dict[str, asyncio.Task[Server]] = {}
        self._turn = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Upstreams:
        timeout = httpx.Timeout(TIMEOUT_S, connect=CONNECT_S, pool=None)
        # No proxy or netrc of the environment: keys go where the reference says, and nowhere else.
        self._client = httpx.AsyncClient(
            timeout=timeout, limits=httpx.Limits(max_connections=None), trust_env=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.aclose()
        self._local.clear()

    @asynccontextmanager
    async def ask(
        self, reference: Reference, body: dict[str, Any]
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a chat completion, its body not read yet.

        Raises UpstreamFault when none comes, or one that says that another model may do better.
        """
        if reference.provider != "local":
            async with self._post(_address(reference), body) as response:
                yield response
            return
        async with self._turn:  # two models at once on few cores crawl
            try:
                server = await self._serve(reference)
            except ModelUnavailable as error:
                raise UpstreamFault(str(error)) from error
            address = Address(f"{server.url}/v1", server.key, "local")
            async with self._post(address, body) as response:
                yield response

    @asynccontextmanager
    async def _post(self, address: Address, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        if self._client is None:
            raise RuntimeError("Upstreams is opened with `async with`")
        sent = self._client.stream(
            "POST",
            f"{address.url.rstrip('/')}/chat/completions",
            json=body | {"model": address.name},
            headers={"Authorization": f"Bearer {address.key}"},
        )
        try:
            async with sent as response:
                if not response.is_success and not await _clients_fault(response):
                    raise UpstreamFault(f"status {response.status_code}")
                yield response
        except httpx.LocalProtocolError as error:  # its text may hold the header with our key
            raise UpstreamFault(type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamFault(f"{type(error).__name__}: {error}") from error

    async def _serve(self, reference: Reference) -> Server:
        if reference.name not in self._local:
            self._local[reference.name] = asyncio.create_task(_load(reference))
        try:
            # A client that leaves does not end the loading: the next one waits for the same.
            return await asyncio.shield(self._local[reference.name])
        except Exception:
            del self._local[reference.name]
            raise


async def _load(reference: Reference) -> Server:
    from metaloop.models.local.cores import best_threads
    from metaloop.models.local.pull import weights
    from metaloop.models.local.server import Server

    path = await asyncio.to_thread(weights, CATALOG[reference.name])
    if path is None:
        raise ModelUnavailable(reference.missing() or "no weights")
    return await asyncio.to_thread(Server, path, await best_threads())


_CLIENTS_FAULT = (400, 413, 422)
"""The request itself is refused: the client is told, other models would refuse it as well."""
_OUR_FAULT = ("API_KEY_INVALID", "credit balance is too low")
"""Unless the answer says so, of our account: some providers refuse that with a 400 as well."""


async def _clients_fault(response: httpx.Response) -> bool:
    """Whether a refusal is of the request itself, rather than of us or for now."""
    if response.status_code not in _CLIENTS_FAULT:
        return False
    said = (await response.aread()).decode("utf-8", "replace")
    return not any(words in said for words in _OUR_FAULT)


def _address(reference: Reference) -> Address:
    key = find_key(reference.provider, reference.url) or "none"
    own = openai_url() if reference.provider == "openai" else ENDPOINTS[reference.provider]
    return Address(reference.url or own, key, reference.name)
