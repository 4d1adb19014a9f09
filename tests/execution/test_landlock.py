"""The fallback sandbox, as it works on kernels older than this one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from metaloop.execution import Job, SandboxError
from metaloop.execution.landlock import Landlock

try:
    Landlock()
except SandboxError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.mark.parametrize("version", [3, 5])
async def test_older_kernels_confine_signals_too(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr("metaloop.execution.landlock._abi", lambda: version)
    program = f"""
import fcntl, os, signal, socket, struct, subprocess
for pid in ({os.getpid()}, os.getppid(), -1, 0):
    try:
        os.kill(pid, signal.SIGTERM); print("DONE")
    except PermissionError:
        print("refused")
read, write = os.pipe()
pair = socket.socketpair()
owner = struct.pack("ii", 1, {os.getpid()})
for order in (
    lambda: fcntl.fcntl(read, fcntl.F_SETOWN, {os.getpid()}),
    lambda: fcntl.fcntl(read, 15, owner),
    lambda: fcntl.fcntl(read, fcntl.F_SETSIG, signal.SIGKILL),
    lambda: fcntl.ioctl(pair[0], 0x8901, struct.pack("i", {os.getpid()})),
    lambda: fcntl.ioctl(pair[0], 0x8902, struct.pack("i", {os.getpid()})),
):
    try:
        order(); print("DONE")
    except PermissionError:
        print("refused")
fcntl.fcntl(read, fcntl.F_SETFL, os.O_NONBLOCK)
print(subprocess.run(["echo", "works"], capture_output=True, text=True).stdout)
"""
    outcome = await Landlock().run(Job(("python", "-c", program), workspace))
    assert outcome.ok, outcome.stderr
    assert outcome.stdout.count("refused") == 9
    assert "works" in outcome.stdout


def test_a_kernel_without_landlock_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in (-1, 0, 2):
        monkeypatch.setattr("metaloop.execution.landlock._abi", lambda version=version: version)
        with pytest.raises(SandboxError, match=r"Linux 6\.2"):
            Landlock()


async def test_other_processes_limits_cannot_be_changed(workspace: Path) -> None:
    program = f"""
import os, resource
for change in (
    lambda: resource.prlimit({os.getpid()}, resource.RLIMIT_CPU, (1, 1)),
    lambda: os.setpriority(os.PRIO_PROCESS, {os.getpid()}, 19),
    lambda: os.sched_setaffinity({os.getpid()}, {{0}}),
):
    try:
        change(); print("DONE")
    except PermissionError:
        print("refused")
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
"""
    outcome = await Landlock().run(Job(("python", "-c", program), workspace))
    assert outcome.ok, outcome.stderr
    assert outcome.stdout == "refused\n" * 3


async def test_modes_are_put_back(workspace: Path) -> None:
    (workspace / "judge.py").chmod(0o640)
    job = Job(("true",), workspace, read_only=("judge.py",), hidden=("secret.txt",))
    assert (await Landlock().run(job)).ok
    assert (workspace / "judge.py").stat().st_mode & 0o777 == 0o640
    assert (workspace / "secret.txt").read_text() == "the answer is 42\n"
