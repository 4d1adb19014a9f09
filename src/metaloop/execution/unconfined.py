"""No sandbox at all, for `--unsafe`: limits against accidents, none against intent."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from signal import SIGTERM
from typing import Any

from metaloop.execution import confine, view
from metaloop.execution.job import Job, Outcome, SandboxError
from metaloop.execution.launch import Launch, Launcher, memory_file
from metaloop.execution.tree import Leader, Tree


class Unconfined(Launcher):
    """Runs jobs with all rights of the user: they see every file, the network, every process.

    `read_only`, `hidden`, `writable` and `network` mean nothing here, and the workspace is where it
    is on the host. Time, memory, disk and processes are limited, and the processes that a job
    leaves behind are killed; a job that means to can prevent all that.
    """

    name = "NO SANDBOX (--unsafe): jobs run unconfined, with all your rights"

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, job: Job) -> Outcome:
        """See `Sandbox.run`. Jobs that are shown data in `out` take turns: a workspace, which they
        may share, has one link to it."""
        if job.out is None:
            return await super().run(job)
        async with self._turn:
            return await super().run(job)

    def _launch(self, job: Job, report: int, undo: ExitStack) -> Launch:
        home = private_directory(undo)
        return self._order(job, report, home, undo)

    def _order(
        self, job: Job, report: int, home: Path, undo: ExitStack, **confinement: Any
    ) -> Launch:
        """Start `confine`; without more said, it confines nothing."""
        workspace = job.workspace.resolve()
        _show_out(job, undo)
        order = {
            "command": view.command(job),
            "cwd": str(workspace / job.cwd),
            "env": view.environment(job, str(workspace), str(home)),
            "report": report,
            "landlock": None,
            "modes": [],
            "remove": str(home),
        } | confinement
        fd = memory_file(json.dumps(order).encode(), undo)
        command = (sys.executable, "-I", "-S", confine.__file__, str(fd))
        return Launch(command, (fd,), (workspace, home))

    def _confined(self, report: dict[str, Any]) -> tuple[int, Leader, Tree]:
        leader = Leader(report["leader"])
        return report["job"], leader, _Kept(leader)


class _Kept:
    """The processes below a keeper (see `confine`), which kills them when told to end."""

    tmpfs = None

    def __init__(self, keeper: Leader) -> None:
        self._keeper = keeper

    def members(self) -> list[str]:
        """See `Tree`."""
        return [f"/proc/{pid}" for pid in confine.descendants(self._keeper.pid)]

    def kill(self) -> None:
        """See `Tree`."""
        self._keeper.kill(SIGTERM)


def private_directory(undo: ExitStack) -> Path:
    """A job's home and /tmp. The keeper removes it, unless the job never started."""
    path = Path(tempfile.mkdtemp(prefix="metaloop-home-"))
    undo.callback(lambda: path.rmdir() if path.exists() else None)
    return path


def _show_out(job: Job, undo: ExitStack) -> None:
    """Make `out` visible in the workspace, by a symlink, for as long as the job runs."""
    if job.out is None:
        return
    link = view.inside(job.workspace.resolve(), f"{job.cwd}/out")
    if link.is_dir() and not any(link.iterdir()):
        link.rmdir()
        undo.callback(link.mkdir, exist_ok=True)
    elif link.exists():
        raise SandboxError(f"{link} is in the way of the data to be shown there: remove it")
    link.symlink_to(job.out.resolve())
    undo.callback(lambda: link.unlink() if link.is_symlink() else None)
