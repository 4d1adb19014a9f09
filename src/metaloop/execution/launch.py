"""How every sandbox starts a job: held back until it is confined and its limits are in place.

The program that sets up the sandbox reports, on a pipe, which processes it made. The last thing it
does before it turns into the job is to print an empty line on stderr and wait for one on stdin:
when metaloop has died meanwhile there is none, and no job.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from abc import ABC, abstractmethod
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from metaloop.execution.cell import Cell, borrow_group, ended, limit, undisturbed
from metaloop.execution.job import Job, Opened, Outcome, SandboxError
from metaloop.execution.tree import Leader, Tree
from metaloop.execution.watch import Watch

# To be run by a shell, with the job's command as its arguments.
READY = 'echo >&2; read -r _ || exit 125; "$@"; exit $?'
_LINE = 1 << 20  # longest line that can be read from an opened process, in bytes
_REPORT = 4096


class _Held:
    """An opened process. Killed is its tree, not the program that set the sandbox up.

    That one buries the first process of the sandbox, which the machine's init may be slow to do,
    or never does; until then it counts against the limit of its control group.
    """

    def __init__(self, process: Process, tree: Tree) -> None:
        self.stdin, self.stdout = process.stdin, process.stdout
        self._process, self._tree = process, tree

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def kill(self) -> None:
        self._tree.kill()

    async def wait(self) -> int:
        return await ended(self._process)


@dataclass(frozen=True)
class Launch:
    """A program that sets up a sandbox for one job."""

    command: tuple[str, ...]
    inherited: tuple[int, ...]
    """Descriptors that it needs."""
    written: tuple[Path, ...]
    """The host's directories that the job can write to."""
    locked: frozenset[str] = frozenset()
    """Paths in these of what the job can neither write to nor put anything else in place of, though
    the sandbox sets its times when the job starts."""


class Launcher(ABC):
    """A sandbox that consists of a program which sets it up."""

    name: str

    async def run(self, job: Job) -> Outcome:
        """See `Sandbox.run`."""
        cell = await self._started(job, timed=True)
        cast(StreamWriter, cell.process.stdin).close()
        return await cell.outcome()

    async def open(self, job: Job) -> Opened:
        """See `Sandbox.open`."""
        cell = await self._started(job, timed=False)
        cell.look_after()
        return _Held(cell.process, cell.tree)

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
            with os.fdopen(info, "rb", buffering=0) as reports:
                undo.callback(os.close, info_end)
                launch = self._launch(job, info_end, undo)
                process = await asyncio.create_subprocess_exec(
                    *launch.command,
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=PIPE,
                    env={},  # whatever this program gets, the job could read in /proc
                    pass_fds=(*launch.inherited, info_end),
                    process_group=_doomed_group(),
                    limit=_LINE,
                )
                await self._ready(process)
                pid, leader, tree = self._confined(json.loads(reports.read(_REPORT)))
            watch = Watch(job, tree, group, launch.written, launch.locked)
            cell = Cell(job, process, leader, tree, watch, undo.pop_all().close)
        try:
            limit(pid, job, timed, counted=group is not None)
            if group is not None:  # the kernel takes milliseconds for this
                await asyncio.to_thread(group.add, pid)
        except OSError as error:
            await undisturbed(cell.abandon())
            raise SandboxError(f"the limits cannot be set: {error}") from error
        except asyncio.CancelledError:
            await undisturbed(cell.abandon())
            raise
        cast(StreamWriter, process.stdin).write(b"\n")
        return cell

    async def _ready(self, process: Process) -> None:
        """Wait until the job is held back only by us; else the program is dead on return."""
        ready = False
        try:
            stderr, complaints = cast(StreamReader, process.stderr), b""
            while (line := await stderr.readline()) not in (b"", b"\n"):
                complaints += line
            ready = bool(line)
            if not ready:
                reason = complaints.decode(errors="replace").strip()
                raise SandboxError(f"{self.name} cannot be set up: {reason}")
        finally:
            if not ready:
                if process.returncode is None:
                    process.kill()
                await undisturbed(process.wait())


async def _abandon(start: asyncio.Future[Cell]) -> None:
    try:
        cell = await start
    except SandboxError:
        return
    await cell.abandon()


def _doomed_group() -> int:
    """A process group that dies with metaloop, even if that is killed.

    Sandboxes die with their parent by themselves, but not yet while they are being set up.
    """
    return _mourner(os.getpid(), os.getsid(0)).pid


@cache
def _mourner(pid: int, session: int) -> subprocess.Popen[bytes]:  # noqa: ARG001
    """For each process and session, a shell that waits for metaloop's end of a pipe to close,
    then kills its group. The cache keeps that end open."""
    shell = ("/bin/sh", "-c", "read -r _; kill -s KILL 0")
    return subprocess.Popen(shell, stdin=PIPE, env={}, process_group=0)


def memory_file(content: bytes, undo: ExitStack) -> int:
    """A file without a name, at its beginning."""
    fd = os.memfd_create("metaloop")
    undo.callback(os.close, fd)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
