"""The seam of the guards: is this gain real?

A guard looks at a candidate that would become the best, and says what it saw. It never changes the
score. What it measured on hidden data is for people: models are told "not confirmed", no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any, Literal, Protocol

from metaloop.guard.noise import Noise
from metaloop.task.patch import Files

Ending = Literal["passed", "discarded", "rejected", "quarantined"]
"""`discarded`: no gain after all; `rejected`: a gain that is not real; `quarantined`: kept aside
for a person to look at."""


@dataclass(frozen=True)
class Verdict:
    """What one guard found, with the evidence."""

    guard: str
    ending: Ending
    evidence: str
    hidden: bool = False
    """The evidence tells of data that no model may learn of."""

    @property
    def told(self) -> str:
        """What models may read."""
        return "not confirmed" if self.hidden else self.evidence


@dataclass(frozen=True)
class Scored:
    """A loss, and the loss on each block of the data where the judge tells them."""

    loss: float
    blocks: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Probed:
    """What noise on a program's weights does to what is known to hold, at the damage that the task
    declares."""

    violation: float
    """How far the invariant is broken without noise."""
    breaking: float
    """Growth of the violation per damage done to the output, mean over draws of noise."""
    error: float
    """Standard error of `breaking`."""
    scale: float
    """Of the noise that does this damage, relative to each weight."""


@dataclass
class Shown:
    """What one program has shown so far, first by the search and then to the guards."""

    search: Scored
    seconds: float
    """How long it ran."""
    prints: bool = False
    """Its own process printed the metric."""
    canaries: list[str] = field(default_factory=list)
    """Canary files that it touched."""
    holdout: Scored | None = None
    varied: dict[str, float] = field(default_factory=dict)
    """Loss under each perturbation, by name."""
    probed: Probed | None = None
    """What its weights showed, where the task exposes them."""

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Shown:
        """From the journal, as `asdict` wrote it."""
        hidden, probed = data["holdout"], data["probed"]
        return cls(
            Scored(**data["search"]),
            data["seconds"],
            data["prints"],
            data["canaries"],
            Scored(**hidden) if hidden else None,
            data["varied"],
            Probed(**probed) if probed else None,
        )


@dataclass
class Promotion:
    """A candidate that would become the best, beside the best that it would replace.

    Losses are measurements turned so that lower is better; guards that measure again add to them.
    """

    files: Files
    best_files: Files
    losses: list[float]
    best_losses: list[float]
    noise: Noise
    shown: Shown
    best_shown: Shown
    baseline_shown: Shown
    artefacts: Path | None
    """What the candidate's run left, to be scored on other data."""
    usual_seconds: float
    """How long a run takes as a rule."""
    queries: int = 0
    """Times that the holdout was asked in this run."""
    runs: int = 0
    """Runs of programs that the guards spent."""
    spare: int | None = None
    """Runs up to which a gain may be repeated; None is any number."""

    @property
    def gain(self) -> float:
        """Mean loss of the best minus that of the candidate: exactly 0 where all are equal."""
        return mean(self.best_losses) - mean(self.losses)


Measure = Callable[[Files], Awaitable[float | None]]
"""One more run of a program: its loss, None where it has no score."""


class Guard(Protocol):
    """Is this gain real?"""

    name: str

    async def check(self, promotion: Promotion) -> Verdict:
        """The verdict on a candidate that every guard before this one has passed."""
        ...
