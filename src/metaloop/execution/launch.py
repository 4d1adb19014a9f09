"""How every sandbox starts a job: held back until it is confined and its limits are in place.

The program that sets up the sandbox reports, on a pipe, which processes it made. The last thing it
does before it turns into the job is to print an empty line on stderr and wait for one on stdin:
when metaloop has died meanwhile there is none, and no job.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from abc import ABC, abstractmethod
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from metaloop.execution.cell import Cell, borrow_group, limit, undisturbed
from metaloop.execution.job import Job, Outcome, SandboxError
from metaloop.execution.tree import Leader, Tree
from metaloop.execution.watch import Watch

# To be run by a shell, with the job's command as its arguments.
READY = 'echo >&2; read -r _ || exit 125; "$@"; exit $?'
_LINE = 1 << 20  # longest line that can be read from an opened process, in bytes
_REPORT = 4096


@dataclass(frozen=True)
class Launch:
    """A program that sets up a sandbox for one job."""

    command: tuple[str, ...]
    inherited: tuple[int, ...]
    """Descriptors that it needs."""
    written: tuple[Path, ...]
    """The host's directories that the job can write to."""


class Launcher(ABC):
    """A sandbox that consists of a program which sets it up."""

    name: str

    async def run(self, job: Job) -> Outcome:
        """See `Sandbox.run`."""
        cell = await self._started(job, timed=True)
        cast(StreamWriter, cell.process.stdin).close()
        return await cell.outcome()

    async def open(self, job: Job) -> Process:
        """See `Sandbox.open`."""
        cell = await self._started(job, timed=False)
        cell.look_after()
        return cell.process

    @abstractmethod
    def _launch(self, job: Job, report: int, undo: ExitStack) -> Launch:
        """What to start; `undo` is unwound when the job is dead, or could not start."""

    @abstractmethod
    def _confined(self, report: dict[str, Any]) -> tuple[int, Leader, Tree]:
        """The process that is held back, the one whose end is the job's, and all of them."""

    async def _started(self, job: Job, timed: bool) -> Cell:
        """Start a job; a cancellation waits until it can be killed as a whole."""
        start = asyncio.ensure_future(self._start(job, timed))
        try:
            return await asyncio.shield(start)
        except asyncio.CancelledError:
            await undisturbed(_abandon(start))
            raise

    async def _start(self, job: Job, timed: bool) -> Cell:
        """Start a job."""
        with ExitStack() as undo:
            group, give_back = borrow_group(job)
            undo.callback(give_back)
            info, info_end = os.pipe()
            with os.fdopen(info, "rb", buffering=0) as reports, _Lifeline() as lifeline:
                undo.callback(os.close, info_end)
                launch = self._launch(job, info_end, undo)
                process = await asyncio.create_subprocess_exec(
                    *launch.command,
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=PIPE,
                    env={},  # whatever this program gets, the job could read in /proc
                    pass_fds=(*launch.inherited, info_end, lifeline.end),
                    start_new_session=True,
                    limit=_LINE,
                )
                await self._ready(process, lifeline)
                pid, leader, tree = self._confined(json.loads(reports.read(_REPORT)))
            watch = Watch(job, tree, group, launch.written)
            cell = Cell(job, process, leader, tree, watch, undo.pop_all().close)
        try:
            limit(pid, job, timed, counted=group is not None)
            if group is not None:
                group.add(pid)
        except OSError as error:
            await undisturbed(cell.abandon())
            raise SandboxError(f"the limits cannot be set: {error}") from error
        cast(StreamWriter, process.stdin).write(b"\n")
        return cell

    async def _ready(self, process: Process, lifeline: _Lifeline) -> None:
        """Wait until the job is held back only by us; else the program is dead on return."""
        ready = False
        try:
            lifeline.tie(process.pid)
            stderr, complaints = cast(StreamReader, process.stderr), b""
            while (line := await stderr.readline()) not in (b"", b"\n"):
                complaints += line
            ready = bool(line)
            if not ready:
                reason = complaints.decode(errors="replace").strip()
                raise SandboxError(f"{self.name} cannot be set up: {reason}")
        finally:
            if ready:
                lifeline.untie()
            else:
                lifeline.cut()
                await undisturbed(process.wait())


async def _abandon(start: asyncio.Future[Cell]) -> None:
    try:
        cell = await start
    except SandboxError:
        return
    await cell.abandon()


class _Lifeline:
    """A pipe: when metaloop's end closes, the kernel kills a process group.

    Sandboxes die with their parent, but some only from the moment they are set up.
    """

    def __init__(self) -> None:
        self.end, self._ours = os.pipe()

    def __enter__(self) -> _Lifeline:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.end)
        self.cut()

    def tie(self, group: int) -> None:
        """Kill this process group when metaloop's end closes."""
        fcntl.fcntl(self.end, fcntl.F_SETOWN, -group)
        fcntl.fcntl(self.end, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(self.end, fcntl.F_SETFL, os.O_ASYNC)

    def untie(self) -> None:
        """Let it live."""
        fcntl.fcntl(self.end, fcntl.F_SETFL, 0)

    def cut(self) -> None:
        """Close metaloop's end."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1


def memory_file(content: bytes, undo: ExitStack) -> int:
    """A file without a name, at its beginning."""
    fd = os.memfd_create("metaloop")
    undo.callback(os.close, fd)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
