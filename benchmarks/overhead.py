"""What the engine itself costs: sandboxed trials per second, early and late in a run.

The model is a stub that answers at once, the program under test prints one number, so that all
that is left is the engine: prompt, patch, sandbox, metric, decision, journal.

Usage: python benchmarks/overhead.py [--trials 10200] [--judge] [--keep DIR] [--profile FILE]
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from metaloop.bilevel import resume, run
from metaloop.inner.settings import Settings
from metaloop.journal.records import TrialRecord
from metaloop.models.base import Completion, Request
from metaloop.project import Project
from metaloop.report.status import make_status

RUN = "nothing-1"
WINDOW = 100
"""Trials on each side of the middle of a window."""
TOML = """
name = "nothing"
description = "prints the constant X"
[edit]
files = ["train.py"]
[protect]
files = ["prepare.py"]
[run]
command = ["python", "train.py"]
timeout_s = 20
memory_mb = 256
[metric]
name = "loss"
direction = "minimize"
[space]
X = { type = "float", low = 0, high = 1 }
N = { type = "int", low = 1, high = 1000000 }
"""
JUDGE = '[judge]\ncommand = ["python", "judge.py"]\nfiles = ["judge.py"]\n'
FILES = {
    "train.py": 'X = 1.0\nN = 1\nopen("out/x.txt", "w").write(str(X))\nprint(f"loss: {X}")\n',
    "prepare.py": "",
    "judge.py": 'print("loss:", open("out/x.txt").read())\n',
}


class Clock:
    """Notes when each trial was written, and how much disk the project then took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.times: list[float] = []
        self.busy: list[float] = []
        """Processor seconds of the engine and of the sandboxes until then."""
        self.sizes: dict[int, int] = {}
        self.rejected = 0
        self.first = 0
        """Number of the first trial of this sitting."""

    def __call__(self, _: str, record: object) -> None:
        if isinstance(record, TrialRecord):
            self.times.append(time.perf_counter())
            self.busy.append(sum(map(processor, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))))
            self.rejected += record.status in ("rejected", "crashed", "timed_out")
            if record.number % 1000 == 0:
                self.sizes[record.number] = used(self.folder)

    def between(self, first: int, last: int) -> str:
        """Trials per second, and what they cost, from trial `first` to trial `last`."""
        first, last = first - self.first, last - self.first
        rate = (last - first) / (self.times[last] - self.times[first])
        cost = 1000 * (self.busy[last] - self.busy[first]) / (last - first)
        return f"{rate:.1f} trials/s, {cost:.1f} ms of processor time each"


def processor(who: int) -> float:
    """Seconds that the engine, or its dead children, kept a processor busy."""
    spent = resource.getrusage(who)
    return spent.ru_utime + spent.ru_stime


def used(folder: Path) -> int:
    """Bytes on disk below `folder`."""
    return sum(
        os.lstat(os.path.join(top, name)).st_blocks * 512  # noqa: PTH118
        for top, _, names in os.walk(folder)
        for name in names
        if os.path.lexists(os.path.join(top, name))  # noqa: PTH118
    )


def make_task(directory: Path, judge: bool) -> Path:
    """The task that does nothing, in a git repository of its own."""
    directory.mkdir()
    for name, text in {**FILES, "metaloop.toml": TOML + JUDGE * judge}.items():
        (directory / name).write_text(text)
    for args in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-qm", "nothing"],
    ):
        subprocess.run(["git", *args], cwd=directory, check=True)
    return directory


class Stub:
    """A model that answers at once."""

    name, small = "stub", True

    async def complete(self, request: Request) -> Completion:
        """A new assignment at each call; X alone counts, so there are about ln(trials) gains."""
        rng = Random(request.seed)
        params = {"X": rng.random(), "N": rng.randint(1, 1_000_000)}
        text = json.dumps({"hypothesis": "another number", "params": params})
        return Completion(text, self.name, 0, 0, seconds=0.0, usd=0.0)


def measure(folder: Path, trials: int, workers: int, judge: bool) -> Clock:
    """A run of so many trials in `folder`, or so many more of the one that is there."""
    clock = Clock(folder)
    more: dict[str, Any] = {"models": {"inner": Stub()}, "listener": clock}
    if (folder / "nothing").exists():
        project = Project(folder / "nothing")
        with project.journal() as journal:
            clock.first = make_status(journal, RUN).trials["total"] + 1
        resume(RUN, project=project, changes={"trials": clock.first - 1 + trials}, **more)
    else:
        task = make_task(folder / "nothing", judge)
        # At level 1 there is no outer loop to wait for.
        settings = Settings(trials=trials, workers=workers, levels="1", outer_every=10**9)
        run(task, settings, project=Project(task), **more)
    return clock


def report(clock: Clock) -> None:
    """Print the rates of the whole and of a few windows, and how the disk filled."""
    last = clock.first + len(clock.times) - 1
    print(f"trials {clock.first} to {last}: {clock.between(clock.first, last)}")
    print(f"{clock.rejected} without a score; load {os.getloadavg()[0]:.1f}")
    for middle in (100, 1000, 5000, 10_000):
        if clock.first <= middle - WINDOW and middle + WINDOW <= last:
            print(f"around trial {middle}: {clock.between(middle - WINDOW, middle + WINDOW)}")
    for before, after in itertools.pairwise(clock.sizes):
        grown = (clock.sizes[after] - clock.sizes[before]) / (after - before)
        print(f"disk, trials {before} to {after}: {grown:.0f} bytes per trial")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Sandboxed trials per second.")
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--judge", action="store_true", help="score by a judge: a second sandbox")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="run here, or go on with that run")
    parser.add_argument("--profile", metavar="FILE", help="write a cProfile of the main process")
    args = parser.parse_args()
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory(prefix="metaloop-bench-") as name:
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
        if args.profile:
            profiler.enable()
        report(measure(args.keep or Path(name), args.trials, args.workers, args.judge))
    if args.profile:
        profiler.disable()
        profiler.dump_stats(args.profile)


if __name__ == "__main__":
    main()
