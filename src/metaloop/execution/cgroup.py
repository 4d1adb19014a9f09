"""Control groups: the kernel's own limits on the memory and processes of a whole job.

They are exact, and bind root too. Groups are made below the one this process is in, where the
machine lets us (version 1 with its `memory` and `pids` hierarchies, or a delegated version 2),
and are used again by later jobs: the kernel keeps a removed group alive as long as a page of its
cache is, so that one group per trial would slow the machine down with their number.
"""

from __future__ import annotations

import atexit
import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from metaloop.execution.job import MB, Ending, Job


@dataclass(frozen=True)
class Layout:
    """Where groups are made, and what the kernel calls their files."""

    memory: Path
    pids: Path
    limit: str
    swap_limit: str
    swap_bytes: int | None
    """The swap file's value: bytes of swap, or None when it limits memory and swap together."""
    peak: str
    oom: str


class Cgroup:
    """One group with its limits set; hand it back to the pool that lent it."""

    def __init__(self, layout: Layout, name: str, memory_mb: int, processes: int) -> None:
        self.limits = (memory_mb, processes)
        self._layout = layout
        self._memory, self._pids = layout.memory / name, layout.pids / name
        for path in {self._memory, self._pids}:
            path.mkdir()
        size = memory_mb * MB
        (self._memory / layout.limit).write_text(str(size))
        swap = self._memory / layout.swap_limit
        if swap.exists():
            swap.write_text(str(size if layout.swap_bytes is None else layout.swap_bytes))
        # The supervising process inside the sandbox is not the job's.
        (self._pids / "pids.max").write_text(str(processes + 1))
        self.reset()

    def reset(self) -> None:
        """Forget what earlier jobs did."""
        self._ooms, self._refusals = self._counts()
        self._base = 0
        if self._layout.peak == "memory.max_usage_in_bytes":
            peak = self._memory / self._layout.peak
            peak.write_text("0")
            self._base = int(peak.read_text())

    def add(self, pid: int) -> None:
        """Put a process in; what it starts from now on is in the group as well."""
        for path in {self._memory, self._pids}:
            (path / "cgroup.procs").write_text(str(pid))

    def exceeded(self) -> Ending | None:
        """Which limit this job ran into, if any."""
        ooms, refusals = self._counts()
        if ooms > self._ooms:
            return "out_of_memory"
        return "too_many_processes" if refusals > self._refusals else None

    def peak_mb(self) -> float | None:
        """Most memory in use at once by this job, where the kernel tells."""
        if self._layout.peak != "memory.max_usage_in_bytes":
            return None  # version 2 cannot reset its peak before Linux 6.12
        used = int((self._memory / self._layout.peak).read_text()) - self._base
        return max(used, 0) / MB

    def remove(self) -> None:
        """Delete the group, which must be empty; the last process may take a moment to leave."""
        for path in {self._memory, self._pids}:
            for _ in range(50):
                try:
                    path.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)

    def _counts(self) -> tuple[int, int]:
        return (
            _counter(self._memory / self._layout.oom, "oom_kill"),
            _counter(self._pids / "pids.events", "max"),
        )


class Pool:
    """Groups that are lent to jobs, by limits; removed when the program ends."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._made = 0
        self._all: list[Cgroup] = []
        self._free: list[Cgroup] = []
        for parent in {layout.memory, layout.pids}:
            _sweep(parent)
        atexit.register(self.close, os.getpid())

    def lend(self, job: Job) -> Cgroup:
        """A group with the job's limits; raises OSError when none can be made."""
        for group in self._free:
            if group.limits == (job.memory_mb, job.processes):
                self._free.remove(group)
                group.reset()
                return group
        self._made += 1
        name = f"metaloop-{os.getpid()}-{self._made}"
        group = Cgroup(self._layout, name, job.memory_mb, job.processes)
        self._all.append(group)
        return group

    def take_back(self, group: Cgroup) -> None:
        """Lend it again later."""
        self._free.append(group)

    def close(self, owner: int) -> None:
        """Remove every group; does nothing in a fork of the process that made them."""
        if owner == os.getpid():
            for group in self._all:
                group.remove()
            self._all, self._free = [], []


@cache
def pool() -> Pool | None:
    """This process's groups, or None where it may not make any."""
    layout = _layout()
    if layout is None:
        return None
    candidate = Pool(layout)
    try:
        group = candidate.lend(Job(command=(), workspace=Path()))
        with Popen(["cat"], stdin=PIPE, stdout=DEVNULL) as process:
            group.add(process.pid)  # may be refused where making a group is not
    except OSError:
        candidate.close(os.getpid())
        return None
    candidate.take_back(group)
    return candidate


def _layout() -> Layout | None:
    """The groups below our own: version 1 if both controllers are mounted, else version 2."""
    own = dict(_own_groups())
    memory, pids = own.get("memory"), own.get("pids")
    if memory and pids:
        peak, swap = "memory.max_usage_in_bytes", "memory.memsw.limit_in_bytes"
        limit, oom = "memory.limit_in_bytes", "memory.oom_control"
        return Layout(memory, pids, limit, swap, None, peak, oom)
    unified = own.get("")
    # A group with processes of its own cannot hand controllers down, so look above it too.
    while unified and (unified / "cgroup.subtree_control").exists():
        handed_down = (unified / "cgroup.subtree_control").read_text().split()
        if {"memory", "pids"} <= set(handed_down) and os.access(unified, os.W_OK):
            events, swap = "memory.events", "memory.swap.max"
            return Layout(unified, unified, "memory.max", swap, 0, "memory.peak", events)
        unified = unified.parent
    return None


def _own_groups() -> list[tuple[str, Path]]:
    """(controller, directory of the group we are in); the controller of version 2 is ""."""
    try:
        groups = Path("/proc/self/cgroup").read_text(errors="surrogateescape").splitlines()
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    places: dict[str, tuple[str, str]] = {}
    for line in mounts:
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        root, point = left.split(" ")[3:5]
        if kind == "cgroup2":
            places[""] = (root, point)
        elif kind == "cgroup":
            places.update(dict.fromkeys(options.split(" ")[-1].split(","), (root, point)))
    found = []
    for line in groups:
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            if name in places:
                root, point = places[name]
                relative = os.path.relpath(path, root) if path.startswith(root) else "."
                found.append((name, Path(point, relative)))
    return found


def _counter(path: Path, key: str) -> int:
    for line in path.read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


def _sweep(parent: Path) -> None:
    """Remove what processes that were killed left behind."""
    for path in parent.glob("metaloop-*-*"):
        owner = path.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists():
            try:
                path.rmdir()
            except OSError:  # not empty yet, or not ours
                continue
