"""Hostile programs that take too much, or do not want to end. None may succeed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tracemalloc
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from processes import living

from metaloop.execution import Job, Outcome, Sandbox

Run = Callable[..., Awaitable[Outcome]]


@pytest.fixture(params=["groups", "watch"])
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Limits by control group where the machine has them, and without."""
    if request.param == "watch":
        monkeypatch.setattr("metaloop.execution.cell.pool", lambda: None)
    return str(request.param)


async def test_fork_bomb(hostile: Run, means: str) -> None:
    mark = uuid.uuid4().hex
    outcome = await hostile(
        f"""
        import os, time  # {mark}
        for _ in range(10):  # 1024 processes, should nobody stop it
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


@pytest.mark.parametrize("name", [b"x\xff", "²".encode()], ids=["no text", "no number"])
async def test_a_program_may_call_itself_anything(
    hostile: Run, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    monkeypatch.setattr("metaloop.execution.cell.pool", lambda: None)
    outcome = await hostile(
        f"""
        import ctypes, time
        assert ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0) == 0  # PR_SET_NAME
        time.sleep(0.2)
        """
    )
    assert outcome.ok, outcome.stderr


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


async def test_memory_of_files_in_a_tmp_of_its_own_counts(
    hostile: Run, sandbox: Sandbox, means: str
) -> None:
    if sandbox.name != "bubblewrap":
        pytest.skip("its /tmp is the machine's")
    outcome = await hostile(
        """
        import time
        held = b"x" * (100 << 20)
        open("/tmp/file", "wb").write(bytes(50 << 20))
        time.sleep(9)
        """,
        memory_mb=128,
    )
    assert outcome.ending == "out_of_memory"


async def test_files_wherever_they_fit_are_bounded(hostile: Run, means: str) -> None:
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


@pytest.mark.parametrize("failed", [0, 1])
async def test_what_a_job_may_not_change_is_not_what_it_wrote(
    hostile: Run, workspace: Path, failed: int
) -> None:
    (workspace / "data").mkdir()
    for name in ("data/locked.bin", "hidden.bin"):
        (workspace / name).write_bytes(os.urandom(1 << 20) * 8)
    await asyncio.sleep(0.05)
    job = {"read_only": ("data",), "hidden": ("hidden.bin",), "disk_mb": 4}
    outcome = await hostile(f"import time; time.sleep(0.3); raise SystemExit({failed})", **job)
    assert (outcome.ending, outcome.exit_code) == ("exited", failed), outcome
    write = "open('{}', 'ab').write(bytes(3 << 20))"
    for name in ("data/locked.bin", "data/new.bin", "hidden.bin"):
        assert not (await hostile(write.format(name), **job)).ok
    beside = "; ".join(map(write.format, ("new.bin", "data.bin")))
    outcome = await hostile(f"import time; {beside}; time.sleep(9)", **job)
    assert outcome.ending == "out_of_disk"


async def test_output_flood(hostile: Run) -> None:
    tracemalloc.start()
    try:
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
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.ok
    assert len(outcome.stdout) == len(outcome.stderr) == 100_000
    assert outcome.stdout.endswith("the end")
    assert most < 10_000_000


async def test_invalid_utf8(hostile: Run) -> None:
    outcome = await hostile(r"import os; os.write(1, b'\xff\xfe\x00ok\xc3'); os.write(2, b'\x80')")
    assert outcome.ok
    assert outcome.stdout == "��\x00ok�"
    assert outcome.stderr == "�"


async def test_open_is_held_to_its_limits(sandbox: Sandbox, workspace: Path, means: str) -> None:
    hungry = "x = [bytearray(8 << 20) for _ in range(400)]; input()"
    process = await sandbox.open(Job(("python", "-c", hungry), workspace, memory_mb=200))
    await asyncio.wait_for(process.wait(), 20)
    assert process.returncode != 0
