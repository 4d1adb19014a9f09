"""Looking after a running job: the limits that no kernel setting enforces for us.

Nothing here costs a short job anything: the first look comes after a tenth of a second. Where a
control group bounds memory and processes, a look reads its counters; elsewhere it adds up what
/proc says. Disk is what the job wrote, found by walking the workspace, but only when the free
space of its file system has gone down enough for it to matter, or now and then.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import time
from pathlib import Path

from metaloop.execution.cgroup import Cgroup
from metaloop.execution.job import MB, Ending, Job
from metaloop.execution.tree import Tree

_TICK_S = 0.1
_TICK_UNAIDED_S = 0.02  # where no control group holds a job back, a tenth of a second is long
_CLOCK_S = 0.02  # the kernel's time stamps lag behind its clock by up to a tick
_WALK_SHARE = 0.05  # of the time may go into walking the workspace
_WALK_MAX_S = 10.0


class Watch:
    """The limits of one running job."""

    def __init__(
        self,
        job: Job,
        tree: Tree,
        group: Cgroup | None,
        places: tuple[Path, ...],
        locked: frozenset[str],
    ) -> None:
        self._job, self._tree, self._group = job, tree, group
        self._started = time.time() - _CLOCK_S
        self._disk = Disk(places, locked, job.disk_mb * MB, self._started)
        self._peak_mb: float | None = None

    @property
    def peak_mb(self) -> float | None:
        """Most memory in use at once so far, where it is known."""
        measured = self._group.peak_mb() if self._group is not None else None
        return self._peak_mb if measured is None else measured

    async def until_exceeded(self) -> Ending:
        """Look again and again; return the limit that the job went over."""
        while True:
            await asyncio.sleep(_TICK_S if self._group is not None else _TICK_UNAIDED_S)
            if (ending := await self.exceeded()) is not None:
                return ending

    async def exceeded(self) -> Ending | None:
        """The limit that the job is over, if any."""
        ending = self._group.exceeded() if self._group is not None else self._count()
        if ending is None and await self._disk.full(self._tree):
            return "out_of_disk"
        return ending

    async def exceeded_at_end(self, failed: bool) -> Ending | None:
        """The limit that an ended job had run into, as far as it left a trace."""
        if self._group is not None and (ending := self._group.exceeded()) is not None:
            return ending
        return "out_of_disk" if failed and await self._disk.full(self._tree) else None

    def _count(self) -> Ending | None:
        """Memory and processes as /proc tells them."""
        threads, memory, members = 0, 0, self._tree.members()
        if len(members) > self._job.processes + 1:  # no time to lose
            return "too_many_processes"
        for member in members:
            fields = _status(member)
            threads += fields.get("Threads", 0)
            memory += fields.get("RssAnon", 0) + fields.get("RssShmem", 0)
        if threads > self._job.processes + 1:
            return "too_many_processes"
        limit = self._job.memory_mb * MB
        if memory > limit and len(members) > 1:
            memory = sum(map(_proportional, members))  # pages that forks share count once
        memory += _tmpfs(self._tree.tmpfs)
        self._peak_mb = max(self._peak_mb or 0.0, memory / MB)
        return "out_of_memory" if memory > limit else None


class Disk:
    """What a job has written below some directories, where nothing `locked` can be its work."""

    def __init__(
        self, places: tuple[Path, ...], locked: frozenset[str], limit: int, since: float
    ) -> None:
        self._places, self._locked, self._limit, self._since = places, locked, limit, since
        self._free = [_free(place) for place in places]
        self._known, self._next_walk = 0, 0.0

    async def full(self, tree: Tree) -> bool:
        """Is it more than allowed?"""
        free = [_free(place) for place in self._places]
        gone = max(old - new for old, new in zip(self._free, free, strict=True))
        if gone < self._limit - self._known and time.monotonic() < self._next_walk:
            return False
        began = time.monotonic()
        self._known = await asyncio.to_thread(self.written, tree)
        ended = time.monotonic()
        self._free, self._next_walk = free, ended + (ended - began) / _WALK_SHARE
        return self._known > self._limit

    def written(self, tree: Tree) -> int:
        """Bytes in files created or changed since the start, deleted ones still open included."""
        total = sum(self._size(found) for found in _deleted(tree))
        queue, until = [str(place) for place in self._places], time.monotonic() + _WALK_MAX_S
        while queue and total <= self._limit and time.monotonic() < until:
            try:
                with os.scandir(queue.pop()) as entries:
                    for entry in entries:
                        if entry.path not in self._locked:
                            total += self._size(entry.stat(follow_symlinks=False))
                        if entry.is_dir(follow_symlinks=False):
                            queue.append(entry.path)
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:  # nobody nests so deep but to hide
                    return self._limit + 1
                continue  # removed while we walked
        return total

    def _size(self, found: os.stat_result) -> int:
        # An empty file takes an inode, which is not free either.
        return found.st_blocks * 512 + 512 if found.st_ctime >= self._since else 0


def _deleted(tree: Tree) -> list[os.stat_result]:
    """Regular files that are open in the tree, but in no directory any more."""
    found: dict[tuple[int, int], os.stat_result] = {}
    for member in tree.members():
        try:
            for link in Path(member, "fd").iterdir():
                opened = link.stat()
                if opened.st_nlink == 0 and stat.S_ISREG(opened.st_mode):
                    found[opened.st_dev, opened.st_ino] = opened
        except OSError:  # it has just ended, or closed the file
            continue
    return list(found.values())


def _status(member: str) -> dict[str, int]:
    """The numbers of /proc/PID/status, kB turned into bytes."""
    numbers = {}
    try:
        # A program may call itself anything: bytes that are no text, or a digit that is no number.
        for line in Path(member, "status").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            words = value.split()
            if words and words[0].isdecimal():
                numbers[name] = int(words[0]) * (1024 if words[-1] == "kB" else 1)
    except OSError:  # it has just ended
        return {}
    return numbers


def _proportional(member: str) -> int:
    """Bytes of a process's memory, each page divided by the number of its users."""
    try:
        for line in Path(member, "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    except OSError:  # it has just ended
        return 0
    return 0


def _tmpfs(path: str | None) -> int:
    """Bytes of memory that the files of a job's private /tmp take."""
    if path is None:
        return 0
    try:
        found = os.statvfs(path)
    except OSError:
        return 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize + (
        found.f_files - found.f_ffree
    ) * 1024


def _free(place: Path) -> int:
    try:
        found = os.statvfs(place)
    except OSError:  # removed at the end of the job
        return 0
    return found.f_bfree * found.f_frsize
