"""A job's processes: finding all of them, killing all of them."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from pathlib import Path
from typing import Protocol


class Tree(Protocol):
    """All processes of one job."""

    @property
    def tmpfs(self) -> str | None:
        """Where the host sees the job's private /tmp, if that lives in memory."""
        ...

    def members(self) -> list[str]:
        """The /proc directory of each process."""
        ...

    def kill(self) -> None:
        """End every process, whatever it ignores; no error when all are gone already."""
        ...


class Leader:
    """A process that is known to be the one meant, even after its number was given to another."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal; no error when it has ended."""
        try:
            signal.pidfd_send_signal(self.fd, signum)
        except ProcessLookupError:
            return

    def alive(self) -> bool:
        """Has it not ended yet?"""
        return not select.select([self.fd], [], [], 0)[0]

    async def ended(self) -> None:
        """Wait for its end."""
        loop = asyncio.get_running_loop()
        end = loop.create_future()
        loop.add_reader(self.fd, lambda: end.done() or end.set_result(None))
        try:
            await end
        finally:
            loop.remove_reader(self.fd)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)


def processes(proc: str) -> list[str]:
    """The /proc directory of every process that a mounted proc file system shows."""
    try:
        return [f"{proc}/{name}" for name in os.listdir(proc) if name.isdigit()]
    except OSError:  # it has just ended
        return []


def descendants(pid: int) -> list[str]:
    """The /proc directories of a process and all that descend from it."""
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        found.append(f"/proc/{current}")
        try:
            for task in os.listdir(f"/proc/{current}/task"):
                text = Path(f"/proc/{current}/task/{task}/children").read_text()
                queue += map(int, text.split())
        except OSError:  # it has just ended
            continue
    return found
