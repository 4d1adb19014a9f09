"""A sandbox that remembers what its jobs used and left behind."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from metaloop.execution.job import Job, Opened, Outcome, Sandbox

Tree = dict[str, tuple[int, int]]
"""Size and time of each file, by path relative to the job's directory."""


class Observed:
    """`sandbox`, observed: the peak memory of programs, and what the first of them wrote."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self.name = sandbox, sandbox.name
        self.peak_mb: float | None = None
        self.written: list[str] | None = None
        """Files of the task that the first program to end well made or changed."""

    async def run(self, job: Job) -> Outcome:
        """As the sandbox runs it. A job that may write is the program, any other the judge."""
        if not job.writable:
            return await self._sandbox.run(job)
        first = self.written is None
        place = job.workspace / job.cwd
        before = await asyncio.to_thread(_tree, place) if first else {}
        outcome = await self._sandbox.run(job)
        if first and outcome.ok:
            after = await asyncio.to_thread(_tree, place)
            self.written = sorted(name for name in after if after[name] != before.get(name))
        if outcome.peak_mb is not None:
            self.peak_mb = max(self.peak_mb or 0.0, outcome.peak_mb)
        return outcome

    async def open(self, job: Job) -> Opened:
        """As the sandbox opens it."""
        return await self._sandbox.open(job)


def _tree(root: Path) -> Tree:
    found: Tree = {}
    for top, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in files:
            info = os.lstat(Path(top, name))
            found[str(Path(top, name).relative_to(root))] = (info.st_size, info.st_mtime_ns)
    return found
