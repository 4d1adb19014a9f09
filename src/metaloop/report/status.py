"""Where a run stands: the one summary behind `status`, `runs`, the report and the Python API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from metaloop.guard.noise import Noise
from metaloop.guard.queries import ASKED, Queries
from metaloop.journal.journal import Journal
from metaloop.journal.records import Tally
from metaloop.project import Project
from metaloop.report.remeasured import remeasured
from metaloop.text import dollars


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
    """Mean of all measurements of it, as the baseline is of its own."""
    best_trial: int | None
    holdout: dict[str, Any] | None
    """`baseline` and `best` on the data opened at the end, which `split` that is, and the best
    `trial`; None until that is the best of now."""
    guards: dict[str, int]
    """Candidates that were to become the best (`asked`) and did (`promoted`), `runs` of programs
    that the guards spent, `queries` of the holdout."""
    trials: dict[str, int]
    """`total`, and the number by status; the baseline is trial 0 and not counted."""
    active_s: float
    roles: dict[str, dict[str, Any]]
    mechanisms: list[MechanismStatus]
    branch: str

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


def make_status(journal: Journal, run: str, project: Project | None = None) -> Status:
    """The status of `run`; raises JournalError when there is no such run.

    Given its `project`, a run whose process died without a word is told as interrupted.
    """
    record = journal.run(run)
    if project is not None and record.state == "running" and project.is_abandoned(run):
        record = journal.run(run)  # again: it may have ended just before its lock was seen free
        if record.state == "running":
            why = f"its process is gone; `metaloop resume {run}` goes on"
            record = replace(record, state="interrupted", reason=why)
    spec, settings = record.config["spec"], record.config["settings"]
    tallies = journal.tallies(run)
    counts: Counter[str] = Counter()
    for tally in tallies:
        if tally.arm != "baseline":
            counts[tally.status] += tally.trials
    baseline = journal.trial(run, 0) if tallies else None
    kept = [tally.last for tally in tallies if tally.status == "kept"]
    best = journal.trial(run, max(kept)) if kept else None
    again = remeasured(journal, run)
    return Status(
        run=run,
        task=record.task,
        state=record.state,
        reason=record.reason,
        metric=spec["metric"]["name"],
        direction=spec["metric"]["direction"],
        self_scored=spec["judge"] is None,
        levels=settings["levels"],
        baseline=again.get(0, baseline.score) if baseline else None,
        sigma=Noise.of(baseline.details.scores).sigma if baseline else None,
        best=again.get(best.number, best.score) if best else None,
        best_trial=best.number if best else None,
        holdout=_opened(journal, run, best.number) if best else None,
        guards=_guards(journal, run),
        trials={"total": counts.total(), **counts},
        active_s=record.active_s,
        roles=journal.ledger(run).to_dict(),
        mechanisms=_mechanisms(journal, run, tallies),
        branch=record.config["branch"],
    )


def _opened(journal: Journal, run: str, best: int) -> dict[str, Any] | None:
    """What was measured at the end; a run that goes on leaves it behind with its next best."""
    for event in journal.events(run, "holdout")[-1:]:
        if event.data["trial"] == best:
            return {key: value for key, value in event.data.items() if key != "content"}
    return None


def _guards(journal: Journal, run: str) -> dict[str, int]:
    events, queries = journal.events(run, *ASKED), Queries()
    for event in events:
        queries.take(event.kind, event.data)
    asked = [event.data for event in events if event.kind == "guards" and event.trial > 0]
    dropped = [event.data for event in events if event.kind == "attribution"]
    return {
        "asked": len(asked),
        "promoted": sum(data["verdicts"][-1]["ending"] == "passed" for data in asked),
        "runs": sum(data["runs"] for data in [*asked, *dropped]),
        "queries": queries.total(),
    }


def _mechanisms(journal: Journal, run: str, tallies: list[Tally]) -> list[MechanismStatus]:
    found = []
    for mechanism in journal.mechanisms(run):
        own = [tally for tally in tallies if tally.arm == mechanism.id]
        found.append(
            MechanismStatus(
                mechanism.id,
                mechanism.name,
                mechanism.origin,
                mechanism.state,
                mechanism.reason,
                sum(tally.live for tally in own),
                sum(tally.trials for tally in own),
                sum((t.gain for t in own if t.status == "kept" and t.own), 0.0),
            )
        )
    return found


COST_HEADS = ("role", "model", "#calls", "#failed", "#tokens in", "#tokens out", "#seconds", "#usd")
"""Heads of `cost_rows`; those of numbers begin with #."""


def cost_rows(roles: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """What each role used."""
    counts = ("calls", "failed", "input_tokens", "output_tokens")
    return [
        [role, used["model"], *(str(used[name]) for name in counts), f"{used['seconds']:.1f}",
         dollars(used["usd"])]
        for role, used in roles.items()
    ]  # fmt: skip
