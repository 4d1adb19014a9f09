"""Hostile programs that take too much, or do not want to end. None may succeed."""

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

from metaloop.execution import Job, Outcome, Sandbox

Run = Callable[..., Awaitable[Outcome]]


def living(mark: str) -> list[int]:
    """The processes of this machine that carry `mark` in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something to become true."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return condition()


@pytest.fixture(params=["groups", "watch"])
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Limits by control group where the machine has them, and without."""
    if request.param == "watch":
        monkeypatch.setattr("metaloop.execution.cell.pool", lambda: None)
    return str(request.param)


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
    assert 0.6 < outcome.seconds < 3


async def test_fork_bomb(hostile: Run, means: str) -> None:
    mark = uuid.uuid4().hex
    outcome = await hostile(
        f"""
        import os, time  # {mark}
        for _ in range(12):  # 4096 processes, should nobody stop it
            try:
                os.fork()
            except OSError:
                pass
        time.sleep(20)
        """,
        processes=32,
    )
    assert outcome.ending == "too_many_processes"
    assert not living(mark)


async def test_thread_bomb(hostile: Run, means: str) -> None:
    outcome = await hostile(
        """
        import threading, time
        for _ in range(2000):
            try:
                threading.Thread(target=time.sleep, args=(60,)).start()
            except RuntimeError:
                pass
        """,
        processes=32,
    )
    assert outcome.ending == "too_many_processes"


@pytest.mark.parametrize(
    "take",
    [
        "[bytearray(8 << 20) for _ in range(400)]",
        "[os.fork() or [bytearray(8 << 20) for _ in range(60)] for _ in range(3)]; time.sleep(9)",
    ],
    ids=["one", "several"],
)
async def test_memory_filling(hostile: Run, means: str, take: str) -> None:
    outcome = await hostile(f"import os, time; x = {take}; time.sleep(9)", memory_mb=200)
    assert outcome.ending == "out_of_memory"
    assert outcome.exit_code is None


async def test_memory_of_files_in_tmp_counts(hostile: Run) -> None:
    outcome = await hostile(
        """
        import tempfile
        for place in (tempfile.gettempdir(), "/dev/shm", "/dev", "/"):
            for i in range(400):
                try:
                    with open(f"{place}/{i}", "wb") as file:
                        file.write(bytes(1 << 20))
                except OSError:
                    break
        """,
        memory_mb=128,
        disk_mb=100,
    )
    assert outcome.ending in ("exited", "out_of_memory", "out_of_disk")
    assert outcome.peak_mb is None or outcome.peak_mb < 140


async def test_forks_that_share_memory_are_not_counted_twice(hostile: Run, means: str) -> None:
    outcome = await hostile(
        """
        import os, time
        x = bytearray(60 << 20)
        for _ in range(5):
            if os.fork() == 0:
                time.sleep(0.4); os._exit(0)
        time.sleep(0.5)
        """,
        memory_mb=200,
    )
    assert outcome.ok, outcome


@pytest.mark.parametrize(
    "fill",
    [
        "open('big', 'wb').writelines(bytes(1 << 20) for _ in range(200))",
        "[open(f'f{i}', 'wb').write(bytes(1 << 16)) for i in range(3000)]",
        "[os.makedirs(f'd/{i}') or open(f'd/{i}/f', 'w').write('x') for i in range(20000)]",
        "x = [unlinked() for _ in range(20)]",
    ],
    ids=["one file", "many files", "small files", "deleted but open"],
)
async def test_disk_filling(hostile: Run, workspace: Path, fill: str) -> None:
    (workspace / "sub").mkdir()
    outcome = await hostile(
        f"""
        import os, time
        def unlinked():
            file = open("sub/u", "wb", buffering=0)
            for _ in range(4):
                file.write(bytes(1 << 20))
            os.unlink("sub/u")
            time.sleep(0.02)
            return file
        try:
            {fill}
        except OSError:
            raise SystemExit(1)
        time.sleep(20)
        """,
        disk_mb=20,
    )
    assert outcome.ending == "out_of_disk"
    used = subprocess.run(["du", "-sm", workspace], capture_output=True, check=True)  # noqa: ASYNC221
    assert int(used.stdout.split()[0]) < 250


async def test_what_was_there_before_is_not_the_jobs(hostile: Run, workspace: Path) -> None:
    (workspace / "data.bin").write_bytes(os.urandom(1 << 20) * 8)
    await asyncio.sleep(0.05)
    outcome = await hostile("import time; time.sleep(0.3); open('x', 'w').write('x')", disk_mb=4)
    assert outcome.ok, outcome


async def test_output_flood(hostile: Run) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = await hostile(
        """
        import os
        for i in range(640):
            os.write(1, b"x" * (1 << 16))
            os.write(2, b"y" * (1 << 14))
        os.write(1, b"the end")
        """,
        output_bytes=100_000,
    )
    assert outcome.ok
    assert len(outcome.stdout) == len(outcome.stderr) == 100_000
    assert outcome.stdout.endswith("the end")
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 10_000


async def test_invalid_utf8(hostile: Run) -> None:
    outcome = await hostile(r"import os; os.write(1, b'\xff\xfe\x00ok\xc3'); os.write(2, b'\x80')")
    assert outcome.ok
    assert outcome.stdout == "��\x00ok�"
    assert outcome.stderr == "�"


DAEMON = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
mark = {mark!r}
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ.clear()
        for fd in range({keep}, 64):
            try:
                os.close(fd)
            except OSError:
                pass
        os.execve(sys.executable, [sys.executable, "-S", "-c",
            "import time; open('alive', 'w'); time.sleep(60)", mark], {{}})
    os._exit(0)
while not os.path.exists("alive"):
    time.sleep(0.01)
"""


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


async def test_open_is_held_to_its_limits(sandbox: Sandbox, workspace: Path, means: str) -> None:
    hungry = "x = [bytearray(8 << 20) for _ in range(400)]; input()"
    process = await sandbox.open(Job(("python", "-c", hungry), workspace, memory_mb=200))
    await asyncio.wait_for(process.wait(), 20)
    assert process.returncode != 0


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
    metaloop.stdout.readline()
    await asyncio.sleep(delay_s)
    if delay_s:
        assert await until(lambda: bool(living(mark)))
    metaloop.send_signal(signal.SIGKILL)
    metaloop.wait()
    metaloop.stdout.close()
    assert await until(lambda: not living(mark))
    await asyncio.sleep(0.3)
    assert not living(mark)


async def test_two_hundred_jobs_leave_nothing_behind(sandbox: Sandbox, workspace: Path) -> None:
    from metaloop.execution.cgroup import pool

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    job = Job(("/bin/true",), workspace)
    await sandbox.run(job)
    before = open_files()
    for _ in range(50):
        await asyncio.gather(*(sandbox.run(job) for _ in range(4)))
    await asyncio.sleep(0.1)
    assert open_files() <= before + 1
    groups = pool()
    if groups is not None:
        assert len(groups.names()) < 12


def test_groups_are_removed_at_the_end(tmp_path: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from metaloop.execution import Job, find_sandbox
from metaloop.execution.cgroup import pool
outcome = asyncio.run(find_sandbox().run(Job(("/bin/true",), Path({str(tmp_path)!r}))))
assert outcome.ok, outcome
print(*(pool().names() if pool() else ()), sep="\\n")
"""
    names = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    for name in names.stdout.decode().split():
        assert not Path(name).exists()
