"""The journal's rows as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from metaloop.task.space import Params

Status = Literal["kept", "discarded", "crashed", "timed_out", "rejected", "quarantined"]
RunState = Literal["running", "done", "interrupted", "paused"]
MechanismState = Literal["rejected", "installed", "retired"]


@dataclass(frozen=True)
class Details:
    """The part of a trial that is read one trial at a time."""

    edits: list[dict[str, str]] = field(default_factory=list)
    assigned: Params = field(default_factory=dict)
    """Parameters that the candidate set (`TrialRecord.params` is the full assignment)."""
    steer: dict[str, Any] | None = None
    hypothesis: str = ""
    scores: list[float] = field(default_factory=list)
    """Every measurement; the trial's score is their mean."""
    seconds: float = 0.0
    reason: str = ""
    """Why it ended as it did."""
    tail: str = ""
    """The end of the run's output, when it did not end well."""
    diff: str = ""
    """Against the parent, as `git apply` reads it."""
    commit: str | None = None
    at: float = 0.0


@dataclass(frozen=True)
class TrialRecord:
    """One trial, decided."""

    number: int
    status: Status
    arm: str
    """Whom the arbiter gave the trial to: "model" or the id of a mechanism."""
    by: str
    """Who made the candidate: the arm, or whoever had to step in ("baseline", "fallback")."""
    parent: int | None
    params: Params
    score: float | None
    gain: float | None
    """How much better than the best so far, in the metric's unit; None without a score."""
    changed: str
    content: str
    """Hash of the editable files; for a rejected trial "" where no files came about."""
    accepted: bool = False
    """The next trials start from here."""
    live: bool = False
    """A mechanism's call changed this trial."""
    asked: list[list[Any]] = field(default_factory=list)
    """Calls to mechanisms, [id, "suggest" or "accept", number of trials it had seen]."""
    details: Details = field(default_factory=Details)


@dataclass(frozen=True)
class Tally:
    """The trials of one arm that ended alike, counted."""

    arm: str
    own: bool
    """The arm made the candidates itself."""
    status: Status
    trials: int
    live: int
    gain: float
    last: int
    """Number of the latest one."""


@dataclass(frozen=True)
class MechanismRecord:
    """A mechanism of a run, with its provenance; rejected ones too."""

    id: str
    name: str
    origin: str
    """builtin, generated, or placebo: a generated one in whose place an inert one acts."""
    state: MechanismState
    reason: str
    source: str
    idea: str = ""
    model: str = ""
    born: int = 0
    ended: int | None = None
    screening: dict[str, Any] | None = None

    @property
    def invented(self) -> bool:
        """A model wrote it, whether it acts or an inert one does in its place."""
        return self.origin != "builtin"


@dataclass(frozen=True)
class Event:
    """Anything else worth a record: outer steps, strategies, warnings, holdout queries."""

    trial: int
    kind: str
    data: dict[str, Any]
    at: float = 0.0


@dataclass(frozen=True)
class RunRecord:
    """A run's row. Times in seconds since the epoch; `active_s` counts all sittings."""

    id: str
    task: str
    state: RunState
    reason: str
    started: float
    updated: float
    active_s: float
    config: dict[str, Any]
    machine: dict[str, Any]
