"""Where a run stands. All of it is derived from the journal: a resumed run goes on alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from statistics import mean
from typing import Any

from metaloop.guard.base import Shown
from metaloop.guard.noise import Noise
from metaloop.guard.queries import Queries
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.inner.guards import Checked, guards_for
from metaloop.inner.proposal import Proposal, View
from metaloop.inner.settings import Settings, Strategy
from metaloop.journal.journal import Journal
from metaloop.journal.records import Details, Event, Status, TrialRecord
from metaloop.mechanism.api import Trial
from metaloop.mechanism.arbiter import MODEL, Arbiter
from metaloop.mechanism.builtin import PLACEBO
from metaloop.mechanism.host import MechanismError, MechanismHost
from metaloop.models.base import Model
from metaloop.task.patch import Edit, Files, build, changed, code_size, content_hash, diff
from metaloop.task.space import Value
from metaloop.task.spec import Task, read_text

NOT_LIVE = 3
"""A mechanism is retired after this many trials in a row that it did not change."""
REMEMBERED = 32
"""Trials whose files are kept in memory."""
_NONE = Details()


class Search:
    """The state of the inner loop: trials so far, the best, the parent, the mechanisms in use."""

    def __init__(
        self,
        run: str,
        task: Task,
        settings: Settings,
        journal: Journal,
        evaluator: Evaluator,
        proposer: Model | None,
        check_budget: Callable[[], None],
        active_s: Callable[[], float],
    ) -> None:
        self.run, self.task, self.settings, self.journal = run, task, settings, journal
        self.evaluator, self.proposer = evaluator, proposer
        self.check_budget, self._active_s = check_budget, active_s
        self.turn = asyncio.Lock()
        self.trials: list[TrialRecord] = []
        self.history: list[Trial] = []
        self.hosts: dict[str, MechanismHost] = {}
        self.arbiter = Arbiter(seed=settings.seed)
        if proposer is not None:
            self.arbiter.add(MODEL, 0)
        self.strategy = Strategy()
        self.noise = Noise()
        self.best = self.parent = self.since = 0
        self.best_losses: list[float] = []
        self.queries = Queries(self._note_query)
        self.guards = guards_for(task, evaluator, check_budget, self.queries.ask)
        self.shown: dict[int, Shown] = {}
        """What the baseline and each best after it has shown to the guards."""
        self.repeats = 0
        """Measurements that the guards have had repeated."""
        self.best_commit = evaluator.workspace.base
        self._by_content: dict[str, int] = {}
        self._idle: dict[str, int] = {}
        self._files: dict[int, Files] = {0: _as_found(task, evaluator)}

    # What the loop asks

    def view(self, number: int) -> View:
        return View(number, len(self.trials), self.since, self.best, self.parent, self.strategy)

    @property
    def best_loss(self) -> float:
        """Mean of the best's measurements, exact so that an equal loss is no gain; lower is
        better."""
        return mean(self.best_losses)

    def choose_arm(self, number: int, busy: list[str]) -> str:
        """Whom the arbiter gives trial `number` to; `busy` are the arms of those in flight."""
        return self.arbiter.choose(number, busy)

    def is_duplicate(self, files: Files) -> bool:
        return self.twin(files, len(self.trials)) is not None

    def twin(self, files: Files, seen: int) -> int | None:
        """Which of the first `seen` trials had these very files?"""
        number = self._by_content.get(content_hash(files))
        return number if number is not None and number < seen else None

    def is_smaller(self, files: Files) -> bool:
        return code_size(files) < code_size(self.files(self.best))

    def files(self, number: int) -> Files:
        """The editable files of a measured trial, rebuilt along its parents where need be."""
        chain = []
        while number not in self._files:
            chain.append(number)
            number = self.trials[number].parent or 0
        files = self._files[number]
        for child in reversed(chain):
            details = self.journal.details(self.run, child)
            edits = [Edit(**edit) for edit in details.edits]
            files = build(self.task, files, details.assigned, edits)
        self._remember(chain[0] if chain else number, files)
        return files

    def _remember(self, number: int, files: Files) -> None:
        """Keep the files of the latest few trials at hand; the others can be rebuilt."""
        self._files[number] = files
        while len(self._files) > REMEMBERED:
            del self._files[next(n for n in self._files if n not in (0, number))]

    # What the loop reports

    def reject(self, proposal: Proposal) -> None:
        """Record a trial that never ran: so no mechanism has changed it."""
        proposal.live = False
        if proposal.files is None:
            proposal.by = "fallback" if self.proposer is None else MODEL
        reason = proposal.reason or "no candidate that was not tried before"
        self.record(proposal, Measurement("rejected", None, 0.0, reason), "rejected")

    async def consider(
        self, proposal: Proposal, measured: Measurement, gain: float, checked: Checked | None
    ) -> None:
        """Record a measured trial, as the guards decided where they were asked (`checked`).

        A mechanism may accept what is no improvement as next parent, but not what was refused.
        """
        status: Status = "discarded"
        if checked is not None:
            last, gain = checked.last, checked.promotion.gain
            status = "kept" if last.ending == "passed" else last.ending
            reason = "" if status == "kept" else f"{last.guard}: {last.told}"
            measured = replace(measured, reason=reason)
        accepted = status == "kept"
        if status == "discarded" and proposal.arm in self.hosts:
            proposal.asked.append([proposal.arm, "accept", len(self.trials)])
            try:
                trial = self._make(proposal, measured, status, gain, checked)
                host = self.hosts[proposal.arm]
                accepted = bool(await host.accept(self._seen_by_mechanisms(trial), self.history))
                proposal.live = proposal.live or accepted
            except MechanismError as error:
                proposal.broken = str(error)
        self.record(proposal, measured, status, gain, checked, accepted=accepted)

    def record(
        self,
        proposal: Proposal,
        measured: Measurement,
        status: Status,
        gain: float | None = None,
        checked: Checked | None = None,
        *,
        accepted: bool = False,
    ) -> None:
        """Write a decided trial to the journal and take it into the state."""
        if status == "crashed" and measured.status in ("timed_out", "rejected"):
            status = "timed_out" if measured.status == "timed_out" else "rejected"
        trial = replace(self._make(proposal, measured, status, gain, checked), accepted=accepted)
        if status == "kept" and proposal.files is not None:
            message = f"trial {trial.number}: {trial.changed}\n\n{trial.details.hypothesis}\n"
            commit = self.evaluator.workspace.commit(proposal.files, message, self.best_commit)
            trial = replace(trial, details=replace(trial.details, commit=commit))
        if trial.accepted and proposal.files is not None:
            self._remember(trial.number, proposal.files)
        retired = self._retired(trial, proposal.broken) if proposal.arm in self.hosts else None
        self.add(trial, checked.to_dict(len(self.best_losses)) if checked else None, retired)

    def add(
        self,
        trial: TrialRecord,
        checked: dict[str, Any] | None = None,
        retired: Event | None = None,
    ) -> None:
        """Write a decided trial and what came of it to the journal, and take it into the state."""
        events = [Event(trial.number, "guards", checked)] if checked is not None else []
        events += [retired] if retired else []
        self.journal.add_trial(self.run, trial, self._active_s(), events)
        losses = [self.task.loss(score) for score in trial.details.scores]
        self.take(replace(trial, details=_NONE), losses, trial.details.commit)
        if checked is not None:
            self.take_checked(trial.number, checked)
            self.queries.take("guards", checked)
        if retired:
            self.take_event(retired)

    def _retired(self, trial: TrialRecord, broken: str) -> Event | None:
        """The end of the mechanism that had this trial, where it broke or idled too long."""
        reason = broken
        if not broken and self._idle_after(trial) >= NOT_LIVE and self._must_be_live(trial.arm):
            reason = f"not live: its last {NOT_LIVE} calls changed no decision"
        data = {"mechanism": trial.arm, "reason": reason}
        return Event(trial.number, "retired", data) if reason else None

    def _must_be_live(self, mechanism: str) -> bool:
        """Not the placebos of a study, nor the last mechanism where there is no model: without it
        all would be random steps."""
        alone = self.proposer is None and len(self.hosts) == 1
        return not alone and self.hosts[mechanism].source != PLACEBO

    async def close(self) -> None:
        """Stop the mechanisms' workers."""
        for host in self.hosts.values():
            await host.close()

    # What the outer loop changes

    def install(self, mechanism: str, host: MechanismHost, guaranteed: int) -> None:
        """Put a mechanism into use: the arbiter owes it so many trials, then credit decides."""
        self.hosts[mechanism] = host
        self.arbiter.add(mechanism, guaranteed)

    def drop(self, mechanism: str) -> None:
        """Take a mechanism out of use."""
        self.arbiter.retire(mechanism)
        self.hosts.pop(mechanism).kill()

    def take_event(self, event: Event) -> None:
        """Take what was decided beside a trial into the state."""
        if event.kind == "strategy":
            self.strategy = Strategy.from_dict(event.data)
        elif event.kind == "retired":
            self.drop(event.data["mechanism"])
        elif event.kind == "restart":
            self.parent, self.since = event.data["trial"], len(self.trials)

    # The fold from trials to state, the same for new trials and for a resumed run's

    def take(self, trial: TrialRecord, losses: list[float], commit: str | None) -> None:
        """Take one decided trial into the state."""
        self.trials.append(trial)
        self._idle[trial.arm] = self._idle_after(trial)
        self.history.append(self._seen_by_mechanisms(trial))
        self._by_content.setdefault(trial.content, trial.number)
        if trial.number == 0:
            self.noise = Noise.of(losses)
        else:
            gain = trial.gain if trial.by == trial.arm and trial.gain else 0.0
            self.arbiter.record(trial.arm, gain if trial.status == "kept" else 0.0)
        if trial.status == "kept":
            self.best, self.best_losses = trial.number, losses
            self.best_commit = commit or self.best_commit
        if trial.accepted:
            self.parent = trial.number

    def _idle_after(self, trial: TrialRecord) -> int:
        """How many trials in a row, up to this one, its arm has not changed. What repeats a trial
        that was under way is the workers' doing, and no idleness."""
        idle = self._idle.get(trial.arm, 0)
        if trial.status == "rejected" and trial.content:
            return idle
        return 0 if trial.live else idle + 1

    def take_checked(self, number: int, data: dict[str, Any]) -> None:
        """Take into the state what the guards of trial `number` measured (`Checked.to_dict`)."""
        self.repeats += len([*data.get("losses", ())[1:], *data.get("best_losses", ())])
        if self.best == number:
            self.shown[number] = Shown.from_dict(data["shown"])
        else:
            self.best_losses = [*self.best_losses, *data["best_losses"]]
        # A refused program that alone scatters, on a deterministic task, is no noise of others.
        if number > 0 and (self.best == number or self.noise.sigma > 0):
            self.noise = self.noise.known.pooled(data["losses"])

    def _note_query(self, content: str) -> None:
        self.journal.add_event(self.run, len(self.trials) - 1, "query", content=content)

    def _make(
        self,
        proposal: Proposal,
        measured: Measurement,
        status: Status,
        gain: float | None,
        checked: Checked | None,
    ) -> TrialRecord:
        candidate, files = proposal.candidate, proposal.files
        before = self.files(candidate.parent)
        after = files or before
        prefix = self.evaluator.workspace.prefix
        scores = [] if measured.score is None else [measured.score]
        if checked is not None:
            scores = [self.task.loss(loss) for loss in checked.promotion.losses]
        told = status in ("kept", "discarded")  # what was refused has no score to chase
        details = Details(
            edits=[asdict(edit) for edit in candidate.edits],
            assigned={name: self._valid(name, v) for name, v in candidate.params.items()},
            steer=asdict(proposal.steer) if proposal.steer else None,
            hypothesis=candidate.hypothesis,
            scores=scores,
            seconds=measured.seconds,
            reason=measured.reason,
            tail=measured.tail,
            diff=diff(before, after, f"{prefix}/" if prefix else ""),
        )
        return TrialRecord(
            number=len(self.trials),
            status=status,
            arm=proposal.arm,
            by=proposal.by,
            parent=candidate.parent,
            params=self.task.params_of(after),
            score=mean(scores) if told else None,
            gain=gain if told else None,
            changed=changed(self.task, before, after),
            content=content_hash(files) if files else "",
            live=proposal.live,
            asked=proposal.asked,
            details=details,
        )

    def _valid(self, name: str, value: Value) -> Value:
        """A value as it is recorded: as it was given, but in bounds (Infinity is no JSON)."""
        clipped = self.task.space[name].clip(value)
        return value if value == clipped else clipped

    def _seen_by_mechanisms(self, trial: TrialRecord) -> Trial:
        loss = None if trial.score is None else self.task.loss(trial.score)
        return Trial(
            trial.number, trial.params, loss, trial.status, trial.by, trial.parent, trial.changed
        )


def _as_found(task: Task, evaluator: Evaluator) -> Files:
    """The editable files as the run began with them, for the user's may have changed since; those
    that git ignores are with the user alone."""
    begun = evaluator.pristine.task_dir
    places = {name: begun / name for name in task.spec.edit.files}
    return {
        name: read_text(place if place.is_file() else task.directory / name)
        for name, place in places.items()
    }
