"""How many threads a local model should use on a machine that it does not have to itself."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

_workers = 1


def share_with(workers: int) -> None:
    """Say how many trials run at once, so that models loaded from now on leave them cores.

    A single worker waits while the model thinks, and so leaves it all of them.
    """
    global _workers
    _workers = workers


async def best_threads() -> int:
    """Threads for a model: the cores that no trial of ours and no other program is busy on.

    Looks for 0.3 s at how idle the machine is (where /proc tells; else takes it for idle).
    """
    try:
        cores = len(os.sched_getaffinity(0))
        before = _cpu_times()
        await asyncio.sleep(0.3)
        after = _cpu_times()
    except (AttributeError, OSError):  # not Linux
        return max(1, (os.cpu_count() or 1) - (_workers - 1))
    idle, total = (b - a for a, b in zip(before, after, strict=True))
    return max(1, min(cores - (_workers - 1), round(cores * idle / max(total, 1))))


def _cpu_times() -> tuple[int, int]:
    """(idle, total) of all cores, in ticks: the first line of /proc/stat.

    What runs at low priority (nice) counts as idle, since it gives way.
    """
    times = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    _, nice, _, idle, waiting, *_ = times
    return nice + idle + waiting, sum(times)


class Pace:
    """Notices that a model crawls, as it does once another program takes one of its cores.

    Threads wait for each other many times per token, so two of them on one core come to some
    5 % of their usual speed, where a single one would keep most of it.
    """

    SLOW = 0.25
    ENOUGH_TOKENS = 16

    def __init__(self) -> None:
        self._best = 0.0

    def crawls(self, tokens: int, seconds: float) -> bool:
        """Enter an answer; True when it came at less than a quarter of the best speed seen."""
        if tokens < self.ENOUGH_TOKENS:
            return False
        speed = tokens / max(seconds, 1e-9)
        self._best = max(self._best, speed)
        return speed < self.SLOW * self._best
