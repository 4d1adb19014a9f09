"""The main process's handle on a mechanism, which itself runs in a sandbox.

Whatever comes back is hostile until checked here: bounded in size and time, then turned into a
valid assignment or a `Steer`, else into a `MechanismError` that says what is wrong.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from metaloop.execution.job import Job, Opened, Sandbox
from metaloop.mechanism.api import Params, Space, Steer, Trial

CALL_S = 10.0
"""Longest that one call may take."""
START_S = 30.0
"""Longest that start, imports and `__init__` may take."""
MEMORY_MB = 512
ANSWER_BYTES = 1 << 16
_NAMES = 8
_NAME_CHARS = 80
_TEXT_CHARS = 300
_ERROR_CHARS = 1500
_GRACE_S = 1.0
"""Longest that a worker may take to end when it is told to."""
_STOPPED = "the mechanism was stopped"


class MechanismError(Exception):
    """A mechanism raised, hung, died or answered nonsense; the text says which, and where."""


class MechanismHost:
    """One mechanism in its worker. The worker starts at the first call.

    Histories must be prefixes of one growing list of trials: only what is new is sent, so that
    a call costs the same late in a run as early.
    """

    def __init__(
        self, source: str, space: Space, seed: int, sandbox: Sandbox, call_s: float = CALL_S
    ) -> None:
        self.source = source
        self._space, self._seed, self._sandbox, self._call_s = space, seed, sandbox, call_s
        self._process: Opened | None = None
        self._turn = asyncio.Lock()
        self._started = self._judges = False
        self._sent = 0
        self._over = ""

    async def start(self) -> None:
        """Start the worker and the mechanism, unless they are; the first call does it otherwise.

        Raises MechanismError, and SandboxError when the sandbox itself fails.
        """
        async with self._turn:
            await self._ensure_started()

    async def restart(self, space: Space, seed: int) -> None:
        """Forget all, and begin anew with a fresh instance, in the same worker."""
        async with self._turn:
            self._space, self._seed, self._started = space, seed, False
            await self._ensure_started()

    async def suggest(self, history: Sequence[Trial]) -> Params | Steer:
        """What the mechanism suggests: a valid full assignment, or a checked steer.

        Raises MechanismError.
        """
        answer = await self._call("suggest", history, len(history))
        return read_advice(answer, self._space, history)

    async def accept(self, trial: Trial, history: Sequence[Trial]) -> bool | None:
        """Whether the next trials should start from `trial`; None when it has no opinion.

        Raises MechanismError.
        """
        await self.start()
        if not self._judges:
            return None
        answer = await self._call("accept", history, len(history), trial)
        opinion = answer.get("accept")
        if opinion is not None and not isinstance(opinion, bool):
            raise MechanismError("accept() must return True, False or None")
        return opinion

    async def restore(self, calls: Iterable[tuple[str, int]], history: Sequence[Trial]) -> None:
        """Ask again what was asked before, so that the mechanism remembers what it did.

        `calls` are pairs of "suggest" or "accept" and the number of trials seen then; the trial
        to accept was the one that came next. Answers, errors too, are discarded.
        """
        for kind, seen in calls:
            trial = history[seen] if kind == "accept" else None
            try:
                await self.start()
                if kind == "suggest" or self._judges:
                    await self._call(kind, history, seen, trial)
            except MechanismError:
                if self._over:
                    return

    def kill(self) -> None:
        """End the worker at once."""
        self._over = self._over or _STOPPED
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def close(self) -> None:
        """End the worker and wait until it is gone; a call under way is cut short.

        One that is well ends by itself when there are no more requests. Killing it instead would
        leave the first process of its sandbox to the machine's init, which may be slow to bury it,
        or never do: until then it counts against the limit of its control group.
        """
        if self._over or self._turn.locked():
            self.kill()
        self._over = self._over or _STOPPED
        async with self._turn:  # nobody else reads what it says
            process = self._process
            if process is None:
                return
            try:
                if process.stdin is not None:
                    process.stdin.close()
                async with asyncio.timeout(_GRACE_S):
                    await process.wait()
            except TimeoutError:
                pass
            finally:
                self.kill()
            await process.wait()

    async def _call(
        self, kind: str, history: Sequence[Trial], seen: int, trial: Trial | None = None
    ) -> dict[str, Any]:
        async with self._turn:
            await self._ensure_started()
            request: dict[str, Any] = {"do": kind, "seen": seen}
            request["new"] = [_fields(t) for t in history[self._sent : seen]]
            if trial is not None:
                request["trial"] = _fields(trial)
            self._sent = max(self._sent, seen)
            return await self._ask(request, self._call_s)

    async def _ensure_started(self) -> None:
        if self._over:
            raise MechanismError(self._over)
        if self._started:
            return
        request = {"do": "start", "source": self.source, "seed": self._seed}
        answer = await self._ask(request | {"space": self._space.to_dict()}, START_S)
        self._started, self._sent, self._judges = True, 0, answer.get("judges") is True

    async def _ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send one request and read its answer; a worker that does not answer is ended."""
        problem = "the call was interrupted"
        try:
            async with asyncio.timeout(timeout_s):
                if self._process is None:
                    self._process = await self._sandbox.open(_job())
                    if self._over:  # stopped meanwhile
                        raise EOFError
                line = await exchange(self._process, json.dumps(request).encode() + b"\n")
            answer = json.loads(line)
            problem = "" if isinstance(answer, dict) else "it wrote into the answer pipe"
        except TimeoutError:
            doing = "starting" if request["do"] == "start" else f"{request['do']}()"
            problem = f"{doing} took longer than {timeout_s:g} s"
        except (ValueError, RecursionError):
            problem = "it wrote into the answer pipe"
        except (EOFError, ConnectionError):
            problem = "its process ended (too much memory, or it ended itself)"
        except OverflowError:
            problem = f"its answer was longer than {ANSWER_BYTES} bytes"
        finally:
            if problem:
                self._over = problem = self._over or problem
                self.kill()
        if problem:
            raise MechanismError(problem)
        if "error" in answer:
            raise MechanismError(printable(str(answer["error"]), _ERROR_CHARS, keep="\n"))
        return dict(answer)


async def exchange(process: Opened, request: bytes) -> bytes:
    """One line out, one line in.

    Raises EOFError or ConnectionError when the worker ended, OverflowError on a long answer.
    """
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(request)
    await process.stdin.drain()
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = await process.stdout.read(ANSWER_BYTES)
        line += chunk
        if not chunk:
            raise EOFError
        if len(line) > ANSWER_BYTES:
            raise OverflowError
    return bytes(line)


def read_advice(answer: dict[str, Any], space: Space, history: Sequence[Trial]) -> Params | Steer:
    """A worker's answer as a valid assignment or steer; raises MechanismError."""
    match answer:
        case {"assign": dict(params)}:
            if not space:
                raise MechanismError("this task has no parameters: suggest() must return a Steer")
            try:
                return space.clip(params)
            except (ValueError, OverflowError) as error:
                raise MechanismError(printable(f"suggest(): {error}", _TEXT_CHARS)) from None
        case {"steer": dict(steer)}:
            return _read_steer(steer, history)
    raise MechanismError("suggest() must return a dict or a Steer")


def _read_steer(steer: dict[str, Any], history: Sequence[Trial]) -> Steer:
    parent, hint = steer.get("parent"), steer.get("hint") or ""
    if parent is not None:
        if isinstance(parent, bool) or not isinstance(parent, int):
            raise MechanismError("Steer.parent must be the number of a trial, or None")
        if not 0 <= parent < len(history) or history[parent].loss is None:
            raise MechanismError(f"Steer.parent: there is no measured trial {parent}"[:_TEXT_CHARS])
    if not isinstance(hint, str):
        raise MechanismError("Steer.hint must be a string")
    return Steer(
        parent,
        _read_names("focus", steer.get("focus")),
        _read_names("avoid", steer.get("avoid")),
        printable(hint, _TEXT_CHARS),
    )


def _read_names(field: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MechanismError(f"Steer.{field} must be a list of names")
    names = (printable(name, _NAME_CHARS) for name in value[:_NAMES])
    return tuple(name for name in dict.fromkeys(names) if name)


def printable(text: str, most: int, keep: str = "") -> str:
    """`text` cut to `most` characters, control and other unprintable characters blanked."""
    return "".join(c if c.isprintable() or c in keep else " " for c in text[:most]).strip()


def _fields(trial: Trial) -> list[Any]:
    """A trial as the worker reads it: its fields in order."""
    return list(vars(trial).values())


def _job() -> Job:
    here = Path(__file__).parent
    # Our own interpreter, whatever environment the task's programs run in.
    command = (sys.executable, "-I", "-m", "metaloop.mechanism.worker", str(MEMORY_MB))
    return Job(command, here, writable=False, memory_mb=2 * MEMORY_MB, disk_mb=64, processes=16)
