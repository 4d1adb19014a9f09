"""Run one candidate's files and read the metric: sandbox, then judge, then a number."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from metaloop.execution import view
from metaloop.execution.job import MB, Job, Outcome, Sandbox, SandboxError
from metaloop.guard import canary
from metaloop.task.git import below
from metaloop.task.metric import MetricError, read_blocks, read_metric
from metaloop.task.mirror import Mark, mark, remove
from metaloop.task.patch import Files
from metaloop.task.spec import FILE, Task
from metaloop.task.workspace import Slot, Workspace

if TYPE_CHECKING:  # slow to import, and `metaloop check` needs none of it
    from metaloop.journal.measurements import MeasurementTable

ARTEFACTS = {".npy", ".npz", ".json", ".jsonl", ".txt", ".csv", ".tsv"}
"""What a run may hand to the judge: data, nothing that is executed or unpickled."""
TAIL = 2000
BROKEN = 3
"""Runs in a row that could not be made: then it is the machine, and no candidate's fault."""
DEEPEST = 32
"""Levels of directories in which a run may leave data."""
_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Errors that no output of a run can be the reason of."""


class OutputError(OSError):
    """What a run left cannot be read: the end of this trial, and no sign of a broken machine."""


@dataclass(frozen=True)
class Measurement:
    """What one run of one candidate gave. `score` is None unless `status` is "measured"."""

    status: Literal["measured", "crashed", "timed_out", "rejected"]
    score: float | None
    seconds: float
    reason: str = ""
    tail: str = ""
    blocks: list[float] = field(default_factory=list)
    """The metric on each block of the judge's data, where it tells them."""
    prints: bool = False
    """The candidate's own process printed the metric."""
    canaries: list[str] = field(default_factory=list)
    """Canary files that the run touched."""
    artefacts: Path | None = None
    """What the run left, where it was to be kept: to be given back with `Evaluator.forget`."""


class Evaluator:
    """Measures candidates in worktrees, `slots` of them side by side."""

    def __init__(
        self,
        task: Task,
        workspace: Workspace,
        sandbox: Sandbox,
        slots: int,
        known: MeasurementTable | None = None,
    ) -> None:
        self.task, self.workspace, self.sandbox, self._known = task, workspace, sandbox, known
        self._free: asyncio.Queue[Slot] = asyncio.Queue()
        for i in range(slots):
            self._free.put_nowait(workspace.slot(f"slot{i}"))
        self._broken = 0
        self.pristine = workspace.pristine
        depth = len(Path(workspace.prefix).parts)
        project = (task.directory, *task.directory.parents)[depth]
        self._linked = view.linked(project, self.pristine.root)
        self.fingerprint = self._fingerprint(self.pristine)
        """SHA-256 of all that judges."""

    async def measure(
        self,
        files: Files,
        command: Sequence[str] = (),
        *,
        keep: bool = False,
        fresh: bool = False,
    ) -> Measurement:
        """Run `files`, by `command` or the task's own, and score what they left.

        With `keep`, what a run with a score left stays until `forget`, so that it can be rejudged.
        Where another run's measurement is known nothing is run, and nothing left, unless `fresh`.
        """
        command, key = command or self.task.spec.run.command, ""
        if self._known is not None and not fresh:
            content = json.dumps([self.workspace.tree, list(command), sorted(files.items())])
            key = hashlib.sha256(content.encode()).hexdigest()
            if (known := self._known.take(key)) is not None:
                return Measurement(**known)
        try:
            measured = await self._run(files, command, keep)
        except (OSError, ValueError, RuntimeError) as error:
            # E.g. the disk is full, or something that nobody foresaw happened: this trial's
            # end, not the run's, which would come to the same end each time it is resumed.
            self._broken += 1
            if self._broken >= BROKEN:
                raise SandboxError(f"{BROKEN} runs in a row could not be made: {error}") from error
            return Measurement("crashed", None, 0.0, f"could not be run: {error}")
        self._broken = 0
        if self._known is not None and key and measured.status != "timed_out":
            # A timeout may be the machine's doing, and no other run's.
            self._known.put(key, asdict(replace(measured, artefacts=None)))
        return measured

    async def _run(self, files: Files, command: Sequence[str], keep: bool) -> Measurement:
        slot = await self._free.get()
        try:
            return await self._measure(slot, files, command, keep)
        except OutputError as error:
            return Measurement("crashed", None, 0.0, str(error))
        finally:
            self._free.put_nowait(slot)

    async def measure_on(self, files: Files, command: Sequence[str]) -> Measurement:
        """Run `files`, and score what they left by the command of the sealed split or holdout."""
        measured = await self.measure(files, keep=True, fresh=True)
        try:
            if measured.score is None:
                return measured
            return await self.rejudge(measured.artefacts, command)
        finally:
            self.forget(measured)

    async def rejudge(self, artefacts: Path | None, command: Sequence[str]) -> Measurement:
        """Score kept artefacts by the command of the holdout or of the sealed split; without
        artefacts there is no score.

        What that says is for guards and reports: no model ever sees it.
        """
        if artefacts is None:
            return Measurement("crashed", None, 0.0, "the run left nothing that could be scored")
        return await self._judge(artefacts, 0.0, command)

    def forget(self, measured: Measurement) -> None:
        """Remove the artefacts of a measurement."""
        if measured.artefacts is not None:
            remove(measured.artefacts)

    async def rerun(self, files: Files, command: Sequence[str], given: Path, left: Path) -> Outcome:
        """Run `files` by `command` with the data of `given` in out/probe; what the run leaves there
        goes to `left`. Raises OSError when that cannot be."""
        limit = self.task.spec.run.disk_mb * MB
        slot = await self._free.get()
        try:
            await asyncio.to_thread(self.workspace.reset, slot, files)
            place = slot.task_dir / "out" / "probe"
            remove(place.parent)
            place.mkdir(parents=True)
            copy_artefacts(given, place, limit)
            ran = await self.sandbox.run(self._run_job(slot, command))
            if ran.ok:
                copy_artefacts(_inside_of(slot, place), left, limit)
            return ran
        finally:
            self._free.put_nowait(slot)

    async def _measure(
        self, slot: Slot, files: Files, command: Sequence[str], keep: bool
    ) -> Measurement:
        await asyncio.to_thread(self.workspace.reset, slot, files)
        out = slot.task_dir / "out"
        remove(out)
        out.mkdir()
        planted = {n: canary.plant(slot.task_dir / n) for n in self.task.spec.guard.canary}
        ran = await self.sandbox.run(self._run_job(slot, command))
        touched = [n for n, trace in planted.items() if canary.touched(slot.task_dir / n, trace)]
        with _left_by_a_run():
            fingerprint = self._fingerprint(slot)
        if fingerprint != self.fingerprint:
            return Measurement("rejected", None, ran.seconds, "the judge was tampered with")
        if not ran.ok:
            return _failure(ran)
        spec, kept = self.task.spec, None
        try:
            if spec.judge is not None or keep:
                kept = Path(tempfile.mkdtemp(prefix="out-", dir=slot.root.parent))
                kept.chmod(0o755)  # the judge may run as somebody else
                with _left_by_a_run():
                    copy_artefacts(_inside_of(slot, out), kept, spec.run.disk_mb * MB)
            if spec.judge is None or kept is None:
                measured = self._score(ran, ran.seconds)
            else:
                measured = await self._judge(kept, ran.seconds, spec.judge.command)
                prints = prints_metric(ran.stdout, spec.metric.name)
                measured = replace(measured, prints=prints)
            measured = replace(measured, canaries=touched)
            if keep and measured.score is not None:
                measured, kept = replace(measured, artefacts=kept), None
            return measured
        finally:
            if kept is not None:
                remove(kept)

    def _run_job(self, slot: Slot, command: Sequence[str]) -> Job:
        spec = self.task.spec
        locked = [below(slot.prefix, name) for name in (*spec.protect.files, FILE)]
        return Job(
            command=tuple(command),
            workspace=slot.root,
            cwd=slot.prefix or ".",
            read_only=tuple(locked),
            hidden=self.workspace.hidden,
            imports=self._linked,
            timeout_s=spec.run.timeout_s,
            memory_mb=spec.run.memory_mb,
            disk_mb=spec.run.disk_mb,
            network=spec.run.network,
        )

    async def _judge(self, out: Path, seconds: float, command: Sequence[str]) -> Measurement:
        """Score copied artefacts."""
        judged = await self.run_judge(out, command)
        if not judged.ok:
            said = _tail(judged) or judged.ending
            failed = replace(_failure(judged), seconds=seconds, tail=said)
            if failed.status == "timed_out":  # no word of the judge's
                return replace(failed, reason=f"the judge was {failed.reason}")
            reason = f"the judge refused: {last_line(said)}"
            if "No such file" in reason and "out/" in reason:  # it may be there, and be no data
                reason += f"; of out/ it sees {', '.join(sorted(ARTEFACTS))} files alone"
            return replace(failed, reason=reason)
        return self._score(judged, seconds)

    async def run_judge(self, out: Path, command: Sequence[str]) -> Outcome:
        """Run what judges on copied artefacts, in a sandbox of its own, over pristine files."""
        run = self.task.spec.run
        return await self.sandbox.run(
            Job(
                command=tuple(command),
                workspace=self.pristine.root,
                cwd=self.pristine.prefix or ".",
                writable=False,
                out=out,
                imports=self._linked,  # the commit's: nothing of a candidate's is in here
                timeout_s=run.timeout_s,
                memory_mb=run.memory_mb,
                disk_mb=run.disk_mb,
            )
        )

    def _score(self, printed: Outcome, seconds: float) -> Measurement:
        name = self.task.spec.metric.name
        try:
            score = read_metric(printed.stdout, name)
        except MetricError as error:
            return Measurement("crashed", None, seconds, str(error), _tail(printed))
        return Measurement("measured", score, seconds, blocks=read_blocks(printed.stdout, name))

    def _fingerprint(self, slot: Slot) -> str:
        """SHA-256 over everything that judges."""
        digest = hashlib.sha256()
        for name in sorted(self.task.spec.judging):
            top = slot.task_dir / name
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                if path.is_symlink() or not path.is_file():
                    digest.update(f"{path.relative_to(slot.root)} is no file\0".encode())
                else:
                    digest.update(f"{path.relative_to(slot.root)}\0".encode())
                    digest.update(_content(path, mark(path)))
        return digest.hexdigest()


def prints_metric(stdout: str, name: str) -> bool:
    """Does this output hold a line of the metric, as a judge prints it?"""
    for line in stdout.splitlines():
        try:
            read_metric(line, name)
        except MetricError:
            continue
        return True
    return False


def copy_artefacts(source: Path, target: Path, limit: int, depth: int = DEEPEST) -> int:
    """Copy the data files below `source`, at most `limit` bytes; returns what is left of it.
    Raises OutputError when there are more of them, or more than `depth` levels of directories.

    Everything in `source` was written by a candidate: links and devices stay behind, nothing is
    followed.
    """
    with os.scandir(source) as entries:
        for entry in entries:
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                if not depth:
                    raise OutputError(f"out/ holds directories more than {DEEPEST} levels deep")
                (target / entry.name).mkdir()
                limit = copy_artefacts(Path(entry.path), target / entry.name, limit, depth - 1)
            elif stat.S_ISREG(info.st_mode) and Path(entry.name).suffix in ARTEFACTS:
                limit -= info.st_size
                if limit < 0:
                    raise OutputError("out/ is larger than the task's disk_mb")
                handle = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW)
                with os.fdopen(handle, "rb") as read, (target / entry.name).open("xb") as write:
                    shutil.copyfileobj(read, write)
    return limit


def _inside_of(slot: Slot, place: Path) -> Path:
    """`place`, unless the run has put a link on the way to it, which might lead to the judge's
    answers; raises OutputError then."""
    # Path.resolve raises RuntimeError for a link to itself, up to Python 3.12.
    real, below_root = os.path.realpath(place), place.relative_to(slot.root)
    if real != os.path.join(os.path.realpath(slot.root), below_root):  # noqa: PTH118
        raise OutputError(
            f"{place.relative_to(slot.task_dir)} is behind a link that the run has made"
        )
    return place


@contextmanager
def _left_by_a_run() -> Iterator[None]:
    """For reading what a candidate may have removed, locked or named as it liked: raises
    OutputError, but for what is the machine's doing."""
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError) or error.errno in _MACHINE:
            raise
        raise OutputError(f"what it left cannot be read: {error.strerror or error}") from error


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
    reason = last_line(ran.stderr) if ran.ending == "exited" else ran.ending.replace("_", " ")
    return Measurement("crashed", None, ran.seconds, reason or f"exit code {ran.exit_code}", tail)


def _tail(outcome: Outcome) -> str:
    """The end of what was printed, control characters made visible: it goes into logs and pages."""
    text = (outcome.stdout[-TAIL:] + "\n" + outcome.stderr[-TAIL:]).strip()[-TAIL:]
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def last_line(text: str) -> str:
    """The end of what a program said, as a reason to show; "" where it said nothing."""
    lines = text.strip().splitlines()
    return "".join(c for c in lines[-1] if c.isprintable())[:200] if lines else ""
