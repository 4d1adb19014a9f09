"""Run one candidate's files and read the metric: sandbox, then judge, then a number."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from metaloop.execution.job import Job, Outcome, Sandbox
from metaloop.task.metric import MetricError, read_metric
from metaloop.task.mirror import Mark, mark, remove
from metaloop.task.patch import Files
from metaloop.task.spec import Task, TaskError
from metaloop.task.workspace import Slot, Workspace

ARTEFACTS = {".npy", ".npz", ".json", ".jsonl", ".txt", ".csv", ".tsv"}
"""What a run may hand to the judge: data, nothing that is executed or unpickled."""
TAIL = 2000


@dataclass(frozen=True)
class Measurement:
    """What one run of one candidate gave. `score` is None unless `status` is "measured"."""

    status: Literal["measured", "crashed", "timed_out", "rejected"]
    score: float | None
    seconds: float
    reason: str = ""
    tail: str = ""


class Evaluator:
    """Measures candidates in worktrees, `slots` of them side by side."""

    def __init__(self, task: Task, workspace: Workspace, sandbox: Sandbox, slots: int) -> None:
        self.task, self.workspace, self.sandbox = task, workspace, sandbox
        self._free: asyncio.Queue[Slot] = asyncio.Queue()
        for i in range(slots):
            self._free.put_nowait(workspace.slot(f"slot{i}"))
        self._pristine = workspace.pristine
        self._locked = self._fingerprint(self._pristine)

    async def measure(self, files: Files, *, holdout: bool = False) -> Measurement:
        """Run `files` and score what they left; with `holdout`, by the holdout's command.

        What the holdout says is for reports alone: no model ever sees it.
        """
        slot = await self._free.get()
        try:
            return await self._measure(slot, files, holdout)
        except OSError as error:  # e.g. the disk is full: this trial's end, not the run's
            return Measurement("crashed", None, 0.0, f"could not be run: {error}")
        finally:
            self._free.put_nowait(slot)

    async def _measure(self, slot: Slot, files: Files, holdout: bool) -> Measurement:
        await asyncio.to_thread(self.workspace.reset, slot, files)
        out = slot.task_dir / "out"
        remove(out)
        out.mkdir()
        ran = await self.sandbox.run(self._run_job(slot))
        if self._fingerprint(slot) != self._locked:
            return Measurement("rejected", None, ran.seconds, "the judge was tampered with")
        if not ran.ok:
            return _failure(ran)
        if self.task.spec.judge is None and not holdout:
            return self._score(ran, ran.seconds)
        return await self._judge(out, ran, holdout)

    def _run_job(self, slot: Slot) -> Job:
        spec = self.task.spec
        locked = [_inside(slot.prefix, name) for name in (*spec.protect.files, "metaloop.toml")]
        judge_files = spec.judge.files if spec.judge else []
        hidden = [_inside(slot.prefix, name) for name in judge_files]
        for path in spec.run.hide:
            outside = path.startswith(("/", "{stdlib}"))
            hidden.append(path if outside else _inside(slot.prefix, path))
        return Job(
            command=tuple(spec.run.command),
            workspace=slot.root,
            cwd=slot.prefix or ".",
            read_only=tuple(locked),
            hidden=tuple(hidden),
            timeout_s=spec.run.timeout_s,
            memory_mb=spec.run.memory_mb,
            disk_mb=spec.run.disk_mb,
            network=spec.run.network,
        )

    async def _judge(self, out: Path, ran: Outcome, holdout: bool) -> Measurement:
        """Score the artefacts in a sandbox of their own, over pristine files."""
        spec, scratch = self.task.spec, out.parent / "out.judged"
        remove(scratch)
        scratch.mkdir()
        try:
            copy_artefacts(out, scratch, spec.run.disk_mb * 1_000_000)
            table = spec.holdout if holdout else spec.judge
            if table is None:
                raise TaskError("this task has no [holdout]")
            judged = await self.sandbox.run(
                Job(
                    command=tuple(table.command),
                    workspace=self._pristine.root,
                    cwd=self._pristine.prefix or ".",
                    writable=False,
                    out=scratch,
                    timeout_s=spec.run.timeout_s,
                    memory_mb=spec.run.memory_mb,
                    disk_mb=spec.run.disk_mb,
                )
            )
        finally:
            remove(scratch)
        if not judged.ok:
            said = _tail(judged) or judged.ending
            return Measurement(
                "crashed", None, ran.seconds, f"the judge refused: {_last(said)}", said
            )
        return self._score(judged, ran.seconds)

    def _score(self, printed: Outcome, seconds: float) -> Measurement:
        try:
            score = read_metric(printed.stdout, self.task.spec.metric.name)
        except MetricError as error:
            return Measurement("crashed", None, seconds, str(error), _tail(printed))
        return Measurement("measured", score, seconds)

    def _fingerprint(self, slot: Slot) -> str:
        """SHA-256 over everything that judges: protected files, judge files, the task's file."""
        spec, digest = self.task.spec, hashlib.sha256()
        names = [*spec.protect.files, *(spec.judge.files if spec.judge else []), "metaloop.toml"]
        for name in sorted(names):
            top = slot.task_dir / name
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                if path.is_symlink() or not path.is_file():
                    digest.update(f"{path.relative_to(slot.root)} is no file\0".encode())
                else:
                    digest.update(f"{path.relative_to(slot.root)}\0".encode())
                    digest.update(_content(path, mark(path)))
        return digest.hexdigest()


def copy_artefacts(source: Path, target: Path, limit: int) -> int:
    """Copy the data files below `source`, at most `limit` bytes; returns what is left of it.

    Everything in `source` was written by a candidate: links and devices stay behind, nothing is
    followed.
    """
    with os.scandir(source) as entries:
        for entry in entries:
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                (target / entry.name).mkdir()
                limit = copy_artefacts(Path(entry.path), target / entry.name, limit)
            elif stat.S_ISREG(info.st_mode) and Path(entry.name).suffix in ARTEFACTS:
                limit -= info.st_size
                if limit < 0:
                    raise OSError("out/ is larger than the task's disk_mb")
                handle = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW)
                with os.fdopen(handle, "rb") as read, (target / entry.name).open("xb") as write:
                    shutil.copyfileobj(read, write)
    return limit


@lru_cache(maxsize=4096)
def _content(path: Path, _: Mark) -> bytes:
    """SHA-256 of a file, read again only when its mark is another."""
    return hashlib.sha256(path.read_bytes()).digest()


def _failure(ran: Outcome) -> Measurement:
    tail = _tail(ran)
    if ran.ending == "timed_out":
        return Measurement(
            "timed_out", None, ran.seconds, f"killed after {ran.seconds:.0f} s", tail
        )
    reason = _last(ran.stderr) if ran.ending == "exited" else ran.ending.replace("_", " ")
    return Measurement("crashed", None, ran.seconds, reason or f"exit code {ran.exit_code}", tail)


def _tail(outcome: Outcome) -> str:
    """The end of what was printed, control characters made visible: it goes into logs and pages."""
    text = (outcome.stdout[-TAIL:] + "\n" + outcome.stderr[-TAIL:]).strip()[-TAIL:]
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return "".join(c for c in lines[-1] if c.isprintable())[:200] if lines else ""


def _inside(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
