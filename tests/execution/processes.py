"""What the tests of endings share: looking for processes, and a program that daemonizes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

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
