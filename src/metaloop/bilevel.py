"""One bilevel run from start to end: the inner loop, and the outer loop over it.

`run` and `resume` are the public API; the command line is a thin layer over them.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metaloop.execution import Sandbox, SandboxError, find_sandbox
from metaloop.execution.unconfined import Unconfined
from metaloop.execution.view import is_python, python
from metaloop.inner.baseline import measure_baseline
from metaloop.inner.evaluate import Evaluator
from metaloop.inner.final import measure_final
from metaloop.inner.loop import inner_loop
from metaloop.inner.prune import prune, pruned
from metaloop.inner.search import Search
from metaloop.inner.settings import Settings
from metaloop.journal.journal import Journal
from metaloop.journal.records import RunRecord, RunState
from metaloop.machine import machine
from metaloop.models.base import Model, ModelUnavailable
from metaloop.models.ledger import Budget, BudgetReached, Ledger, Metered
from metaloop.models.local.cores import share_with
from metaloop.models.recorder import CallStore, Layered, Recorded, ReplayMiss
from metaloop.models.reference import members
from metaloop.models.roles import Roles
from metaloop.models.router.outcomes import Outcomes
from metaloop.models.router.router import Router
from metaloop.outer.loop import OuterLoop
from metaloop.outer.restore import restore
from metaloop.project import Project
from metaloop.report.status import Status, make_status
from metaloop.task.git import git, ref_of
from metaloop.task.mirror import remove
from metaloop.task.space import Space
from metaloop.task.spec import FILE, Spec, Task, load_task
from metaloop.task.winner import is_settled
from metaloop.task.workspace import Workspace

Listener = Callable[[str, object], None]


def run(
    task: Task | Path | str,
    settings: Settings | None = None,
    *,
    project: Project | None = None,
    include_uncommitted: bool = False,
    apart: Sequence[Path] | None = None,
    label: str = "",
    replay: CallStore | None = None,
    models: Mapping[str, Model] | None = None,
    listener: Listener | None = None,
    **options: Any,
) -> Status:
    """Start a run and see it through; returns where it stands at the end.

    `options` are fields of `Settings`, over those of `settings`:

        metaloop.run("tasks/ngram-lm", inner="local:qwen2.5-coder-0.5b", trials=16)

    With `apart` the run is a study's. It takes the task as it lies there, less the paths `apart`,
    where the study keeps what came of other runs, and its branch is none that `git branch` lists,
    `refs/metaloop/RUN`: the study removes it in the end (`settle`).
    `label` is written into its record, to find it by.

    `replay` answers every model call from a record; `models` fills roles ("inner", "outer", or a
    role's name) with model objects instead of references. `listener` is called with (run, record)
    for each record written to the journal.

    Raises TaskError and ValueError for bad input, SandboxError without a usable sandbox,
    BudgetReached for a budget of 0, ReplayMiss where a replay leaves the record. A budget that is
    used up later is no error: the status's `reason` names it.
    """
    settings = replace(settings or Settings(), **options)
    task = task if isinstance(task, Task) else load_task(task)
    project = project or Project.around(Path.cwd())
    sandbox = find_sandbox(unsafe=settings.unsafe)
    with project.journal(listener) as journal:
        session = Session(journal, task, settings, sandbox, replay, models or {})
        session.budget.check(session.ledger)
        run_id = project.new_run(journal, task)
        folder = project.folder(run_id)
        with project.hold(run_id), contextlib.ExitStack() as undo:
            # Where no run begins its number is free again.
            undo.callback(remove, folder)
            if apart is None:
                workspace = Workspace.create(task, folder, run_id, include_uncommitted)
            else:
                workspace = Workspace.unlisted(task, folder, run_id, apart)
            undo.callback(git, workspace.repo, "update-ref", "-d", ref_of(workspace.branch))
            config = {
                "task": str(task.directory),
                "spec": task.spec.model_dump(mode="json"),
                "owner": task.owner,
                "settings": settings.to_dict(),
                "repo": str(workspace.repo),
                "prefix": workspace.prefix,
                "base": workspace.base,
                "tree": workspace.tree,
                "branch": workspace.branch,
                "sandbox": sandbox.name,
                "python": python(),
                "label": label,
            }
            now = time.time()
            journal.start_run(
                RunRecord(run_id, task.spec.name, "running", "", now, now, 0.0, config, machine())
            )
            undo.pop_all()
            return session.drive(run_id, workspace)


def resume(
    run_id: str,
    *,
    project: Project | None = None,
    changes: Mapping[str, Any] | None = None,
    replay: CallStore | None = None,
    models: Mapping[str, Model] | None = None,
    listener: Listener | None = None,
) -> Status:
    """Go on with a run that was interrupted, paused or ended by a budget.

    `changes` replaces settings, e.g. `{"trials": 48}`. Leave to run unconfined is not remembered:
    `{"unsafe": True}` gives it anew. Raises as `run` does, but for BudgetReached; ValueError for a
    run that another process is at, or whose trials would not be run as before, or whose branch has
    commits of the user's, or that was a study's and is done; JournalError for an unknown one.
    """
    project = project or Project.around(Path.cwd())
    with project.journal(listener) as journal, project.hold(journal.run(run_id).id):
        record = journal.run(run_id)
        if is_settled(project.folder(run_id)):
            raise ValueError(
                f"{run_id} is a cell of a study, and done: its patch is kept (`metaloop diff "
                f"{run_id}`), its commits are not, so that it cannot go on; start a new run"
            )
        given: dict[str, Any] = {"unsafe": False, **(changes or {})}
        settings = replace(Settings(**record.config["settings"]), **given)
        task = _task_of(record)
        _check_conditions(record, settings.unsafe)
        sandbox = find_sandbox(unsafe=settings.unsafe)
        session = Session(journal, task, settings, sandbox, replay, models or {}, record)
        workspace = Workspace(
            task,
            project.folder(run_id),
            Path(record.config["repo"]),
            record.config["prefix"],
            record.config["branch"],
            record.config["base"],
        )
        workspace.check_branch()
        now = {"settings": settings.to_dict(), "sandbox": _sandboxes(record, sandbox)}
        now["python"] = python()
        journal.set_config(run_id, record.config | now)
        journal.set_state(run_id, "running")
        return session.drive(run_id, workspace)


def _task_of(record: RunRecord) -> Task:
    """A run's task as it began with it. Of the user's files metaloop.toml alone has to be the same:
    trials see the commit, whatever has become of the others. Raises ValueError where it is not."""
    directory, spec = Path(record.config["task"]), None
    with contextlib.suppress(OSError, ValueError):  # it may be gone, or be no valid task any more
        spec = Spec.model_validate(tomllib.loads((directory / FILE).read_text("utf-8-sig")))
    if spec is None or spec != Spec.model_validate(record.config["spec"]):
        raise ValueError(
            f"{directory}: metaloop.toml has changed since {record.id} began, so its scores "
            "would not compare; put it back, or start a new run"
        )
    if "owner" not in record.config:  # begun before that was recorded
        return load_task(directory)
    space = Space.from_dict({name: param.model_dump() for name, param in spec.space.items()})
    return Task(directory, spec, space, record.config["owner"])


def _check_conditions(record: RunRecord, unsafe: bool) -> None:
    """Raise ValueError where every further trial might fail, being run in another way."""
    if record.config.get("sandbox", "").startswith(Unconfined.name) and not unsafe:
        raise ValueError(
            f"{record.id} began without a sandbox (--unsafe), and its program may not run in one; "
            "add --unsafe, which is never remembered"
        )
    begun = record.config.get("python", "")
    if Path(begun).is_file() and not is_python(begun):  # of one that is gone nothing can be said
        raise ValueError(
            f"{record.id} began with the interpreter {begun}, and `python` is {python()} now; "
            f"activate the environment {Path(begun).parents[1]}, or leave the one that is active"
        )


def _sandboxes(record: RunRecord, sandbox: Sandbox) -> str:
    """What a run's trials have run in: each later one is added, for the report."""
    known = record.config.get("sandbox", "")
    return known if sandbox.name in known else f"{known}; later {sandbox.name}".removeprefix("; ")


class Session:
    """One sitting of a run: models connected, budget ticking."""

    def __init__(
        self,
        journal: Journal,
        task: Task,
        settings: Settings,
        sandbox: Sandbox,
        replay: CallStore | None,
        models: Mapping[str, Model],
        record: RunRecord | None = None,
    ) -> None:
        self.journal, self.task, self.settings, self.sandbox = journal, task, settings, sandbox
        self.replay = replay
        self.ledger = journal.ledger(record.id) if record else Ledger()
        self.budget = Budget(
            settings.budget_usd,
            settings.budget_minutes,
            elapsed_s=record.active_s if record else 0.0,
        )
        self._objects = dict(models)
        self._references = self._choose_references()
        self._routers: list[Router] = []
        roles = self._connect(lambda model: model)
        if roles is None and not task.space:
            raise ValueError(
                "no model is named and the task has no [space] to search: add --inner MODEL, or a "
                "[space] to metaloop.toml"
            )
        if replay is None:
            self.budget.admit(ref for name in self._references.values() for ref in members(name))
            if roles and (missing := roles.missing()):
                raise ValueError("\n".join(missing))

    def _choose_references(self) -> dict[str, str]:
        """Inner, outer and roles, from the settings, else from the task's `[models]`: but a study
        names the models of each of its arms itself, or none."""
        own = {} if self.settings.share else self.task.spec.models
        chosen = dict(own) | self.settings.roles
        for side in ("inner", "outer"):
            if (ref := getattr(self.settings, side)) is not None:
                chosen[side] = ref
        return chosen

    def _connect(self, wrap: Callable[[Model], Model]) -> Roles | None:
        """The model of every role; None where the run has none. Raises ValueError for bad names."""
        chosen: dict[str, str | Model] = {**self._references, **self._objects}
        inner = chosen.pop("inner", None) or chosen.get("proposer")
        outer = chosen.pop("outer", inner)
        if inner is None and (outer is not None or chosen):
            raise ValueError(
                f"{', '.join(self._references) or 'a role'} has a model, but nobody proposes: "
                "add --inner MODEL, or inner = MODEL to [models]"
            )
        if inner is None or outer is None:
            return None
        return Roles(inner, outer, chosen, wrap=wrap)

    def _roles(self, run_id: str) -> Roles | None:
        """The models, each recorded and metered; None where the run has none."""
        own = self.journal.calls(run_id)
        shared = self.journal.all_calls() if self.settings.share else None
        recording = self.replay or shared
        store: CallStore = (
            own if recording is None else Layered(own, recording, free=not self.settings.share)
        )

        def wrap(model: Model) -> Model:
            known = store
            if isinstance(model, Router):
                self._routers.append(model)
                # What another run's router chose is no choice of this one's.
                known = own if self.replay is None else store
            recorded = Recorded(model, known, replay=self.replay is not None)
            return Metered(recorded, self.ledger, self.budget)

        return self._connect(wrap)

    def drive(self, run_id: str, workspace: Workspace) -> Status:
        """Run the event loop until the run is done, interrupted or paused."""
        try:
            self._end(run_id, *self._run(run_id, workspace))
        finally:
            workspace.close()
        return make_status(self.journal, run_id)

    def _run(self, run_id: str, workspace: Workspace) -> tuple[RunState, str]:
        """The state that the run is then in, and why; where it fails that is recorded."""
        try:
            return asyncio.run(self._drive(run_id, workspace))
        except KeyboardInterrupt:  # asyncio.run has cancelled and awaited everything by now
            return "interrupted", "interrupted by the user"
        except ReplayMiss:
            self._end(run_id, "paused", "the replay left the recorded path")
            raise
        except BaseException as error:
            self._end(run_id, "interrupted", f"{type(error).__name__}: {error}")
            raise

    def _end(self, run_id: str, state: RunState, reason: str) -> None:
        self.journal.set_state(run_id, state, reason, self.budget.elapsed_s)

    def _how(self, run_id: str) -> str:
        """How to go on, as the end of a reason."""
        return f"`metaloop resume {run_id}{' --unsafe' if self.settings.unsafe else ''}` goes on"

    async def _drive(self, run_id: str, workspace: Workspace) -> tuple[RunState, str]:
        """The state that the run is then in, and why."""
        main = asyncio.current_task()
        if main is not None and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
        roles = self._roles(run_id)
        share_with(self.settings.workers)
        shared = self.settings.share
        known = self.journal.measurements(run_id, self.settings.seed) if shared else None
        evaluator = Evaluator(self.task, workspace, self.sandbox, self.settings.workers, known)
        search = Search(
            run_id,
            self.task,
            self.settings,
            self.journal,
            evaluator,
            roles["proposer"] if roles else None,
            lambda: self.budget.check(self.ledger),
            lambda: self.budget.elapsed_s,
        )
        outer = OuterLoop(search, roles, self.sandbox)
        try:
            return "done", await self._see_through(search, outer)
        except ReplayMiss:
            raise
        except ModelUnavailable as error:
            return "paused", f"{error}; {self._how(run_id)}"
        except SandboxError as error:
            if not search.trials:  # nothing can be run here at all
                raise
            return "paused", f"{error}; {self._how(run_id)}"
        except asyncio.CancelledError:
            return "interrupted", self._how(run_id)
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await search.close()

    async def _see_through(self, search: Search, outer: OuterLoop) -> str:
        """Go on from where the run is to its end; returns the limit that ended it early, if any."""
        try:
            await restore(search, outer)
            outcomes = Outcomes(self.settings.seed, search.trials, outer.mechanisms)
            for router in self._routers:
                router.follow(outcomes, self.journal.calls(search.run))
            await bilevel_loop(search, outer)
            await measure_final(search, await prune(search))
        except BudgetReached as reached:
            ready = pruned(search) is not None  # then it costs no run
            await measure_final(search, await prune(search) if ready else search.files(search.best))
            return str(reached)
        return ""


async def bilevel_loop(search: Search, outer: OuterLoop) -> None:
    """Inner loop, outer step, inner loop, and so on until the trials are used up."""
    if not search.trials:
        await measure_baseline(search)
    outer.start()
    settings = search.settings
    while (done := len(search.trials) - 1) < settings.trials:
        if done and done % settings.outer_every == 0:
            await outer.step(done)
        boundary = (done // settings.outer_every + 1) * settings.outer_every
        await inner_loop(search, min(boundary, settings.trials))
