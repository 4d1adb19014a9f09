"""A job's processes: finding all of them, killing all of them."""

from __future__ import annotations

import asyncio
import os
import select
import signal
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
        except OSError:  # it has ended, and may be closed
            return

    def alive(self) -> bool:
        """Has it not ended yet?"""
        return self.fd >= 0 and not select.select([self.fd], [], [], 0)[0]

    async def ended(self) -> None:
        """Wait for its end."""
        loop = asyncio.get_running_loop()
        end = loop.create_future()
        loop.add_reader(self.fd, lambda: None if end.done() else end.set_result(None))
        try:
            await end
        finally:
            loop.remove_reader(self.fd)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)
        self.fd = -1  # the number may be another process's soon


def processes(proc: str) -> list[str]:
    """The /proc directory of every process that a mounted proc file system shows."""
    try:
        return [f"{proc}/{name}" for name in os.listdir(proc) if name.isdigit()]  # noqa: PTH208
    except OSError:  # it has just ended
        return []
