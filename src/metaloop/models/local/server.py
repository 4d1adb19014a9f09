"""llama.cpp in this process, as an OpenAI-compatible server on a loopback port.

Same request, same answer: whatever was asked before, in this process or another, and however
many threads compute. Two settings bring that about. Without flash attention the arithmetic does
not depend on the number of threads. And since numbers differ slightly between a prompt read in
one go and one whose beginning was cached, the beginning is always cached, and always the same:
`recall` puts the state after exactly the system prompt back before each call. That also lets
roles that share a model keep one warm system prompt each.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from metaloop.models.base import ModelError, ModelUnavailable
from metaloop.models.local.scratch import Scratch

CONTEXT_TOKENS = 8192
BATCH_TOKENS = 512
MOST_STATES = 8
"""System prompts whose state is kept; each takes some 12 to 28 kB per token on disk."""


class Server:
    """One loaded model. The server ends and its memory is freed with the object.

    Only this process can use it: requests need `key`, which is made up anew each time.
    """

    def __init__(self, weights: Path, threads: int) -> None:
        """Load (about a second per GB); raises ModelUnavailable when the file is no model."""
        self.threads = threads
        self.key = secrets.token_hex(16)
        self._scratch = Scratch()
        self._states: dict[str, str] = {}
        self._native = _start(weights, threads, self.key, self._scratch.path)
        self.url: str = self._native.listening_address
        self._address = urlsplit(self.url)

    async def recall(self, system: str) -> None:
        """Put the model into the state after reading `system`; reads it the first time.

        Raises ModelError when the prompt does not fit, ModelUnavailable when nobody answers.
        """
        state = self._states.pop(system, None)
        if state is None or not (self._scratch.path / state).exists():  # it may have been swept
            state = await self._read(system)
        self._states[system] = state  # last in order: most recently used
        await self._post("/slots/0?action=restore", {"filename": state})

    async def _read(self, system: str) -> str:
        """Evaluate the fixed beginning of a chat from nothing, and save the state."""
        if len(self._states) >= MOST_STATES:
            self._forget_oldest()
        mark = "\N{OBJECT REPLACEMENT CHARACTER}"
        chat = [{"role": "system", "content": system}, {"role": "user", "content": mark}]
        prompt = (await self._post("/apply-template", {"messages": chat}))["prompt"]
        beginning = {"prompt": prompt.rpartition(mark)[0], "n_predict": 0, "cache_prompt": False}
        await self._post("/completion", beginning)
        state = hashlib.sha256(system.encode("utf-8", "replace")).hexdigest()
        await self._post("/slots/0?action=save", {"filename": state})
        return state

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._states))
        (self._scratch.path / self._states.pop(oldest)).unlink(missing_ok=True)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        """One request of our own; when it is cancelled, the server stops working on it."""
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.0\r\nHost: {self._address.hostname}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        try:
            reader, writer = await asyncio.open_connection(
                self._address.hostname, self._address.port
            )
            try:
                writer.write(head.encode() + content)
                status, _, answer = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
        except OSError as error:
            raise ModelUnavailable(f"the local model's server does not answer: {error}") from error
        text = answer.decode("utf-8", "replace")
        if status.split()[1:2] != [b"200"]:
            raise ModelError(f"local model: {' '.join(text.split())[:300]}")
        return json.loads(text)


def _start(weights: Path, threads: int, key: str, states: Path) -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelUnavailable("local models need: pip install 'metaloop[local]'") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx = CONTEXT_TOKENS
    params.n_batch = params.n_ubatch = BATCH_TOKENS  # a cancelled call ends with its batch
    params.n_parallel = 1  # more slots bring nothing on few cores, and each reads its own prompt
    params.port = 0
    params.api_keys = [key]
    params.slot_save_path = f"{states}/"
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_ram_mib = 0  # no other cache than ours
    params.n_gpu_layers = 0  # the same arithmetic with or without a graphics card
    params.warmup = False
    params.ui = False
    params.endpoint_metrics = True  # for the question below
    params.verbosity = 0
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = threads
        cpu.poll = 0  # idle threads sleep, so that trials have the cores
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelUnavailable(f"{weights.name} cannot be loaded: {error}") from error
    # One that is freed before its loop runs, e.g. when a load is cancelled, would wait for the end
    # of that loop for ever: only the loop answers this.
    server.handle_metrics()
    return server
