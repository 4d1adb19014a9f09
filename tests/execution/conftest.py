"""The sandboxes that work on this machine, and a job to try on each."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from metaloop.execution import Job, Outcome, Sandbox, SandboxError
from metaloop.execution.sandbox import candidates, defect

USABLE = {s.name: s for s in candidates() if not isinstance(s, SandboxError) and not defect(s)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a `sandbox` runs in each one that works here."""
    if "sandbox" in metafunc.fixturenames:
        metafunc.parametrize("sandbox", list(USABLE.values()), ids=list(USABLE))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The directory that a job may write to, with a judge that it may not."""
    path = tmp_path / "workspace"
    path.mkdir()
    (path / "judge.py").write_text("JUDGE = 1\n")
    (path / "secret.txt").write_text("the answer is 42\n")
    (path / ".git").write_text("gitdir: /elsewhere\n")
    return path


@pytest.fixture
def hostile(sandbox: Sandbox, workspace: Path) -> Callable[..., object]:
    """Run a Python program confined: `await hostile(source, **job)`."""

    async def run(source: str, **settings: Any) -> Outcome:
        program = ("python", "-c", textwrap.dedent(source))
        return await sandbox.run(Job(program, workspace, **({"timeout_s": 20.0} | settings)))

    return run
