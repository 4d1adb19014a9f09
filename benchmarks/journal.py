"""How long a long journal takes to open, to report and to go on from.

A journal of 100,000 trials is made through the public API, then opened as `metaloop status` and
`metaloop resume` open it, up to the point where the next trial would start.

Usage: python benchmarks/journal.py [--trials 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from overhead import RUN, make_task

from metaloop.execution.unconfined import Unconfined
from metaloop.inner.evaluate import Evaluator
from metaloop.inner.search import Search
from metaloop.inner.settings import Settings
from metaloop.journal.journal import Journal
from metaloop.journal.records import Details, Event, MechanismRecord, RunRecord, TrialRecord
from metaloop.mechanism.builtin import BUILTINS
from metaloop.models.base import Completion, Request
from metaloop.models.recorder import Call
from metaloop.outer.loop import OuterLoop
from metaloop.outer.restore import restore
from metaloop.report.status import make_status
from metaloop.task.spec import Task, load_task
from metaloop.task.workspace import Workspace

STEP = 8
"""Trials between outer steps."""
ARMS = ("model", "hill_climbing", "random_search")
PROMPT = "what a prompt to a small model is like, in length. " * 30
"""About 1,500 characters, as the proposer's are."""


def trials(number: int) -> list[TrialRecord]:
    """So many trials, with ever rarer gains, as a run would have recorded them."""
    rng, best, made = Random(0), 1.0, []
    for i in range(number + 1):
        x = rng.random() if i else 1.0
        kept, gain = x < best or i == 0, best - x
        best = min(best, x)
        arm = ARMS[i % 3] if i > STEP else "model"
        made.append(
            TrialRecord(
                number=i,
                status="kept" if kept else "discarded",
                arm=arm if i else "baseline",
                by=arm if i else "baseline",
                parent=max(i - 1, 0) if i else None,
                params={"X": x, "N": i},
                score=x,
                gain=gain,
                changed=f"X 1 -> {x:.4g}; N 1 -> {i}",
                content=f"{rng.getrandbits(256):064x}",
                accepted=kept,
                live=True,
                details=Details(
                    assigned={"X": x, "N": i},
                    hypothesis="another number",
                    scores=[x] * (1 if i else 3),
                    seconds=0.02,
                    diff="-X = 1.0\n+X = 0.5\n" * 5,
                    commit="0" * 40 if kept else None,
                ),
            )
        )
    return made


def calls(number: int) -> list[Call]:
    """A call of the proposer for every trial."""
    completion = Completion("an answer of one line", "stub", 400, 30, 0.5, 0.0)
    return [
        Call("stub", Request("proposer", PROMPT, f"{PROMPT} {i}", seed=i), completion)
        for i in range(number)
    ]


def steps(number: int) -> tuple[list[Event], list[MechanismRecord]]:
    """An outer step after every eighth trial; the built-in mechanisms came with the first."""
    strategy = {"frozen": [], "focus": ["X"], "guidance": "g", "temperature": 0.7}
    events = []
    for trial in range(STEP, number, STEP):
        events += [
            Event(trial, "digest", {"text": PROMPT}),
            Event(trial, "strategy", {"diagnosis": "d", **strategy}),
            Event(trial, "outer", {"levels": "1,1.5,2"}),
        ]
    return events, [
        MechanismRecord(name, name, "builtin", "installed", "", BUILTINS[name], born=STEP + 1)
        for name in ARMS[1:]
    ]


def fill(journal: Journal, number: int, task: Task, workspace: Workspace) -> None:
    """A run of so many trials, and of as many calls."""
    config = {
        "task": str(task.directory),
        "spec": task.spec.model_dump(mode="json"),
        "settings": Settings().to_dict(),
        "branch": workspace.branch,
    }
    journal.start_run(RunRecord(RUN, "nothing", "running", "", 0.0, 0.0, 0.0, config, {}))
    for trial in trials(number):
        journal.add_trial(RUN, trial, 0.0)
    store = journal.calls(RUN)
    for call in calls(number):
        store.put(call)
    events, mechanisms = steps(number)
    journal.add_step(RUN, events[:3], mechanisms)
    journal.add_step(RUN, events[3:], [])


async def resumed(journal: Journal, task: Task, workspace: Workspace) -> Search:
    """What `metaloop resume` does before the next trial starts.

    The kept trials have no commits here; the workers of the mechanisms start at the next trial.
    """
    workspace.point_branch = lambda _: None  # type: ignore[method-assign]
    sandbox = Unconfined()
    evaluator = Evaluator(task, workspace, sandbox, 1)
    settings = Settings(trials=1_000_000, levels="1,1.5,2")
    search = Search(RUN, task, settings, journal, evaluator, None, lambda: None, lambda: 0.0)
    await restore(search, OuterLoop(search, None, sandbox))
    return search


@contextmanager
def timed(what: str, all_seconds: list[float]) -> Any:
    """Print how long the block took."""
    start = time.perf_counter()
    yield
    all_seconds.append(time.perf_counter() - start)
    print(f"{what}: {all_seconds[-1]:.2f} s")


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description="How quick a long journal is.")
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="make the journal here, or use the one there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="metaloop-bench-") as name:
        task = load_task(make_task(Path(name, "nothing"), judge=False))
        workspace = Workspace.create(task, Path(name, "run"), RUN, False)
        path = (args.keep or Path(name)) / "journal.db"
        if not path.exists():
            start, journal = time.perf_counter(), Journal(path)
            fill(journal, args.trials, task, workspace)
            journal.close()
            print(f"(made in {time.perf_counter() - start:.0f} s)")
        seconds: list[float] = []
        size = path.stat().st_size
        print(f"{args.trials} trials and calls, {size / args.trials:.0f} bytes each")
        with timed("open", seconds):
            journal = Journal(path)
        with timed("status", seconds):
            status = make_status(journal, RUN)
        with timed("ledger of the resumed run", seconds):
            journal.ledger(RUN)
        with timed("resume", seconds):
            search = asyncio.run(resumed(journal, task, workspace))
        print(f"together: {sum(seconds):.2f} s")
        assert status.trials["total"] == len(search.trials) - 1 == args.trials
        print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        journal.close()


if __name__ == "__main__":
    main()
