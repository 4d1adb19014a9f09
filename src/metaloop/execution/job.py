"""What is run and what came of it: the words every sandbox speaks."""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Ending = Literal["exited", "timed_out", "out_of_memory", "out_of_disk", "too_many_processes"]
MB = 1 << 20
"""Bytes in a megabyte of `memory_mb` and `disk_mb`."""


@dataclass(frozen=True)
class Job:
    """One command, run confined in a workspace.

    `workspace` is a host directory, seen as `/workspace` by the command (by a fallback sandbox
    where it is: use relative paths), and nothing else of the host's files but the system's and the
    interpreter's, all read-only. `python` in `command` is the active virtual environment's.
    `read_only` and `hidden` are paths in the workspace, relative to it, that cannot be written, or
    look empty or cannot be read; `.git` is always hidden. `hidden` may also name absolute paths,
    with wildcards, and `{stdlib}/NAME` in every copy of the standard library. `out` is a host
    directory shown read-only at `cwd`/out. The command sees no environment but `env` and a few
    harmless defaults. `imports` are directories of the workspace in which Python looks for modules
    before any other but its program's. `disk_mb` is what the job may write, in all and in one file.
    """

    command: tuple[str, ...]
    workspace: Path
    cwd: str = "."
    writable: bool = True
    read_only: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    out: Path | None = None
    imports: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 60.0
    memory_mb: int = 2048
    disk_mb: int = 1024
    processes: int = 128
    network: bool = False
    output_bytes: int = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """How a job ended. `stdout` and `stderr` hold at most the last `output_bytes` of each,
    undecodable bytes replaced; `exit_code` is None when the job was killed."""

    ending: Ending
    exit_code: int | None
    stdout: str
    stderr: str
    seconds: float
    peak_mb: float | None = None

    @property
    def ok(self) -> bool:
        """True when the command ended by itself with exit code 0."""
        return self.ending == "exited" and self.exit_code == 0


class SandboxError(Exception):
    """No usable sandbox, or the sandbox itself failed; raised by sandboxes, never by a job."""


class Opened(Protocol):
    """A confined process that is spoken to over its stdin and stdout."""

    stdin: StreamWriter | None
    stdout: StreamReader | None

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        ...

    def kill(self) -> None:
        """End it and its whole tree at once."""
        ...

    async def wait(self) -> int:
        """Wait for its end; what it has written and nobody read is lost."""
        ...


class Sandbox(Protocol):
    """Runs commands that nobody trusts."""

    name: str

    async def run(self, job: Job) -> Outcome:
        """Run to the end, or to a limit; the whole process tree is dead on return."""
        ...

    async def open(self, job: Job) -> Opened:
        """Start a confined process that is spoken to over its stdin and stdout.

        Its memory, disk and process limits hold as in `run`; its time is the caller's to bound.
        """
        ...
