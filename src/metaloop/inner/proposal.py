"""What passes between the steps of one trial."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from metaloop.inner.settings import Strategy
from metaloop.mechanism.api import Steer
from metaloop.task.patch import Candidate, Files


@dataclass(frozen=True)
class View:
    """What the proposal of trial `number` may know: the first `seen` trials and no more."""

    number: int
    seen: int
    since: int
    """The trace starts here: 0, or the trial of the last restart."""
    best: int
    parent: int
    strategy: Strategy


@dataclass
class Proposal:
    """A candidate and how it came about. `files` is None when there is nothing to run."""

    view: View
    arm: str
    by: str
    candidate: Candidate
    files: Files | None = None
    reason: str = ""
    steer: Steer | None = None
    live: bool = False
    asked: list[list[Any]] = field(default_factory=list)
    broken: str = ""
    """Why the mechanism is to be retired, if it failed."""
