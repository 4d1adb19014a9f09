"""The settings of a run: what the user asked for, and the strategy that the outer loop tunes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from metaloop.mechanism.builtin import BASELINES

Control = Literal["none", "restart", "placebo"]
LEVELS = {"1": {1.0}, "1,1.5": {1.0, 1.5}, "1,2": {1.0, 2.0}, "1,1.5,2": {1.0, 1.5, 2.0}}


@dataclass(frozen=True)
class Settings:
    """What a run does. Stored in the journal, so that a resumed run goes on alike.

    Raises ValueError on values out of range.
    """

    inner: str | None = None
    """Model of the proposer; None: built-in mechanisms alone."""
    outer: str | None = None
    roles: dict[str, str] = field(default_factory=dict)
    """Model per role, over `inner` and `outer`."""
    levels: str = "1,1.5,2"
    trials: int = 24
    outer_every: int = 8
    workers: int = 1
    seed: int = 0
    budget_usd: float | None = None
    budget_minutes: float | None = None
    unsafe: bool = False
    baseline_runs: int = 3
    """Measurements of the unchanged program; more where they differ."""
    control: Control = "none"
    """For studies: `restart` restarts where level 2 would act, `placebo` lets an inert
    mechanism act in place of each generated one that is installed."""
    first: tuple[str, ...] = ()
    """For studies: built-in mechanisms in use from the first trial on. Without a model they
    search alone."""
    share: bool = False
    """For studies: take model answers and measurements that another run of the journal with this
    seed was given, so that runs differ only where they were made to."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", tuple(self.first))  # a list, when read from JSON
        if unknown := sorted(set(self.first) - set(BASELINES)):
            raise ValueError(f"first: {', '.join(unknown)} is none of {', '.join(BASELINES)}")
        if self.levels not in LEVELS:
            raise ValueError(f"levels: {self.levels!r} is none of {', '.join(LEVELS)}")
        for name in ("trials", "outer_every", "workers", "baseline_runs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1 (got {getattr(self, name)})")
        for name in ("budget_usd", "budget_minutes"):
            if (value := getattr(self, name)) is not None and value < 0:
                raise ValueError(f"{name}: must not be negative (got {value})")

    def has_level(self, level: float) -> bool:
        return level in LEVELS[self.levels]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Strategy:
    """Level 1.5: the tunable settings of the inner loop."""

    frozen: tuple[str, ...] = ()
    """Parameters that the proposer may not change for now; never all of them."""
    focus: tuple[str, ...] = ()
    """Parameters or functions to change first."""
    guidance: str = ""
    temperature: float = 0.7

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Strategy:
        """From an event's data, as `asdict` wrote it."""
        return cls(
            tuple(data["frozen"]), tuple(data["focus"]), data["guidance"], data["temperature"]
        )
