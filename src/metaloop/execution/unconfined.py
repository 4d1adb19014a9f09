"""No sandbox at all, for `--unsafe`: limits against accidents, none against intent."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from metaloop.execution import view
from metaloop.execution.cell import Cell, borrow_group, limit
from metaloop.execution.cgroup import Cgroup
from metaloop.execution.job import Job, Outcome
from metaloop.execution.tree import Leader, descendants, end
from metaloop.execution.watch import Watch

_MARK = "METALOOP_JOB"


class Unconfined:
    """Runs jobs with all rights of the user: they see every file, the network, every process.

    `read_only`, `hidden` and `network` mean nothing here. Time, memory, disk and processes are
    limited; a process that wants to outlive its job can.
    """

    name = "NO SANDBOX (--unsafe): jobs run unconfined, with all your rights"

    async def run(self, job: Job) -> Outcome:
        """See `Sandbox.run`."""
        return await (await self._start(job, DEVNULL, timed=True)).outcome()

    async def open(self, job: Job) -> Process:
        """See `Sandbox.open`."""
        cell = await self._start(job, PIPE, timed=False)
        cell.look_after()
        return cell.process

    async def _start(self, job: Job, stdin: int, timed: bool) -> Cell:
        with ExitStack() as undo:
            group, give_back = borrow_group(job)
            undo.callback(give_back)
            home = tempfile.mkdtemp(prefix="metaloop-")
            undo.callback(shutil.rmtree, home, ignore_errors=True)
            workspace = job.workspace.resolve()
            if job.out is not None and not (workspace / job.cwd / "out").exists():
                link = workspace / job.cwd / "out"
                link.symlink_to(job.out.resolve())
                undo.callback(link.unlink, missing_ok=True)
            mark = uuid4().hex
            process = await asyncio.create_subprocess_exec(
                *view.command(job),
                stdin=stdin,
                stdout=PIPE,
                stderr=PIPE,
                cwd=workspace / job.cwd,
                env=view.environment(job, str(workspace), home) | {_MARK: mark},
                start_new_session=True,
            )
            leader = Leader(process.pid)
            tree = _Marked(leader, mark, group)
            watch = Watch(job, tree, group, [workspace, Path(home)])
            cell = Cell(job, process, leader, tree, watch, undo.pop_all().close)
        limit(process.pid, job, timed)
        if group is not None:
            group.add(process.pid)
        return cell
