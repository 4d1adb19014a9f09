"""Hostile programs that do not want to end, and jobs whose metaloop does. All must be dead."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from processes import DAEMON, living, until

from metaloop.execution import Job, Outcome, Sandbox
from metaloop.execution.cgroup import pool

Run = Callable[..., Awaitable[Outcome]]


async def test_hang_that_ignores_sigterm(hostile: Run) -> None:
    outcome = await hostile(
        """
        import signal, time
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except OSError:
                pass
        print("hanging", flush=True)
        while True:
            time.sleep(1)
        """,
        timeout_s=0.7,
    )
    assert outcome.ending == "timed_out"
    assert outcome.exit_code is None
    assert outcome.stdout == "hanging\n"
    assert 0.6 < outcome.seconds < 10


@pytest.mark.parametrize("keep", [0, 3], ids=["closing its output", "keeping its output"])
async def test_daemons_do_not_survive(hostile: Run, workspace: Path, keep: int) -> None:
    mark = uuid.uuid4().hex
    outcome = await hostile(DAEMON.format(mark=mark, keep=keep))
    assert outcome.ok, outcome
    assert (workspace / "alive").exists()
    assert not living(mark)


async def test_killing_its_elders(hostile: Run) -> None:
    outcome = await hostile(
        f"""
        import os, signal, time
        for pid in (os.getppid(), 1, {os.getpid()}, -1):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.1)
        print("still here")
        """
    )
    assert outcome.ending == "exited"  # and this test goes on


async def test_segmentation_fault_and_abort(hostile: Run) -> None:
    outcome = await hostile("import ctypes; ctypes.string_at(0)")
    assert outcome.ending == "exited"
    assert not outcome.ok
    outcome = await hostile("import os; os.abort()")
    assert outcome.ending == "exited"
    assert not outcome.ok


async def test_missing_program(sandbox: Sandbox, workspace: Path) -> None:
    outcome = await sandbox.run(Job(("no-such-program",), workspace))
    assert outcome.ending == "exited"
    assert outcome.exit_code == 127
    assert "no-such-program" in outcome.stderr


async def test_cancellation_kills(hostile: Run, workspace: Path) -> None:
    mark = uuid.uuid4().hex
    run = asyncio.ensure_future(hostile(DAEMON.format(mark=mark, keep=3) + "time.sleep(60)"))
    assert await until(lambda: bool(living(mark)))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not living(mark)


@pytest.mark.parametrize("delay_ms", [0, 2, 4, 6, 9, 14])
async def test_cancellation_at_any_moment(hostile: Run, workspace: Path, delay_ms: int) -> None:
    mark = uuid.uuid4().hex
    run = asyncio.ensure_future(hostile(f"import time; time.sleep(60)  # {mark}"))
    await asyncio.sleep(delay_ms / 1000)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not living(mark)


async def test_open_speaks_and_dies(sandbox: Sandbox, workspace: Path) -> None:
    mark = uuid.uuid4().hex
    echo = "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)"
    process = await sandbox.open(Job(("python", "-S", "-c", echo, mark), workspace))
    assert process.stdin is not None
    assert process.stdout is not None
    for word in (b"one\n", b"two\n", b"x" * 300_000 + b"\n"):
        process.stdin.write(word)
        assert await process.stdout.readline() == word.upper()
    process.kill()
    await process.wait()
    assert await until(lambda: not living(mark))


async def test_killing_an_open_process_kills_its_daemons(sandbox: Sandbox, workspace: Path) -> None:
    mark = uuid.uuid4().hex
    program = DAEMON.format(mark=mark, keep=3) + "time.sleep(60)"
    process = await sandbox.open(Job(("python", "-c", program), workspace))
    assert await until(lambda: bool(living(mark)))
    process.kill()
    await process.wait()
    assert await until(lambda: not living(mark))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_what_nobody_reads_of_an_open_process_does_not_keep_it(
    sandbox: Sandbox, workspace: Path, stream: str
) -> None:
    """More than asyncio takes ahead: the end of the pipe is then behind what is never read."""
    flood = f"import sys\nwhile True: sys.{stream}.write('x' * 10**6)"
    process = await sandbox.open(Job(("python", "-S", "-c", flood), workspace))
    await asyncio.sleep(1.0)
    process.kill()
    await asyncio.wait_for(process.wait(), 20)


@pytest.mark.parametrize("delay_s", [0.0, 0.4])
async def test_nothing_outlives_a_killed_metaloop(
    sandbox: Sandbox, workspace: Path, delay_s: float
) -> None:
    mark = uuid.uuid4().hex
    daemon = DAEMON.format(mark=mark, keep=3) + "time.sleep(60)"
    program = f"""
import asyncio, sys
from pathlib import Path
from metaloop.execution import Job
from metaloop.execution.sandbox import candidates
sandbox = next(s for s in candidates() if getattr(s, "name", "") == {sandbox.name!r})
job = Job(("python", "-c", {daemon!r}), Path({str(workspace)!r}))
print("ready", flush=True)
async def main():
    await asyncio.gather(*(sandbox.run(job) for _ in range(3)))
asyncio.run(main())
"""
    metaloop = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", program], stdout=subprocess.PIPE
    )
    assert metaloop.stdout is not None
    assert metaloop.stdout.readline() == b"ready\n"
    await asyncio.sleep(delay_s)
    if delay_s:
        assert await until(lambda: bool(living(mark)))
    metaloop.send_signal(signal.SIGKILL)
    metaloop.wait()
    metaloop.stdout.close()
    assert await until(lambda: not living(mark))
    await asyncio.sleep(0.3)
    assert not living(mark)


async def test_nothing_outlives_metaloop_killed_at_any_moment(
    sandbox: Sandbox, workspace: Path
) -> None:
    """Also while a sandbox is being set up."""
    mark = uuid.uuid4().hex
    program = f"""
import asyncio
from pathlib import Path
from metaloop.execution import Job
from metaloop.execution.sandbox import candidates
sandbox = next(s for s in candidates() if getattr(s, "name", "") == {sandbox.name!r})
job = Job(("python", "-S", "-c", "# {mark}-job"), Path({str(workspace)!r}))
async def work():
    while True:
        await sandbox.run(job)
async def main():
    await asyncio.gather(work(), work())
print("ready", flush=True)
asyncio.run(main())
"""
    for delay_ms in (1, 3, 5, 8, 12, 17, 23, 30, 38, 47):
        metaloop = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-c", program], stdout=subprocess.PIPE
        )
        with metaloop:
            assert metaloop.stdout is not None
            assert metaloop.stdout.readline() == b"ready\n"
            await asyncio.sleep(delay_ms / 1000)
            metaloop.send_signal(signal.SIGKILL)
        assert await until(lambda: not living(f"{mark}-job"), 2.0), delay_ms


def groups(pid: int) -> set[str]:
    """The control groups that metaloop has in process `pid`, or left there."""
    found = (name for _, names, _ in os.walk("/sys/fs/cgroup") for name in names)
    return {name for name in found if name.startswith(f"metaloop-{pid}-")}


async def test_two_hundred_jobs_leave_nothing_behind(sandbox: Sandbox, workspace: Path) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    job = Job(("/bin/true",), workspace)
    await sandbox.run(job)
    before, lent = open_files(), len(groups(os.getpid()))
    assert (lent > 0) == (pool() is not None)
    for _ in range(50):
        await asyncio.gather(*(sandbox.run(job) for _ in range(4)))
    await asyncio.sleep(0.1)
    assert open_files() <= before + 1
    assert len(groups(os.getpid())) <= lent + 4


def test_groups_are_removed_at_the_end(tmp_path: Path) -> None:
    program = f"""
import asyncio, os
from pathlib import Path
from metaloop.execution import Job, find_sandbox
outcome = asyncio.run(find_sandbox().run(Job(("/bin/true",), Path({str(tmp_path)!r}))))
assert outcome.ok, outcome
print(os.getpid())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert not groups(int(ended.stdout))
