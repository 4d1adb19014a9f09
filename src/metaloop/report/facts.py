"""What a report tells, read from the journal once: the same for HTML, Markdown and plots."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from metaloop.journal.journal import Journal
from metaloop.journal.records import Details, Event, MechanismRecord, RunRecord, TrialRecord
from metaloop.project import Project
from metaloop.report.remeasured import remeasured
from metaloop.report.routing import Learned, learned
from metaloop.report.status import Status, make_status
from metaloop.report.words import score_name

SHOWN = 100
"""Kept changes shown in full, the latest ones."""
FAILED = 20
"""The same of programs that failed."""
NAMES = {
    "model": "the model alone",
    "fallback": "random steps (stand-in)",
    "baseline": "baseline",
}


@dataclass(frozen=True)
class Earned:
    """What one author of candidates made and earned: the model alone, or a mechanism."""

    arm: str
    label: str
    trials: int
    kept: int
    gain: float


@dataclass(frozen=True)
class Facts:
    """One run."""

    record: RunRecord
    status: Status
    trials: list[TrialRecord]
    """All of them, trial 0 is the baseline; without details. A best that guards measured again has
    the mean of all its measurements for a score."""
    kept: list[tuple[TrialRecord, Details]]
    """The latest kept changes, the baseline not among them."""
    failed: list[tuple[TrialRecord, Details]]
    """The latest whose program crashed or took too long."""
    mechanisms: list[MechanismRecord]
    events: list[Event]
    routing: list[Learned] = field(default_factory=list)
    """What routers over several models learned, per role."""

    @classmethod
    def read(cls, journal: Journal, run: str, project: Project | None = None) -> Facts:
        """Raises JournalError when there is no such run. `project`: see `make_status`."""
        again = remeasured(journal, run)
        trials = [replace(t, score=again.get(t.number, t.score)) for t in journal.trials(run)]
        kept = [t for t in trials if t.status == "kept" and t.number > 0][-SHOWN:]
        failed = [t for t in trials if t.status in ("crashed", "timed_out")][-FAILED:]
        return cls(
            journal.run(run),
            make_status(journal, run, project),
            trials,
            [(t, journal.details(run, t.number)) for t in kept],
            [(t, journal.details(run, t.number)) for t in failed],
            journal.mechanisms(run),
            journal.events(run),
            learned(journal, run),
        )

    @property
    def guarded(self) -> list[tuple[int, list[dict[str, str]]]]:
        """Each candidate that was to become the best: its trial, and the guards' verdicts."""
        events = [event for event in self.events if event.kind == "guards" and event.trial > 0]
        return [(event.trial, event.data["verdicts"]) for event in events][-SHOWN:]

    @property
    def score_name(self) -> str:
        return score_name(self.status.metric, self.status.self_scored)

    @property
    def invented(self) -> list[MechanismRecord]:
        return [m for m in self.mechanisms if m.invented]

    def of_kind(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]

    def label(self, arm: str) -> str:
        """A name for whoever made a candidate, e.g. `m2 Annealing`."""
        for mechanism in self.mechanisms:
            if mechanism.id == arm:
                return arm if mechanism.name == arm else f"{arm} {mechanism.name}"
        return NAMES.get(arm, arm)

    def earned(self) -> list[Earned]:
        """Per author of candidates, in order of appearance; the baseline is nobody's."""
        authors: dict[str, list[TrialRecord]] = {}
        for trial in self.trials[1:]:
            authors.setdefault(trial.by, []).append(trial)
        return [
            Earned(
                arm,
                self.label(arm),
                len(own),
                sum(t.status == "kept" for t in own),
                sum(t.gain or 0.0 for t in own if t.status == "kept"),
            )
            for arm, own in authors.items()
        ]
