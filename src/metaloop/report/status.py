"""Where a run stands: the one summary behind `status`, `runs`, the report and the Python API."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from metaloop.journal.journal import Journal
from metaloop.journal.records import TrialRecord
from metaloop.models.ledger import Ledger


@dataclass(frozen=True)
class MechanismStatus:
    """A mechanism and what it earned. `live` counts the trials that its calls changed."""

    id: str
    name: str
    origin: str
    state: str
    reason: str
    live: int
    trials: int
    gain: float


@dataclass(frozen=True)
class Status:
    """A run, summed up. Scores are in the metric's own unit and direction."""

    run: str
    task: str
    state: str
    reason: str
    metric: str
    direction: str
    self_scored: bool
    levels: str
    baseline: float | None
    sigma: float | None
    """Standard deviation of the baseline's repeated measurements."""
    best: float | None
    best_trial: int | None
    holdout: dict[str, Any] | None
    """`baseline` and `best` on the hidden holdout, measured at the end, and the best `trial`."""
    trials: dict[str, int]
    """`total`, and the number by status; the baseline is trial 0 and not counted."""
    active_s: float
    roles: dict[str, dict[str, Any]]
    mechanisms: list[MechanismStatus]
    branch: str

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


def make_status(journal: Journal, run: str) -> Status:
    """The status of `run`; raises JournalError when there is no such run."""
    record = journal.run(run)
    spec, settings = record.config["spec"], record.config["settings"]
    trials = journal.trials(run)
    kept = [t for t in trials if t.status == "kept"]
    counts = journal.count_trials(run)
    if trials:
        counts["kept"] -= 1  # the baseline
    holdout = journal.events(run, "holdout")
    noise = journal.events(run, "noise")
    return Status(
        run=run,
        task=record.task,
        state=record.state,
        reason=record.reason,
        metric=spec["metric"]["name"],
        direction=spec["metric"]["direction"],
        self_scored=spec["judge"] is None,
        levels=settings["levels"],
        baseline=trials[0].score if trials else None,
        sigma=noise[-1].data["sigma"] if noise else None,
        best=kept[-1].score if kept else None,
        best_trial=kept[-1].number if kept else None,
        holdout=holdout[-1].data if holdout else None,
        trials={"total": max(len(trials) - 1, 0), **{k: n for k, n in counts.items() if n}},
        active_s=record.active_s,
        roles=_ledger(journal, run).to_dict(),
        mechanisms=_mechanisms(journal, run, trials),
        branch=record.config["branch"],
    )


def _ledger(journal: Journal, run: str) -> Ledger:
    ledger = Ledger()
    for call in journal.calls(run):
        ledger.enter(call)
    return ledger


def _mechanisms(journal: Journal, run: str, trials: list[TrialRecord]) -> list[MechanismStatus]:
    by_arm: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        by_arm.setdefault(trial.arm, []).append(trial)
    found = []
    for mechanism in journal.mechanisms(run):
        own = by_arm.get(mechanism.id, [])
        gain = sum(t.gain or 0.0 for t in own if t.status == "kept" and t.by == mechanism.id)
        found.append(
            MechanismStatus(
                mechanism.id,
                mechanism.name,
                mechanism.origin,
                mechanism.state,
                mechanism.reason,
                sum(t.live for t in own),
                len(own),
                gain,
            )
        )
    return found
