"""One running job: its process, its limits, its output, its end. Shared by all sandboxes."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import resource
import time
from asyncio import StreamReader
from asyncio.subprocess import Process
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from metaloop.execution.cgroup import Cgroup, pool
from metaloop.execution.job import MB, Ending, Job, Outcome
from metaloop.execution.tree import Leader, Tree
from metaloop.execution.watch import Watch

_CHUNK = 1 << 16
_OPEN_FILES = 1024
_SPARE_PROCESSES = 16  # above the limit, so that the watch sees a job go over it
_NICE = 5
_looked_after: set[asyncio.Task[None]] = set()


@dataclass
class Cell:
    """A job that runs. Whoever starts one awaits its `outcome`, or has it looked after."""

    job: Job
    process: Process
    leader: Leader
    """The process whose end is the end of the job."""
    tree: Tree
    watch: Watch
    on_close: Callable[[], None]
    """Gives back what the sandbox took for this job; called once, when all is dead."""
    started: float = field(default_factory=time.monotonic)

    async def outcome(self) -> Outcome:
        """Wait for the end, or bring it about; everything is dead on return."""
        size = self.job.output_bytes
        out = asyncio.ensure_future(tail(cast(StreamReader, self.process.stdout), size))
        err = asyncio.ensure_future(tail(cast(StreamReader, self.process.stderr), size))
        try:
            ending = await self._ending(self.job.timeout_s)
            seconds = time.monotonic() - self.started
            self.tree.kill()
            stdout, stderr = await out, await err
            code = await self.process.wait()
            if ending == "exited":
                ending = await self.watch.exceeded_at_end(failed=code != 0) or ending
            exit_code = code if ending == "exited" else None
            return Outcome(ending, exit_code, stdout, stderr, seconds, self.watch.peak_mb)
        finally:
            await undisturbed(self._close())
            await undisturbed(self.process.wait())

    def look_after(self) -> None:
        """Hold the job to its limits from now on, in the background."""
        task = asyncio.ensure_future(self._look_after())
        _looked_after.add(task)
        task.add_done_callback(_looked_after.discard)

    async def abandon(self) -> None:
        """End the job, whose output nobody reads, whatever its state."""
        await self._close()
        await ended(self.process)

    async def _look_after(self) -> None:
        try:
            await self._ending(None)
        finally:
            await undisturbed(self._close())

    async def _ending(self, timeout_s: float | None) -> Ending:
        exited = asyncio.ensure_future(self.leader.ended())
        limit = asyncio.ensure_future(self.watch.until_exceeded())
        try:
            await asyncio.wait(
                (exited, limit), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if exited.done():
                return "exited"
            return limit.result() if limit.done() else "timed_out"
        finally:
            exited.cancel()
            limit.cancel()

    async def _close(self) -> None:
        self.tree.kill()
        await self.leader.ended()
        self.leader.close()
        self.on_close()


def limit(pid: int, job: Job, timed: bool, counted: bool) -> None:
    """Set the kernel's limits on a process and all it will start.

    `timed` adds processor time, as a backstop to the wall clock. Where no control group has
    `counted` the processes, the watch must be quicker than they are, and gets ahead in the queue;
    their number is limited too, if Linux can count them apart, but root is exempt from that.
    """
    disk = job.disk_mb * MB
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_FSIZE: disk,
    }
    if timed:
        limits[resource.RLIMIT_CPU] = int(job.timeout_s * (os.cpu_count() or 1)) + 1
    if not counted:
        os.setpriority(os.PRIO_PROCESS, pid, _NICE)
        if _own_user_namespace(pid):
            limits[resource.RLIMIT_NPROC] = job.processes + _SPARE_PROCESSES
    for which, value in limits.items():
        _, hard = resource.prlimit(pid, which)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(pid, which, (value, value))


def _own_user_namespace(pid: int) -> bool:
    """Does the process have one, on a Linux that counts processes per user namespace?"""
    version = tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])
    other = Path(f"/proc/{pid}/ns/user").readlink() != Path("/proc/self/ns/user").readlink()
    return other and version >= (5, 14)


def borrow_group(job: Job) -> tuple[Cgroup | None, Callable[[], None]]:
    """A control group for the job, where this machine has them, and how to give it back."""
    groups = pool()
    if groups is None:
        return None, lambda: None
    group = groups.lend(job)
    return group, lambda: groups.take_back(group)


async def tail(stream: StreamReader, size: int) -> str:
    """All of a stream, of which the last `size` bytes are kept, as text."""
    kept = bytearray()
    while chunk := await stream.read(_CHUNK):
        kept += chunk
        if len(kept) > 2 * size + _CHUNK:
            del kept[:-size]
    return bytes(kept[max(len(kept) - size, 0) :]).decode(errors="replace")


async def ended(process: Process) -> int:
    """Wait for the end of a process, and throw away what it still says; returns its exit code.

    `process.wait()` waits for its pipes as well (CPython issue 119710), which do not end before
    all that is in them is read; of what nobody reads asyncio takes no more than its limit.
    """
    streams = (process.stdout, process.stderr)
    await asyncio.gather(*(tail(cast(StreamReader, stream), size=1) for stream in streams))
    return await process.wait()


async def undisturbed(work: Coroutine[Any, Any, object]) -> None:
    """Finish `work` although this task is being cancelled; the cancellation comes after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
